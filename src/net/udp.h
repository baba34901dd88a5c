/*
 * A UDP worker: one thread that answers datagrams in batches, from one or more sockets. Bytes only.
 *
 * Threads: udp_worker_run() is the body of the worker's thread and calls the handler on it;
 * udp_worker_stop() may be called from any other.
 */
#ifndef LOCUM_NET_UDP_H
#define LOCUM_NET_UDP_H

#include <sys/socket.h>

#include "base/slice.h"

enum {
    /* Room for one datagram. Larger ones come cut: no query of ours is that long. An odd number of
     * cache lines, so that the batch's first lines do not all fall into one set of the cache. */
    UDP_BUFFER_SIZE = 21 * 64,
};

struct udp_packet {
    uint8_t *data; /* UDP_BUFFER_SIZE bytes; the reply is built in place */
    size_t length; /* received; the handler sets the reply's length, 0 for none */
    bool cut;      /* the datagram was longer than the buffer */
    const struct sockaddr *peer;
};

struct udp_settings {
    const int
        *fds; /* bound sockets; the worker owns them from udp_worker_new() on, even on failure */
    size_t count;
    /* Answers COUNT packets, at most DNS_BATCH. */
    void (*handler)(void *context, struct udp_packet *packets, size_t count);
    /* Called around every wait; the thread holds no shared data between them. */
    void (*before_wait)(void *context);
    void (*after_wait)(void *context);
    void *context;
};

struct udp_worker;

/* ERR_MEMORY or ERR_IO. */
MUST_CHECK enum error udp_worker_new(const struct udp_settings *settings, struct udp_worker **out);
/* Serves until udp_worker_stop(), then answers what has arrived by then and returns. */
void udp_worker_run(struct udp_worker *worker);
void udp_worker_stop(struct udp_worker *worker);
/* Only when the worker does not run. Closes the sockets. */
void udp_worker_free(struct udp_worker *worker);

#endif
