/*
 * Tells the service manager how the daemon stands: datagrams of `NAME=VALUE` lines to the socket in
 * $NOTIFY_SOCKET, as sd_notify(3) describes them. Without that variable nothing is done.
 */
#ifndef LOCUM_DAEMON_NOTIFY_H
#define LOCUM_DAEMON_NOTIFY_H

struct notify {
    int fd; /* -1: nobody is listening */
};

/* Connects while the environment is as the service manager made it. */
void notify_init(struct notify *notify);
void notify_fini(struct notify *notify);
void notify_ready(const struct notify *notify);
/* A reload has begun; notify_ready() says that it is over. */
void notify_reloading(const struct notify *notify);
void notify_stopping(const struct notify *notify);

#endif
