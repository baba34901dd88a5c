/*
 * What the routes of the public HTTP door share: one call's context, and how it is answered.
 */
#ifndef LOCUM_FRONT_API_PRIVATE_H
#define LOCUM_FRONT_API_PRIVATE_H

#include "front/api_front.h"
#include "front/json_fields.h"
#include "front/request_auth.h"

struct api_front {
    struct api_front_settings settings;
    char *public_url; /* without a final slash */
};

/* One request on its way through the door. It lives on the stack while a route answers at once; a
 * route that waits for the writer keeps a copy. */
struct api_call {
    struct api_front *front;
    struct http_request *request;
    struct slice token;       /* from the path, or empty */
    struct ip_address client; /* proxies taken into account */
    const char *route;        /* for the log: never what the client sent */
};

struct origin api_origin(const struct api_call *call);

/* Answers with STATUS and a body; TYPE may be NULL. Each ends the request. */
void api_answer(const struct api_call *call, int status, const char *type, struct slice body);
/* As api_answer(), with one more header. */
void api_answer_with(const struct api_call *call, int status, const char *type, struct slice body,
                     const char *header, const char *value);
/* {"error": "word"} with the status of ERROR. */
void api_answer_error(const struct api_call *call, enum error error);
/* The same; for ERR_RATE_LIMITED the client is told to come back after RETRY_AFTER_S seconds. */
void api_answer_refused(const struct api_call *call, enum error error, uint32_t retry_after_s);
/* Plain text as Go's net/http writes it, which is what acme-dns answers off its routes. */
void api_answer_text(const struct api_call *call, int status, const char *text);

/* The API key that the request holds. ERR_FORBIDDEN. */
MUST_CHECK enum error api_authenticate(const struct api_call *call, const struct api_key **key);
/* The API key and the body's members, which the caller decrefs. In acme-dns whatever is wrong with
 * the body, short of the value itself, is ERR_FORBIDDEN too. */
MUST_CHECK enum error api_read_key_request(const struct api_call *call, enum json_extent extent,
                                           const struct api_key **key, json_t **fields);

/* A call that waits for the writer: kept, answered on its loop, freed. */
struct api_wait {
    struct http_task task;
    struct api_call call;
    enum error error;
};

/* Keeps CALL in WAIT, which is part of something the route allocated. */
void api_wait_begin(struct api_wait *wait, const struct api_call *call,
                    void (*answer)(struct http_task *task));
/* From the writer's thread: the answer goes out on the call's own loop. */
void api_wait_end(struct api_wait *wait, enum error error);

/* ---- routes ---- */

/* acmedns_api.c */
void acmedns_register(const struct api_call *call);
void acmedns_update(const struct api_call *call);
void acmedns_health(const struct api_call *call);
/* v1_api.c */
void v1_clear(const struct api_call *call);
void v1_values(const struct api_call *call);

#endif
