/*
 * What the files of the HTTP server share: server, loop, connection. Nobody else includes this.
 *
 * Ownership: the server owns its loops and listening sockets; a loop owns its connections; a
 * connection owns its bufferevent (and with it socket and TLS session), its buffer and its one
 * request. A connection whose peer is gone while the handler still has the request stays, without
 * bufferevent, until http_reply().
 *
 * Threads: everything in a loop and in its connections belongs to the loop's thread, except the
 * mailbox. What loops share in the server is fixed before they start, atomic, or has a lock.
 */
#ifndef LOCUM_NET_HTTP_INTERNAL_H
#define LOCUM_NET_HTTP_INTERNAL_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "base/prefix_limit.h"
#include "net/http_parser.h"
#include "net/http_server.h"
#include "net/tls.h"

enum {
    LISTENERS_MAX = 64,         /* listening sockets of one loop */
    SOCKETS_MAX = 1024,         /* of one server: LISTENERS_MAX addresses on 16 loops */
    ACCEPT_BATCH = 64,          /* accepts between two looks at the connections that are open */
    ACCEPT_RETRY_MS = 100,      /* a listener that is paused looks again after this */
    BUFFER_FIRST = 4096,        /* bytes of a connection's first buffer: holds usual requests */
    READ_AHEAD_MAX = 16 * 1024, /* bytes received while a request waits for its reply */
    SCRATCH_SIZE = 16 * 1024,   /* the head of a reply, and the body if it fits as well */
    TASK_BATCH = 256,           /* tasks between two looks at the sockets */
    /* After a reply that ends the connection, what still comes in is read and thrown away for a
     * moment: closing a socket with unread bytes would destroy the reply (RFC 9112, 9.6). */
    LINGER_MS = 2000,
    LINGER_MAX = 8 * 1024 * 1024, /* bytes */
    WARNING_INTERVAL_MS = 10000,  /* between two log lines on the same cap */
    DATE_SIZE = 32,
};

/* What is warned about, at most once in WARNING_INTERVAL_MS on each loop. */
enum http_warning { WARN_TOTAL, WARN_PREFIX, WARN_ACCEPT, WARN_COUNT };

/* One listening socket as one loop sees it. */
struct http_listener {
    struct http_loop *loop;
    int fd; /* borrowed from the server */
    bool tls;
    struct event event;
};

struct http_connection;
LIST_HEAD(http_connection_list, http_connection);
TAILQ_HEAD(http_idle_list, http_connection);

struct http_loop {
    struct http_server *server;
    pthread_t thread;
    struct event_base *base;
    struct mailbox tasks;
    struct event tasks_event;
    struct http_task stop_task;
    int stop_grace_ms;
    bool stopping;
    struct event grace_timer;
    struct http_listener listeners[LISTENERS_MAX];
    size_t listener_count;
    bool paused;
    struct event resume_timer;
    struct http_connection_list connections;
    struct http_idle_list idle; /* kept alive without a request, longest first */
    uint64_t next_id, id_key;   /* of requests (http_reply.c) */
    int64_t date_second;
    char date[DATE_SIZE];
    int64_t warned_ms[WARN_COUNT];
    uint64_t warnings_held[WARN_COUNT];
    uint8_t scratch[SCRATCH_SIZE];
};

struct http_socket {
    int fd;
    bool tls;
    int loop; /* -1: all */
};

struct http_server {
    struct http_settings settings; /* with the defaults filled in */
    struct http_socket sockets[SOCKETS_MAX];
    size_t socket_count;
    struct prefix_counter *prefixes;
    _Atomic size_t connections;
    pthread_mutex_t tls_mutex;
    SSL_CTX *tls; /* NULL until a certificate is set */
    bool started, stopped;
    int loop_count;
    struct http_loop *loops;
};

enum http_state {
    STATE_HANDSHAKE,
    STATE_IDLE, /* no byte of a request yet */
    STATE_HEAD,
    STATE_BODY,
    STATE_HANDLING,  /* the handler has the request */
    STATE_WRITING,   /* a reply leaves */
    STATE_LINGERING, /* nothing more is sent; what comes in is thrown away */
    STATE_CLOSED,    /* the socket is gone */
};

struct http_connection {
    struct http_loop *loop;
    LIST_ENTRY(http_connection) entry;
    TAILQ_ENTRY(http_connection) idle_entry;
    bool on_idle_list;
    struct bufferevent *bev; /* NULL once closed */
    SSL *ssl;                /* borrowed from bev; NULL without TLS */
    enum http_state state;
    bool busy;        /* a function on the stack uses the connection: it must not be freed */
    bool handed_over; /* the handler has the request */
    bool peer_ended;  /* no more bytes will come */
    bool close_after; /* the reply that is leaving is the last one */
    size_t discarded;
    int64_t deadline_ms; /* monotonic; INT64_MAX: none */
    int64_t timer_ms;    /* when the timer fires; INT64_MAX: it is not set */
    struct event timer;
    uint8_t *buffer;
    size_t buffer_size;
    size_t buffered;
    struct http_parser parser;
    struct http_header headers[HTTP_HEADERS_MAX];
    struct http_request request;
};

/* ---- http_server.c ---- */
/* A new TLS session with the certificate of the moment; NULL if there is none. */
SSL *http_server_tls_session(struct http_server *server);

/* ---- http_loop.c ---- */
MUST_CHECK enum error http_loop_init(struct http_loop *loop, struct http_server *server);
void http_loop_fini(struct http_loop *loop);
MUST_CHECK enum error http_loop_add_listener(struct http_loop *loop, int fd, bool tls);
MUST_CHECK enum error http_loop_start(struct http_loop *loop);
/* On the loop's thread: accepts no more, lets requests finish, ends the loop. */
void http_loop_stop(struct http_loop *loop);
/* Around whatever libevent calls. */
void http_loop_enter(struct http_loop *loop);
void http_loop_leave(struct http_loop *loop);
int64_t http_loop_now(const struct http_loop *loop);
/* True if it is time to log WHAT again; *HELD then says how often it was not. */
bool http_loop_warns(struct http_loop *loop, enum http_warning what, uint64_t *held);
/* A connection is gone: there may be room for another, or the loop may end. */
void http_loop_connection_gone(struct http_loop *loop);

/* ---- http_accept.c ---- */
/* The libevent callback of a listener, whose address is CONTEXT. */
void http_accept_ready(evutil_socket_t fd, short what, void *context);
void http_accept_resume(struct http_loop *loop);

/* ---- http_connection.c ---- */
struct http_peer {
    struct ip_address address;
    uid_t uid;
    gid_t gid;
};
/* Takes FD and SSL (NULL: without TLS), also on failure. */
MUST_CHECK enum error http_connection_new(struct http_loop *loop, int fd, SSL *ssl,
                                          const struct http_peer *peer);
/* Closes the socket at once. Frees the connection as soon as nobody has its request. */
void http_connection_close(struct http_connection *connection);
/* Closes it if no request has begun; else lets that one finish and be the last. */
void http_connection_drain(struct http_connection *connection);
/* A reply was handed to the socket: goes on with what comes after it. */
void http_connection_replied(struct http_connection *connection);
/* Sets the absolute deadline of the phase that begins now. */
void http_connection_set_deadline(struct http_connection *connection, int timeout_ms);
void http_connection_clear_deadline(struct http_connection *connection);
/* Marks the connection as in use by a function on the stack; true if it was not before. */
static inline bool http_connection_hold(struct http_connection *connection)
{
    bool was_busy = connection->busy;
    connection->busy = true;
    return !was_busy;
}
/* Ends what http_connection_hold() began if HELD is its result; may free the connection. */
void http_connection_unhold(struct http_connection *connection, bool held);

/* ---- http_reply.c ---- */
/* Gives the request its id. */
void http_reply_set_id(struct http_connection *connection);
/* Formats and sends REPLY, sets the connection's state and the deadline for writing. */
void http_reply_send(struct http_connection *connection, const struct http_reply *reply);
/* Answers with STATUS for a request that never reaches the handler, and closes. */
void http_reply_refuse(struct http_connection *connection, int status, const char *why);
void http_reply_continue(struct http_connection *connection);

#endif
