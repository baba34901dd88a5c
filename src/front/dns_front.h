/*
 * The DNS door: UDP workers and TCP loops that answer from the zone set and the index.
 */
#ifndef LOCUM_FRONT_DNS_FRONT_H
#define LOCUM_FRONT_DNS_FRONT_H

#include "base/clock.h"
#include "base/log.h"
#include "service/sightings.h"
#include "zone/index.h"
#include "zone/zone_set.h"

struct dns_front;

struct dns_front_settings {
    int threads;        /* UDP workers, and as many TCP loops; at least 1 */
    const int *udp_fds; /* addresses * threads bound sockets: address a, thread t at a*threads+t */
    const int *tcp_fds; /* the same, bound and listening */
    size_t addresses;
    struct index *index;    /* borrowed */
    struct zone_set *zones; /* the front owns it from dns_front_new() on */
    struct log *log;
    const struct clock *clock;
};

struct dns_counters { /* since start; sums over all threads, read without a lock */
    uint64_t udp_queries, tcp_queries, answers_noerror, answers_nxdomain, answers_refused,
        answers_other, dropped, truncated, tcp_connections;
};

/* ERR_MEMORY or ERR_IO. Owns the sockets from here on. */
MUST_CHECK enum error dns_front_new(const struct dns_front_settings *settings,
                                    struct dns_front **out);
MUST_CHECK enum error dns_front_start(struct dns_front *front);
/* Publishes a new zone set, frees the old one once no reader sees it. Any thread but a DNS one. */
void dns_front_set_zones(struct dns_front *front, struct zone_set *zones);
/* The ring of worker I: 0 to 2 * threads - 1 (UDP workers, then TCP loops). */
struct sighting_ring *dns_front_ring(struct dns_front *front, size_t i);
size_t dns_front_rings(const struct dns_front *front);
struct dns_counters dns_front_counters(const struct dns_front *front);
/* Answers what is in flight, closes TCP connections, ends the threads. */
void dns_front_stop(struct dns_front *front);
void dns_front_free(struct dns_front *front);

#endif
