/*
 * The public HTTP API as a user's program sees it: acme-dns's register and update, locum's clear
 * and values. What a refusal means is said here, once.
 */
#ifndef LOCUM_CLI_API_CLIENT_H
#define LOCUM_CLI_API_CLIENT_H

#include "cli/credentials.h"
#include "cli/http_client.h"

struct registration {
    const char *server; /* a base of server_url_base() */
    const char *domain; /* whose CNAME will point at the new delegate */
    const char *token;  /* or NULL */
    const char *const *allowfrom;
    size_t allowfrom_count;
};

/* Registers. OUT gets what the server gave; server_url is the address that was used, as lego files
 * it: that one is known to work. */
MUST_CHECK enum exit_code api_register(struct http_client *http,
                                       const struct registration *registration,
                                       struct credentials *out);
/* Sets the value TXT (43 characters). */
MUST_CHECK enum exit_code api_update(struct http_client *http,
                                     const struct credentials *credentials, const char *txt);
/* Clears TXT, or every value if it is NULL. *CLEARED gets how many there were, or -1 if the server
 * can't clear (a plain acme-dns). */
MUST_CHECK enum exit_code api_clear(struct http_client *http, const struct credentials *credentials,
                                    const char *txt, int64_t *cleared);
/* *VALUES gets the array of values, owned; NULL if the server can't tell (a plain acme-dns). */
MUST_CHECK enum exit_code api_values(struct http_client *http,
                                     const struct credentials *credentials, json_t **values);

#endif
