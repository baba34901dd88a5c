/*
 * The HTTP/1.1 server: connections, TLS, deadlines and caps; bytes only, no rules of ours.
 *
 * Words: a *loop* is one thread with one libevent base; a *request* is one parsed request that
 * waits for its reply. A server has one or more loops, each accepting on its own SO_REUSEPORT
 * listener (a Unix socket is shared by all loops).
 *
 * Threads: the handler runs on the loop's thread and must not block. It answers at once with
 * http_reply(), or keeps the request and answers later on the same thread: another thread hands
 * its result over with http_loop_post(). A request stays valid until http_reply(), even when its
 * peer has gone; the reply is then thrown away. Each request gets exactly one reply.
 *
 * Deadlines are absolute and start when the phase starts: bytes that trickle in do not move them.
 */
#ifndef LOCUM_NET_HTTP_SERVER_H
#define LOCUM_NET_HTTP_SERVER_H

#include <sys/types.h>

#include "base/clock.h"
#include "base/ip.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/slice.h"

struct http_server;
struct http_loop;

struct http_header {
    struct slice name;  /* as sent; compare without case */
    struct slice value; /* trimmed */
};

struct http_request {
    struct slice method;
    struct slice
        path; /* as sent, not decoded, without query; begins with '/'. OPTIONS may have "*" */
    struct slice query; /* after '?', or empty */
    const struct http_header *headers;
    size_t header_count;
    struct slice body;      /* whole, de-chunked, at most HTTP_BODY_MAX bytes */
    struct ip_address peer; /* who holds the connection; family 0 on a Unix socket */
    uid_t peer_uid;         /* Unix socket: SO_PEERCRED; (uid_t)-1 otherwise */
    gid_t peer_gid;
    bool over_tls;
    char id[17];            /* 16 hex digits, unique in this process: ties log lines together */
    struct http_loop *loop; /* borrowed */
};

/* The first header named NAME (without case), or an empty slice with data NULL if there is none. */
struct slice http_header_get(const struct http_request *request, const char *name);

/* A reply. Strings are borrowed for the time of the call. The server adds Date, Content-Length,
 * Connection, and X-Request-Id; the body of a HEAD request and of 204 and 304 is left out. */
struct http_reply {
    int status;
    const char *content_type; /* NULL: no Content-Type header */
    struct slice body;
    const struct http_header *headers; /* further ones */
    size_t header_count;
    bool close; /* close the connection afterwards */
};

typedef void http_handler(void *context, struct http_request *request);
/* Called on the loop's thread for a request the parser or a limit refused (STATUS is 400, 408, 413,
 * 417, 431, 501, 503 or 505): fills in the body, whose memory must be static. */
typedef void http_refusal(void *context, int status, struct http_reply *reply);

struct http_settings {
    const char *name; /* "api", "admin": in log lines */
    http_handler *handler;
    http_refusal *refusal; /* NULL: empty bodies */
    void *context;
    struct log *log;
    const struct clock *clock;
    int loops; /* threads, at least 1 */
    /* milliseconds; 0 takes the default in brackets */
    int handshake_timeout_ms;   /* [5000] from accept to the end of the TLS handshake */
    int head_timeout_ms;        /* [5000] from the first byte of a request to the end of its head */
    int body_timeout_ms;        /* [10000] from there to the end of its body */
    int idle_timeout_ms;        /* [30000] between requests */
    int write_timeout_ms;       /* [10000] for a reply to leave */
    int connections_max;        /* [4096] in total, all loops */
    int connections_per_prefix; /* [256] from one /24 or /56; Unix sockets are not counted */
    const struct ip_prefix *exempt; /* prefixes without a cap of their own (proxies); borrowed */
    size_t exempt_count;
    /* Called on each loop's thread before it runs and after it ended, and around each batch of
     * callbacks (a thread that reads RCU data is offline outside them). May be NULL. */
    void (*thread_start)(void *context);
    void (*thread_stop)(void *context);
    void (*callback_enter)(void *context);
    void (*callback_leave)(void *context);
};

/* Makes a server without listeners. ERR_MEMORY or ERR_IO. */
MUST_CHECK enum error http_server_new(const struct http_settings *settings,
                                      struct http_server **out);
/* Takes listening sockets, one for each loop (COUNT is settings.loops) or one for all (COUNT 1).
 * They are bound and listening already; the server owns them from here on, even on failure. */
MUST_CHECK enum error http_server_listen(struct http_server *server, const int *fds, size_t count,
                                         bool tls);
/* Takes a new certificate chain and private key (PEM) for all TLS connections accepted from now on.
 * Any thread. ERR_MALFORMED if they can't be used or do not belong together; the old ones then
 * stay. WHY gets a sentence, WHY_SIZE bytes. */
MUST_CHECK enum error http_server_set_certificate(struct http_server *server, struct slice chain,
                                                  struct slice key, char *why, size_t why_size);
/* Starts the threads. */
MUST_CHECK enum error http_server_start(struct http_server *server);
/* Stops accepting, lets requests that have begun finish for up to GRACE_MS, ends the threads. */
void http_server_stop(struct http_server *server, int grace_ms);
void http_server_free(struct http_server *server);
/* Connections now open. Any thread. */
size_t http_server_connections(const struct http_server *server);

/* On the request's loop thread only. Ends the life of REQUEST. */
void http_reply(struct http_request *request, const struct http_reply *reply);

/* Something to run on a loop's thread; embed it in what it concerns. Not owned. */
struct http_task {
    struct letter letter;
    void (*run)(struct http_task *task);
};
/* Any thread. Never fails: the loop of a request that waits for its reply does not end. */
void http_loop_post(struct http_loop *loop, struct http_task *task);

#endif
