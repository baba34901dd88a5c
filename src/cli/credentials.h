/*
 * What a registration gives: the delegate, its API key, and the server both belong to. The same
 * members stand in a registration's answer and in an entry of the credentials file.
 */
#ifndef LOCUM_CLI_CREDENTIALS_H
#define LOCUM_CLI_CREDENTIALS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/limits.h"
#include "cli/server_url.h"
#include "dns/domain.h"

enum { API_KEY_TEXT_MAX = 257 }; /* id or secret of any acme-dns relative (some use 64), and NUL */

struct credentials {
    char fulldomain[DOMAIN_TEXT_MAX]; /* the CNAME's target, without final dot */
    char subdomain[DNS_LABEL_MAX + 1];
    char username[API_KEY_TEXT_MAX];
    char password[API_KEY_TEXT_MAX];
    char server_url[SERVER_URL_MAX]; /* acme-dns's base; never with a registration token */
};

/* Reads the four members that acme-dns gives. Returns NULL, or the name of the member that is
 * missing or can't be used (these go into HTTP headers and onto terminals); OUT is then untouched.
 * server_url is left empty. */
MUST_CHECK const char *credentials_read(json_t *object, struct credentials *out);
/* Wipes the secret. */
void credentials_fini(struct credentials *credentials);
/* Whether TEXT is not empty, printable ASCII without spaces, and fits SIZE with its NUL. */
MUST_CHECK bool is_header_word(const char *text, size_t size);

#endif
