/*
 * What the two halves of DNS over TCP share: dns_tcp.c (loop, listeners, deadlines) and
 * dns_tcp_connection.c (queries and answers of one connection).
 */
#ifndef LOCUM_NET_DNS_TCP_INTERNAL_H
#define LOCUM_NET_DNS_TCP_INTERNAL_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "base/limits.h"
#include "net/dns_frames.h"
#include "net/dns_tcp.h"

enum {
    READ_SIZE = 16 * 1024, /* taken from one connection at a time: others get their turn */
    INPUT_SIZE = DNS_FRAME_KEPT_MAX + READ_SIZE,
    ANSWER_SIZE = DNS_FRAME_HEADER + DNS_MESSAGE_MAX,
    OUTPUT_SIZE = 2 * ANSWER_SIZE, /* answers gathered for one write */
};

enum connection_phase {
    PHASE_IDLE,  /* between queries */
    PHASE_QUERY, /* a query has begun and is not complete */
    PHASE_WRITE, /* answers wait for the peer to take them; nothing is read meanwhile */
};

struct connection {
    TAILQ_ENTRY(connection) link; /* in the loop's idle or busy list, oldest `since` first */
    struct dns_tcp *loop;
    struct event event; /* readable, or writable in PHASE_WRITE */
    int fd;
    struct ip_address peer;
    enum connection_phase phase;
    int64_t since_ms; /* when the phase began, monotonic */
    struct dns_frames frames;
    uint8_t *input; /* kept: an incomplete query, and in PHASE_WRITE those behind it */
    size_t input_length;
    uint8_t *output; /* in PHASE_WRITE: what is left to be sent */
    size_t output_length;
    size_t output_sent;
};

TAILQ_HEAD(connection_list, connection);

struct dns_tcp {
    struct dns_tcp_settings settings;
    struct event_base *base;
    struct listener *listeners;
    struct event *sweep; /* runs while there are connections */
    struct event *pause; /* runs out when listeners may accept again */
    struct event *stop;
    int stop_fd;
    int64_t warned_ms;
    struct connection_list idle;
    struct connection_list busy;
    /* Scratch of whichever connection is being served. */
    uint8_t input[INPUT_SIZE];
    uint8_t output[OUTPUT_SIZE];
};

/* Event callback: something can be read or written. May free the connection. */
void connection_ready(evutil_socket_t fd, short what, void *context);
/* Closes, takes back its places under the caps, frees. */
void connection_close(struct connection *connection);
/* Puts CONNECTION, which is in no list, into the one of its phase. */
void connection_enlist(struct connection *connection);

#endif
