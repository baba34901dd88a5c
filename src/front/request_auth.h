/*
 * What a request says to be let in: an API key (its own headers, or HTTP Basic), or a registration
 * token (in the path, a header, Bearer, or Basic). Never asked for with WWW-Authenticate: a browser
 * that remembers Basic credentials would send them along with other sites' requests.
 */
#ifndef LOCUM_FRONT_REQUEST_AUTH_H
#define LOCUM_FRONT_REQUEST_AUTH_H

#include "net/http_server.h"
#include "service/service.h"

/* HTTP Basic, decoded (RFC 7617). */
struct basic_credentials {
    uint8_t buffer[512];
    struct slice user, password; /* within buffer; empty if there are none that can be read */
};

/* The API key's id and secret: X-Api-User and X-Api-Key if either is there, else Basic. The slices
 * point into REQUEST or BASIC. */
struct credentials request_credentials(const struct http_request *request,
                                       struct basic_credentials *basic);
/* The registration token; empty if there is none. IN_PATH is the one from the path, or empty. */
struct slice request_token(const struct http_request *request, struct slice in_path,
                           struct basic_credentials *basic);

#endif
