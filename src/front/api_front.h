/*
 * The public HTTP door: routes each request to the acme-dns contract or to locum's own API, and
 * adds what every answer carries (Vary, CORS).
 */
#ifndef LOCUM_FRONT_API_FRONT_H
#define LOCUM_FRONT_API_FRONT_H

#include "net/http_server.h"
#include "service/service.h"

struct api_front;

struct api_front_settings {
    struct service *service; /* borrowed */
    const char *public_url;  /* "https://auth.example.org", may have a path; without final slash */
    const struct ip_prefix *trusted_proxies; /* borrowed */
    size_t trusted_proxy_count;
    const char *const *cors_origins; /* empty: every origin; borrowed */
    size_t cors_origin_count;
    struct log *log;
    const struct clock *clock;
};

MUST_CHECK enum error api_front_new(const struct api_front_settings *settings,
                                    struct api_front **out);
void api_front_free(struct api_front *front);
/* An http_handler; CONTEXT is the front. */
void api_front_handle(void *context, struct http_request *request);
/* An http_refusal; CONTEXT is the front. */
void api_front_refuse(void *context, int status, struct http_reply *reply);

#endif
