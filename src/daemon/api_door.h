/*
 * The API's front as a reload can change it: a new front is made and published whole; requests that
 * have begun finish with the one they came in by. Old fronts are kept until the daemon ends (one
 * has a few hundred bytes, and only a reload that changes the API's settings makes one).
 */
#ifndef LOCUM_DAEMON_API_DOOR_H
#define LOCUM_DAEMON_API_DOOR_H

#include <stdatomic.h>

#include "daemon/config.h"
#include "front/api_front.h"

struct api_front_copy;

struct api_door {
    struct service *service; /* borrowed, as the next two */
    struct log *log;
    const struct clock *clock;
    _Atomic(struct api_front_copy *) current; /* NULL before the first api_door_set() */
};

/* Publishes a front with CONFIG's settings, if they differ from the present ones. CONFIG is copied.
 * One thread at a time. ERR_MEMORY leaves the present one. */
MUST_CHECK enum error api_door_set(struct api_door *door, const struct config *config);
/* Frees all fronts, when no request can come any more. */
void api_door_fini(struct api_door *door);
/* The front's http_handler and http_refusal; CONTEXT is the door. */
void api_door_handle(void *context, struct http_request *request);
void api_door_refuse(void *context, int status, struct http_reply *reply);

#endif
