/*
 * Sockets that listen: bound once at the start, before any thread and before anything is served.
 *
 * Several threads share one address by SO_REUSEPORT. That option would let a second locumd of the
 * same user take half of the queries without a word: so the first socket of an address is bound
 * without it, which fails if anybody has the address, and is opened for its siblings afterwards.
 *
 * Every socket is close-on-exec. TCP and Unix sockets listen and do not block; UDP sockets block.
 */
#ifndef LOCUM_DAEMON_LISTEN_H
#define LOCUM_DAEMON_LISTEN_H

#include "daemon/config.h"

/* The sockets of one list of addresses: of address A and thread T at position A * threads + T. A
 * Unix socket has one, shared by all threads; the other positions hold -1. */
struct listening {
    const struct config_listens *listens; /* borrowed */
    size_t threads;
    int *udp; /* NULL for the API */
    int *tcp;
    struct sockaddr_storage *bound; /* one an address, with the port that was had */
    bool *made;                     /* one an address: a Unix socket of ours stands in the folder */
};

/* Binds UDP (if WITH_UDP) and TCP. UDP and TCP share one port, also if any free one is asked for
 * (port 0). ERR_CONFIG with one line in WHY; ERR_MEMORY. */
MUST_CHECK enum error listening_bind(struct listening *out, const struct config *config,
                                     const struct config_listens *listens, size_t threads,
                                     bool with_udp, char why[COMPLAINT_MAX]);
/* The caller has handed the sockets over: they are not closed any more. */
void listening_forget_sockets(struct listening *listening);
/* Closes what was not handed over, removes Unix sockets. */
void listening_fini(struct listening *listening);
/* Writes the addresses as bound, separated by commas: "127.0.0.1:53,[::1]:53". */
void listening_describe(const struct listening *listening, char *out, size_t size);

/* Binds a Unix socket with MODE, and GROUP unless it is (gid_t)-1. One that nobody listens on is
 * replaced. ERR_CONFIG with what is wrong in WHY, without a place. */
MUST_CHECK enum error unix_listen(const char *path, mode_t mode, gid_t group, int *fd, char *why,
                                  size_t why_size);

#endif
