/*
 * Who a client is when proxies stand between. Nothing is believed that an untrusted peer says: only
 * from a trusted proxy is X-Forwarded-For looked at, and of it only the nearest hop that is not
 * itself a trusted proxy (what stands further left was written by that hop's side).
 */
#ifndef LOCUM_FRONT_CLIENT_ADDRESS_H
#define LOCUM_FRONT_CLIENT_ADDRESS_H

#include "net/http_server.h"

/* A peer on a Unix socket is taken for a trusted proxy: the socket's permissions say who that is.
 * If the nearest hop can't be read the client is IP_UNKNOWN: no allowfrom lets it in, and all such
 * clients share one limit. */
struct ip_address client_address(const struct http_request *request,
                                 const struct ip_prefix *trusted, size_t trusted_count);

#endif
