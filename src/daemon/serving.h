/*
 * The serving process: everything that answers, from the bound sockets to the end. It reads no file
 * but the database once it serves, and never forks.
 *
 * Threads: all of this runs on the main thread, which waits for signals and for the outbound
 * process; DNS, API and store have threads of their own.
 */
#ifndef LOCUM_DAEMON_SERVING_H
#define LOCUM_DAEMON_SERVING_H

#include "daemon/api_door.h"
#include "daemon/channel.h"
#include "daemon/listen.h"
#include "daemon/notify.h"
#include "daemon/reload.h"
#include "front/admin_front.h"
#include "front/dns_front.h"

enum exit_code {
    EXIT_STOPPED = 0,
    EXIT_FAILED = 1, /* something failed that is not the configuration */
    EXIT_CONFIG = 2, /* the configuration, a port in use, a locked data folder */
};

struct serving {
    struct log log;
    struct clock clock;
    struct config *started; /* what sockets and threads were made from: kept for life */
    struct config *current; /* the newest; may be the same */
    gid_t admin_group;      /* (gid_t)-1: none */
    int lock;               /* of the data folder */
    struct listening dns_sockets;
    struct listening api_sockets;
    int admin_fd; /* -1 once handed over */
    char admin_path[108];
    struct channel channel;
    pid_t keeper; /* 0: the outbound process can't be had any more */
    bool reload_asked;
    struct service *service;
    struct dns_front *dns;
    struct sighting_ring **rings;
    struct api_door door;
    struct http_server *api;
    struct admin_front *admin_front;
    struct http_server *admin;
    struct notify notify;
    int signals; /* signalfd */
};

/* Runs the daemon until it is told to stop. Takes READING. FILE is the configuration file's name.
 */
enum exit_code serving_run(const char *file, struct reading *reading);

/* ---- the parts, for serving.c alone ---- */

/* Opens store, fronts and servers and starts their threads. ERR_CONFIG or another error with one
 * line in WHY. What was begun is ended by serving_stop(). */
MUST_CHECK enum error serving_start(struct serving *serving, const struct certificate *certificate,
                                    char why[COMPLAINT_MAX]);
/* Drains and frees, in the order that loses nothing. */
void serving_stop(struct serving *serving);
/* Builds the zone set with the store's ids. */
MUST_CHECK enum error serving_zone_set(const struct serving *serving, const struct config *config,
                                       struct zone_set **out, char why[COMPLAINT_MAX]);
/* Asks the outbound process to read everything again. */
void serving_ask_reload(struct serving *serving);
/* Takes what the outbound process and its keeper have said. */
void serving_hear(struct serving *serving);
/* Finds the group of admin.sock; (gid_t)-1 if there is none of the default name. ERR_CONFIG with
 * one line if one was named that does not exist. */
MUST_CHECK enum error admin_group_find(const struct config *config, gid_t *out,
                                       char why[COMPLAINT_MAX]);

#endif
