/*
 * The operator's door: JSON over HTTP on admin.sock in the run folder. Who may come in is decided
 * by the peer's uid (root, the daemon's own) or group, before any route is looked at.
 */
#ifndef LOCUM_FRONT_ADMIN_FRONT_H
#define LOCUM_FRONT_ADMIN_FRONT_H

#include "front/dns_front.h"
#include "net/http_server.h"
#include "service/service.h"

struct admin_front;

struct admin_front_settings {
    struct service *service; /* borrowed, as all here */
    struct dns_front *dns;
    struct http_server *api; /* for its connection count */
    const char *node;
    gid_t admin_group; /* (gid_t)-1: none */
    struct log *log;
    const struct clock *clock;
};

MUST_CHECK enum error admin_front_new(const struct admin_front_settings *settings,
                                      struct admin_front **out);
void admin_front_free(struct admin_front *front);
void admin_front_handle(void *context, struct http_request *request);
void admin_front_refuse(void *context, int status, struct http_reply *reply);

#endif
