/*
 * The socketpair between the serving process and the outbound process: whole messages, each with a
 * kind, in order. A message is sent as packets of a SOCK_SEQPACKET socket, each with the kind, the
 * length of the whole and its own offset: a sender that dies in the middle leaves a torn message,
 * which the next one's first packet throws away.
 *
 * One thread of each process uses its end.
 */
#ifndef LOCUM_DAEMON_CHANNEL_H
#define LOCUM_DAEMON_CHANNEL_H

#include "base/slice.h"

enum {
    CHANNEL_MESSAGE_MAX = 64 * 1024 * 1024, /* bytes: far above a configuration with its records */
};

/* What is said. Bodies are written with write_counted() and read with read_counted(). */
enum message_kind {
    MESSAGE_HELLO = 1,    /* outbound: here I am, with nothing inherited left open; u32 pid */
    MESSAGE_RELOAD = 2,   /* serving: read everything again; no body */
    MESSAGE_RELOADED = 3, /* outbound: see reload.h */
    MESSAGE_REFUSED = 4,  /* outbound: the new configuration can't be used; counted line */
    MESSAGE_ENDED = 5,    /* keeper: the outbound process ended; counted how */
};

struct channel {
    int fd;
    uint8_t *partial; /* the message that is being received, or NULL */
    uint32_t kind;
    size_t total;
    size_t have;
};

struct message {
    enum message_kind kind;
    struct slice body; /* valid until message_free() */
    void *memory;
};

/* Makes both ends, close-on-exec. ERR_IO. */
MUST_CHECK enum error channel_pair(int fds[2]);
void channel_init(struct channel *channel, int fd);
void channel_fini(struct channel *channel);
/* Sends a message. Waits up to TIMEOUT_MS in all when the peer is slow. ERR_TIMEOUT, ERR_NOT_FOUND
 * (the peer is gone), ERR_TOO_LARGE, ERR_IO. */
MUST_CHECK enum error channel_send(struct channel *channel, enum message_kind kind,
                                   struct slice body, int timeout_ms);
/* Takes the next message if a whole one is there; never waits. ERR_SHORT: not yet. ERR_NOT_FOUND:
 * the peer is gone. ERR_MALFORMED: not of this form, skipped. ERR_MEMORY, ERR_IO. */
MUST_CHECK enum error channel_receive(struct channel *channel, struct message *out);
void message_free(struct message *message);

#endif
