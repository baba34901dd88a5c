/*
 * The forms that single values of the configuration have. Pure.
 */
#ifndef LOCUM_DAEMON_CONFIG_VALUES_H
#define LOCUM_DAEMON_CONFIG_VALUES_H

#include <sys/socket.h>

#include "base/slice.h"

/* A whole number in decimal without sign or leading zeros. */
MUST_CHECK enum error value_number(const char *text, uint64_t *out);
/* A whole number with a unit: 500ms, 30s, 15m, 12h, 7d, 4w. In milliseconds; ERR_MALFORMED also
 * over a hundred years. */
MUST_CHECK enum error value_duration(const char *text, int64_t *milliseconds);
/* ADDRESS:PORT, IPv6 in brackets. */
MUST_CHECK enum error value_socket_address(const char *text, struct sockaddr_storage *out,
                                           socklen_t *length);
/* A domain name in ASCII, with or without final dot: labels of letters, digits, hyphens and
 * underscores (RFC 1035 section 2.3.1, RFC 8553). */
bool value_is_domain(const char *text);
/* local@domain. */
bool value_is_mail_address(const char *text);
/* http:// or https://, a host, perhaps a port; WITH_PATH: perhaps a path too. No user, query or
 * fragment (RFC 3986). */
bool value_is_url(const char *text, bool with_path);
/* 1 to 64 letters, digits, dots, hyphens and underscores. */
bool value_is_node_name(const char *text);

#endif
