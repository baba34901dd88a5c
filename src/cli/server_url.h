/*
 * The server's addresses: what a user gives (--server), what is filed as "server_url" (the base
 * that acme-dns's clients append /register and /update to), and where locum's own endpoints are.
 */
#ifndef LOCUM_CLI_SERVER_URL_H
#define LOCUM_CLI_SERVER_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

enum { SERVER_URL_MAX = 1024 }; /* with the NUL; no browser or proxy needs more */

/* Makes the acme-dns base of GIVEN: https:// unless a scheme is there, final slashes gone, and
 * /api/v1/acme-dns-compat appended unless it ends so. Returns NULL, or what is wrong with GIVEN as
 * the end of a sentence; OUT is then untouched. */
MUST_CHECK const char *server_url_base(const char *given, char out[SERVER_URL_MAX]);
/* Checks a "server_url" of a credentials file and copies it to OUT without final slashes; nothing
 * is appended: it may be of a plain acme-dns. Returns as server_url_base(). */
MUST_CHECK const char *server_url_stored(const char *stored, char out[SERVER_URL_MAX]);
/* Cuts each "/token/TOKEN", as registration links have it, out of URL, in place: the rest is no
 * secret. */
void server_url_cut_token(char *url);
/* Writes URL + "/" + NAME. False if it does not fit. */
MUST_CHECK bool server_url_endpoint(const char *url, const char *name, char out[SERVER_URL_MAX]);
/* Writes the address of locum's own endpoint NAME ("clear", "values"): beside acme-dns-compat if
 * URL ends so, else under /api/v1. False if it does not fit. */
MUST_CHECK bool server_url_own(const char *url, const char *name, char out[SERVER_URL_MAX]);

#endif
