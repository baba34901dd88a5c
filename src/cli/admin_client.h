/*
 * The operator's door as `locum` uses it: JSON over HTTP on locumd's Unix socket.
 */
#ifndef LOCUM_CLI_ADMIN_CLIENT_H
#define LOCUM_CLI_ADMIN_CLIENT_H

#include "cli/http_client.h"
#include "cli/options.h"

/* A client for the socket of --socket; it borrows ARGUMENTS and OUTPUT. */
MUST_CHECK enum exit_code admin_init(const struct arguments *arguments, const struct output *output,
                                     struct http_client *out);
/* Sends METHOD to PATH ("/admin/...") with BODY (taken; NULL for none). *ANSWER, a JSON object,
 * is then the caller's. Any status but 200 and 201 has been said. */
MUST_CHECK enum exit_code admin_call(struct http_client *http, const char *method, const char *path,
                                     json_t *body, json_t **answer);
/* Runs STEP with such a client. */
MUST_CHECK enum exit_code admin_run(const struct arguments *arguments, const struct output *output,
                                    enum exit_code (*step)(struct http_client *http,
                                                           const struct arguments *arguments));
/* The member NAME of OBJECT as text, "" if it is none; as a number, 0 if it is none. */
const char *member_text(json_t *object, const char *name);
int64_t member_number(json_t *object, const char *name);

#endif
