/*
 * What the user commands share: the options that lead to a server and a credentials file, finding
 * a domain's credentials there, and registering when there are none.
 */
#ifndef LOCUM_CLI_USER_H
#define LOCUM_CLI_USER_H

#include "cli/api_client.h"
#include "cli/options.h"
#include "cli/storage.h"

struct user {
    const struct arguments *arguments; /* borrowed, as the next */
    const struct output *output;
    struct http_client http;
    char storage_path[PATH_MAX];
};

MUST_CHECK enum exit_code user_init(struct user *user, const struct arguments *arguments,
                                    const struct output *output);
void user_fini(struct user *user);
/* Normalises GIVEN; EXIT_USAGE, said, if it is no domain. */
MUST_CHECK enum exit_code user_domain(const struct user *user, const char *given,
                                      char domain[DOMAIN_TEXT_MAX]);
/* The stored credentials of DOMAIN. *FOUND is false if there are none, which is not said. */
MUST_CHECK enum exit_code user_find(const struct user *user, const char *domain,
                                    struct credentials *out, bool *found);
/* As user_find(), but for commands that can't go on without: EXIT_FAILED, said. */
MUST_CHECK enum exit_code user_need(const struct user *user, const char *domain,
                                    struct credentials *out);
/* The stored credentials, or else new ones, which are stored; *FRESH says which. */
MUST_CHECK enum exit_code user_find_or_register(struct user *user, const char *domain,
                                                struct credentials *out, bool *fresh);
/* For people: the CNAME to add. The same words whenever it is asked for. */
void user_show_cname(const struct user *user, const char *domain,
                     const struct credentials *credentials);
/* The same as JSON: {"name": "_acme-challenge.DOMAIN.", "target": "FULLDOMAIN."}. NULL without
 * memory. */
json_t *user_cname_json(const char *domain, const struct credentials *credentials);
/* EXIT_USAGE, said, if TXT is no challenge value. */
MUST_CHECK enum exit_code user_check_txt(const struct user *user, const char *txt);

#endif
