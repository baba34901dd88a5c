/*
 * DNS over TCP (RFC 7766): messages after a 16-bit length, many on one connection, pipelined.
 * Bytes only. One loop is one thread with its own listeners and connections.
 *
 * Deadlines are absolute: bytes that trickle in do not move them. A connection that waits for its
 * next query may be closed for another's sake; one with a query or an answer under way may not.
 *
 * Threads: dns_tcp_run() is the body of the loop's thread and calls handler and hooks on it;
 * dns_tcp_stop() may be called from any other. dns_tcp_shared is of all loops and locks itself.
 */
#ifndef LOCUM_NET_DNS_TCP_H
#define LOCUM_NET_DNS_TCP_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/ip.h"
#include "base/log.h"
#include "base/prefix_limit.h"
#include "net/dns_frames.h"

enum {
    DNS_TCP_CONNECTIONS = 2048,  /* of all loops: RFC 9210 asks for 150 at least */
    DNS_TCP_PER_PREFIX = 256,    /* from one /24 or /56 */
    DNS_TCP_IDLE_MS = 10000,     /* between queries (RFC 7766, section 6.2.3) */
    DNS_TCP_IDLE_BUSY_MS = 2000, /* the same when over half of all connections are taken */
    DNS_TCP_QUERY_MS = 5000,     /* from a query's first byte to its last */
    DNS_TCP_WRITE_MS = 10000,    /* for answers to leave, from when they had to wait */
};

/* What all loops share. */
struct dns_tcp_shared {
    _Atomic size_t connections; /* open now */
    _Atomic uint64_t accepted;  /* since the start */
    size_t connections_max;
    struct prefix_counter *prefixes;
};

struct dns_tcp_settings {
    const int *fds; /* bound and listening; the loop owns them from dns_tcp_new() on */
    size_t count;
    struct dns_tcp_shared *shared;
    /* Answers one query in OUT of SIZE bytes, at least DNS_MESSAGE_MAX. CUT: the query was longer
     * than DNS_TCP_QUERY_MAX. Returns the answer's length, 0 for none. */
    size_t (*handler)(void *context, struct slice query, bool cut, const struct ip_address *peer,
                      uint8_t *out, size_t size);
    /* Around a run of handler calls, which hold no shared data between them. */
    void (*enter)(void *context);
    void (*leave)(void *context);
    void *context;
    struct log *log;
    const struct clock *clock;
};

struct dns_tcp;

/* ERR_MEMORY. */
MUST_CHECK enum error dns_tcp_shared_init(struct dns_tcp_shared *shared, size_t connections_max,
                                          size_t per_prefix);
void dns_tcp_shared_fini(struct dns_tcp_shared *shared);
/* ERR_MEMORY or ERR_IO. */
MUST_CHECK enum error dns_tcp_new(const struct dns_tcp_settings *settings, struct dns_tcp **out);
/* Serves until dns_tcp_stop(). */
void dns_tcp_run(struct dns_tcp *loop);
void dns_tcp_stop(struct dns_tcp *loop);
/* Only when the loop does not run. Closes listeners and connections. */
void dns_tcp_free(struct dns_tcp *loop);

#endif
