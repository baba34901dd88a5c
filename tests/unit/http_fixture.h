/*
 * A server on loopback and a client's side for the tests of the HTTP server: real sockets and
 * threads. A request to /later waits until the test answers it; /big, /none, /close, /split and
 * /uid do what their names say, every other path gives its body back.
 */
#ifndef LOCUM_TESTS_HTTP_FIXTURE_H
#define LOCUM_TESTS_HTTP_FIXTURE_H

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/http_server.h"

enum { REPLY_MAX = 256 * 1024, WAIT_MS = 10000, BIG_BODY = 200 * 1000, STALL_MAX = 64 << 20 };

struct fixture {
    struct log log;
    struct clock clock;
    struct http_settings settings;
    struct http_server *server;
    uint16_t port;
    _Atomic int handled;
    _Atomic int entered; /* callback_enter without callback_leave */
    _Atomic int starts, stops;
    /* a request to /later waits here until the test answers it */
    pthread_mutex_t mutex;
    pthread_cond_t kept_one;
    struct http_request *kept;
    struct http_task task;
};

/* ---- the server's side ---- */

static inline void answer_kept(struct http_task *task)
{
    struct fixture *fixture = CONTAINER_OF(task, struct fixture, task);
    struct http_request *request = fixture->kept;
    fixture->kept = NULL;
    http_reply(request, &(struct http_reply){.status = 200, .body = slice_text("later")});
}

static inline void keep(struct fixture *fixture, struct http_request *request)
{
    pthread_mutex_lock(&fixture->mutex);
    fixture->kept = request;
    pthread_cond_signal(&fixture->kept_one);
    pthread_mutex_unlock(&fixture->mutex);
}

static inline void handle(void *context, struct http_request *request)
{
    static const uint8_t big[BIG_BODY] = {'x'};
    struct fixture *fixture = context;
    struct http_header header = {slice_text("X-Path"), request->path};
    struct http_reply reply = {.status = 200,
                               .content_type = "text/plain",
                               .body = request->body,
                               .headers = &header,
                               .header_count = 1};
    assert_int_equal(atomic_load(&fixture->entered), 1);
    atomic_fetch_add(&fixture->handled, 1);
    if (slice_is(request->path, "/later")) {
        keep(fixture, request);
        return;
    }
    if (slice_is(request->path, "/big"))
        reply.body = slice_of(big, sizeof(big));
    if (slice_is(request->path, "/split"))
        header.value = slice_text("a\r\nSet-Cookie: b");
    if (slice_is(request->path, "/close"))
        reply.close = true;
    if (slice_is(request->path, "/none"))
        reply.status = 204;
    if (slice_is(request->path, "/uid"))
        reply.body = slice_text(
            request->peer_uid == getuid() && request->peer.family == 0 ? "mine" : "not mine");
    http_reply(request, &reply);
}

static inline void refuse(void *context UNUSED, int status, struct http_reply *reply)
{
    reply->content_type = "application/json";
    reply->body = slice_text(status == 413 ? "{\"error\": \"payload_too_large\"}" : "{}");
}

static inline void enter(void *context)
{
    atomic_fetch_add(&((struct fixture *)context)->entered, 1);
}

static inline void leave(void *context)
{
    atomic_fetch_sub(&((struct fixture *)context)->entered, 1);
}

static inline void thread_start(void *context)
{
    atomic_fetch_add(&((struct fixture *)context)->starts, 1);
}

static inline void thread_stop(void *context)
{
    atomic_fetch_add(&((struct fixture *)context)->stops, 1);
}

static inline int listen_tcp(uint16_t *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 128), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static inline void fixture_init(struct fixture *fixture)
{
    memset(fixture, 0, sizeof(*fixture));
    log_init(&fixture->log, STDERR_FILENO, "test");
    atomic_store(&fixture->log.level, LOG_LEVEL_ERROR);
    fixture->clock = clock_system();
    pthread_mutex_init(&fixture->mutex, NULL);
    pthread_cond_init(&fixture->kept_one, NULL);
    fixture->task.run = answer_kept;
    fixture->settings = (struct http_settings){.name = "test",
                                               .handler = handle,
                                               .refusal = refuse,
                                               .context = fixture,
                                               .log = &fixture->log,
                                               .clock = &fixture->clock,
                                               .loops = 1,
                                               .thread_start = thread_start,
                                               .thread_stop = thread_stop,
                                               .callback_enter = enter,
                                               .callback_leave = leave};
}

static inline void start(struct fixture *fixture, bool tls)
{
    int fd = listen_tcp(&fixture->port);
    assert_int_equal(http_server_new(&fixture->settings, &fixture->server), ERR_NONE);
    assert_int_equal(http_server_listen(fixture->server, &fd, 1, tls), ERR_NONE);
    assert_int_equal(http_server_start(fixture->server), ERR_NONE);
}

static inline void stop(struct fixture *fixture)
{
    http_server_stop(fixture->server, 1000);
    assert_int_equal(http_server_connections(fixture->server), 0);
    http_server_free(fixture->server);
    assert_int_equal(atomic_load(&fixture->entered), 0);
    assert_int_equal(atomic_load(&fixture->starts), fixture->settings.loops);
    assert_int_equal(atomic_load(&fixture->stops), fixture->settings.loops);
    pthread_mutex_destroy(&fixture->mutex);
    pthread_cond_destroy(&fixture->kept_one);
}

static inline void wait_for_kept(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->mutex);
    while (fixture->kept == NULL)
        pthread_cond_wait(&fixture->kept_one, &fixture->mutex);
    pthread_mutex_unlock(&fixture->mutex);
}

static inline void wait_for_connections(struct fixture *fixture, size_t count)
{
    int64_t until = clock_monotonic_ms(&fixture->clock) + WAIT_MS;
    while (http_server_connections(fixture->server) != count) {
        assert_true(clock_monotonic_ms(&fixture->clock) < until);
        poll(NULL, 0, 1);
    }
}

/* ---- the client's side ---- */

static inline int connect_from(uint16_t port, const char *source)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    struct ip_address address;
    struct timeval patience = {WAIT_MS / 1000, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(ip_parse(slice_text(source), &address), ERR_NONE);
    memcpy(&from.sin_addr, address.bytes, 4);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static inline int connect_to(uint16_t port)
{
    return connect_from(port, "127.0.0.1");
}

static inline void send_all(int fd, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    while (length > 0) {
        ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
        assert_true(sent > 0);
        at += sent;
        length -= (size_t)sent;
    }
}

static inline void send_text(int fd, const char *text)
{
    send_all(fd, text, strlen(text));
}

/* Reads until the peer closes. Returns the length, or -1 if the connection was reset first. */
static inline ssize_t read_to_end(int fd, char *out)
{
    size_t length = 0;
    ssize_t got;
    while ((got = recv(fd, out + length, REPLY_MAX - 1 - length, 0)) > 0)
        length += (size_t)got;
    out[length] = '\0';
    assert_true(got == 0 || errno != EAGAIN); /* or it waited too long */
    return got < 0 ? -1 : (ssize_t)length;
}

/* Reads one reply, whose body is framed by Content-Length. Returns the start of the body. */
static inline char *read_reply(int fd, char *out)
{
    size_t length = 0, wanted = SIZE_MAX;
    char *body = NULL;
    while (length < wanted) {
        ssize_t got = recv(fd, out + length, body == NULL ? 1 : wanted - length, 0);
        assert_true(got > 0);
        length += (size_t)got;
        out[length] = '\0';
        if (body == NULL && (body = strstr(out, "\r\n\r\n")) != NULL) {
            char *field = strstr(out, "Content-Length: ");
            body += 4;
            wanted = length + (field == NULL ? 0 : strtoul(field + 16, NULL, 10));
        }
    }
    return body;
}

static inline int status_of(const char *reply)
{
    assert_int_equal(strncmp(reply, "HTTP/1.1 ", 9), 0);
    return (int)strtol(reply + 9, NULL, 10);
}

/* Sends TEXT on a new connection, and reads to its end. Returns the status. */
static inline int exchange(struct fixture *fixture, const char *text, char *reply)
{
    int fd = connect_to(fixture->port);
    send_text(fd, text);
    assert_true(read_to_end(fd, reply) > 0);
    close(fd);
    return status_of(reply);
}

/* How much a peer can send that the server takes in while it owes a reply. */
static inline size_t send_until_it_stalls(int fd,
                                          ssize_t (*send_some)(void *, const void *, size_t),
                                          void *context)
{
    static const uint8_t piece[16 * 1024];
    size_t total = 0;
    struct pollfd poll_fd = {fd, POLLOUT, 0};
    while (total < STALL_MAX && poll(&poll_fd, 1, 300) == 1) {
        ssize_t sent = send_some(context, piece, sizeof(piece));
        if (sent > 0)
            total += (size_t)sent;
    }
    return total;
}

/* Trickles TEXT, a byte each 20 ms, until the server answers or closes. Returns the time it took.
 */
static inline int64_t trickle(struct fixture *fixture, int fd, const char *text, char *reply)
{
    int64_t begin = clock_monotonic_ms(&fixture->clock);
    struct pollfd poll_fd = {fd, POLLIN, 0};
    while (*text != '\0' && poll(&poll_fd, 1, 20) == 0)
        send(fd, text++, 1, MSG_NOSIGNAL);
    assert_true(*text != '\0');
    int64_t took = clock_monotonic_ms(&fixture->clock) - begin;
    if (reply != NULL)
        read_reply(fd, reply);
    return took;
}

#endif
