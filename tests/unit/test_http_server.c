/*
 * The HTTP server on loopback, with real sockets and threads: what a peer can see of deadlines,
 * caps, framing, TLS and stopping.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

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

static void answer_kept(struct http_task *task)
{
    struct fixture *fixture = CONTAINER_OF(task, struct fixture, task);
    struct http_request *request = fixture->kept;
    fixture->kept = NULL;
    http_reply(request, &(struct http_reply){.status = 200, .body = slice_text("later")});
}

static void keep(struct fixture *fixture, struct http_request *request)
{
    pthread_mutex_lock(&fixture->mutex);
    fixture->kept = request;
    pthread_cond_signal(&fixture->kept_one);
    pthread_mutex_unlock(&fixture->mutex);
}

static void handle(void *context, struct http_request *request)
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

static void refuse(void *context UNUSED, int status, struct http_reply *reply)
{
    reply->content_type = "application/json";
    reply->body = slice_text(status == 413 ? "{\"error\": \"payload_too_large\"}" : "{}");
}

static void enter(void *context)
{
    atomic_fetch_add(&((struct fixture *)context)->entered, 1);
}

static void leave(void *context)
{
    atomic_fetch_sub(&((struct fixture *)context)->entered, 1);
}

static void thread_start(void *context)
{
    atomic_fetch_add(&((struct fixture *)context)->starts, 1);
}

static void thread_stop(void *context)
{
    atomic_fetch_add(&((struct fixture *)context)->stops, 1);
}

static int listen_tcp(uint16_t *port)
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

static void fixture_init(struct fixture *fixture)
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

static void start(struct fixture *fixture, bool tls)
{
    int fd = listen_tcp(&fixture->port);
    assert_int_equal(http_server_new(&fixture->settings, &fixture->server), ERR_NONE);
    assert_int_equal(http_server_listen(fixture->server, &fd, 1, tls), ERR_NONE);
    assert_int_equal(http_server_start(fixture->server), ERR_NONE);
}

static void stop(struct fixture *fixture)
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

static void wait_for_kept(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->mutex);
    while (fixture->kept == NULL)
        pthread_cond_wait(&fixture->kept_one, &fixture->mutex);
    pthread_mutex_unlock(&fixture->mutex);
}

static void wait_for_connections(struct fixture *fixture, size_t count)
{
    int64_t until = clock_monotonic_ms(&fixture->clock) + WAIT_MS;
    while (http_server_connections(fixture->server) != count) {
        assert_true(clock_monotonic_ms(&fixture->clock) < until);
        poll(NULL, 0, 1);
    }
}

/* ---- the client's side ---- */

static int connect_from(uint16_t port, const char *source)
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

static int connect_to(uint16_t port)
{
    return connect_from(port, "127.0.0.1");
}

static void send_all(int fd, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    while (length > 0) {
        ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
        assert_true(sent > 0);
        at += sent;
        length -= (size_t)sent;
    }
}

static void send_text(int fd, const char *text)
{
    send_all(fd, text, strlen(text));
}

/* Reads until the peer closes. Returns the length, or -1 if the connection was reset first. */
static ssize_t read_to_end(int fd, char *out)
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
static char *read_reply(int fd, char *out)
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

static int status_of(const char *reply)
{
    assert_int_equal(strncmp(reply, "HTTP/1.1 ", 9), 0);
    return (int)strtol(reply + 9, NULL, 10);
}

/* Sends TEXT on a new connection, and reads to its end. Returns the status. */
static int exchange(struct fixture *fixture, const char *text, char *reply)
{
    int fd = connect_to(fixture->port);
    send_text(fd, text);
    assert_true(read_to_end(fd, reply) > 0);
    close(fd);
    return status_of(reply);
}

/* ---- replies ---- */

static void answers_and_keeps_the_connection(void **state UNUSED)
{
    struct fixture fixture;
    char reply[REPLY_MAX];
    fixture_init(&fixture);
    start(&fixture, false);
    int fd = connect_to(fixture.port);
    for (int i = 0; i < 3; i++) {
        send_text(fd, "POST /echo?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        assert_string_equal(read_reply(fd, reply), "hello");
        assert_int_equal(status_of(reply), 200);
        assert_non_null(strstr(reply, "\r\nDate: "));
        assert_non_null(strstr(reply, " GMT\r\n"));
        assert_non_null(strstr(reply, "\r\nContent-Type: text/plain\r\n"));
        assert_non_null(strstr(reply, "\r\nX-Request-Id: "));
        assert_non_null(strstr(reply, "\r\nX-Path: /echo\r\n"));
        assert_null(strstr(reply, "\r\nConnection:"));
    }
    assert_int_equal(http_server_connections(fixture.server), 1);
    close(fd);
    wait_for_connections(&fixture, 0);
    stop(&fixture);
}

static void answers_pipelined_requests_in_order(void **state UNUSED)
{
    struct fixture fixture;
    char reply[REPLY_MAX], *at = reply, path[32];
    fixture_init(&fixture);
    start(&fixture, false);
    int fd = connect_to(fixture.port);
    char text[64 * 1024] = "";
    size_t length = 0;
    for (int i = 0; i < 500; i++)
        length +=
            (size_t)snprintf(text + length, sizeof(text) - length,
                             "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", i);
    length += (size_t)snprintf(text + length, sizeof(text) - length,
                               "GET /end HTTP/1.0\r\n\r\nGET /behind HTTP/1.1\r\nHost: a\r\n\r\n");
    send_all(fd, text, length);
    assert_true(read_to_end(fd, reply) > 0);
    for (int i = 0; i < 500; i++) {
        snprintf(path, sizeof(path), "\r\nX-Path: /%d\r\n", i);
        at = strstr(at, path);
        assert_non_null(at);
    }
    at = strstr(at, "X-Path: /end");
    assert_non_null(at);
    assert_null(strstr(at, "/behind"));
    close(fd);
    stop(&fixture);
}

static void answers_old_and_half_closed_peers(void **state UNUSED)
{
    struct fixture fixture;
    char reply[REPLY_MAX];
    fixture_init(&fixture);
    start(&fixture, false);
    assert_int_equal(exchange(&fixture, "GET / HTTP/1.0\r\n\r\n", reply), 200);
    assert_non_null(strstr(reply, "Connection: close"));
    int fd = connect_to(fixture.port);
    send_text(fd, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    read_reply(fd, reply);
    assert_non_null(strstr(reply, "Connection: keep-alive"));
    send_text(fd, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3");
    shutdown(fd, SHUT_WR);
    assert_true(read_to_end(fd, reply) > 0);
    assert_non_null(strstr(reply, "X-Path: /1"));
    assert_non_null(strstr(reply, "X-Path: /2"));
    assert_null(strstr(reply, "X-Path: /3"));
    close(fd);
    stop(&fixture);
}

static void leaves_out_bodies_and_lines_that_must_not_be(void **state UNUSED)
{
    struct fixture fixture;
    char reply[REPLY_MAX];
    fixture_init(&fixture);
    start(&fixture, false);
    static const char tail[] =
        " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
    char text[256];
    snprintf(text, sizeof(text), "HEAD /x%s", tail);
    assert_int_equal(exchange(&fixture, text, reply), 200);
    assert_non_null(strstr(reply, "Content-Length: 2\r\n"));
    assert_string_equal(strstr(reply, "\r\n\r\n"), "\r\n\r\n");
    snprintf(text, sizeof(text), "GET /none%s", tail);
    assert_int_equal(exchange(&fixture, text, reply), 204);
    assert_null(strstr(reply, "Content-Length"));
    assert_string_equal(strstr(reply, "\r\n\r\n"), "\r\n\r\n");
    snprintf(text, sizeof(text), "GET /split%s", tail);
    assert_int_equal(exchange(&fixture, text, reply), 200);
    assert_null(strstr(reply, "Set-Cookie"));
    stop(&fixture);
}

static void sends_large_replies_to_slow_readers(void **state UNUSED)
{
    struct fixture fixture;
    char *reply = malloc(REPLY_MAX);
    fixture_init(&fixture);
    start(&fixture, false);
    int fd = connect_to(fixture.port), small = 32 * 1024;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    send_text(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    char *body = read_reply(fd, reply);
    assert_int_equal(strlen(reply) - (size_t)(body - reply), 1); /* 'x' and zeros */
    read_reply(fd, reply);
    assert_non_null(strstr(reply, "X-Path: /2"));
    close(fd);
    free(reply);
    stop(&fixture);
}

/* ---- requests that are refused ---- */

static void refuses_with_a_reply_that_arrives(void **state UNUSED)
{
    static const struct {
        int status;
        const char *text;
    } cases[] = {
        {400, "nonsense\r\n\r\n"},
        {400,
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"},
        {501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
        {505, "GET / HTTP/3.0\r\n\r\n"},
        {417, "GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n"},
        {413,
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\nExpect: 100-continue\r\n\r\n"},
    };
    struct fixture fixture;
    char reply[REPLY_MAX];
    fixture_init(&fixture);
    start(&fixture, false);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        int fd = connect_to(fixture.port);
        send_text(fd, cases[i].text);
        read_reply(fd, reply);
        assert_int_equal(status_of(reply), cases[i].status);
        assert_non_null(strstr(reply, "\r\nConnection: close\r\n"));
        assert_non_null(strstr(reply, "\r\nContent-Type: application/json\r\n"));
        assert_non_null(strstr(reply, "\r\nX-Request-Id: "));
        assert_int_equal(recv(fd, reply, 1, 0), 0); /* nothing follows */
        close(fd);
    }
    assert_int_equal(atomic_load(&fixture.handled), 0);
    stop(&fixture);
}

/* The peer goes on sending a body that was refused at once: it must still get the reply. */
static void lets_a_refused_sender_read_the_reply(void **state UNUSED)
{
    struct fixture fixture;
    char reply[REPLY_MAX];
    static const uint8_t piece[64 * 1024];
    fixture_init(&fixture);
    start(&fixture, false);
    int fd = connect_to(fixture.port);
    send_text(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n");
    for (size_t i = 0; i < 64; i++)
        send_all(fd, piece, sizeof(piece));
    assert_true(read_to_end(fd, reply) > 0);
    assert_int_equal(status_of(reply), 413);
    assert_non_null(strstr(reply, "payload_too_large"));
    close(fd);
    wait_for_connections(&fixture, 0);
    stop(&fixture);
}

static void stops_reading_from_a_refused_sender(void **state UNUSED)
{
    struct fixture fixture;
    static const uint8_t piece[64 * 1024];
    ssize_t sent = 1;
    fixture_init(&fixture);
    start(&fixture, false);
    int fd = connect_to(fixture.port);
    send_text(fd, "nonsense\r\n");
    for (size_t i = 0; i < 4096 && sent > 0; i++) /* 256 MiB */
        sent = send(fd, piece, sizeof(piece), MSG_NOSIGNAL);
    assert_int_equal(sent, -1);
    close(fd);
    stop(&fixture);
}

static void asks_for_the_body_only_if_it_will_be_read(void **state UNUSED)
{
    struct fixture fixture;
    char reply[REPLY_MAX];
    fixture_init(&fixture);
    start(&fixture, false);
    int fd = connect_to(fixture.port);
    send_text(fd,
              "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_int_equal(recv(fd, reply, 25, MSG_WAITALL), 25);
    assert_memory_equal(reply, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    send_text(fd, "hi");
    assert_string_equal(read_reply(fd, reply), "hi");
    /* Not if it is here already. */
    send_text(fd,
              "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nho");
    assert_string_equal(read_reply(fd, reply), "ho");
    assert_int_equal(status_of(reply), 200);
    close(fd);
    stop(&fixture);
}

static void takes_the_largest_body_and_chunks(void **state UNUSED)
{
    struct fixture fixture;
    char *reply = malloc(REPLY_MAX), size[16];
    uint8_t *body = malloc(HTTP_BODY_MAX);
    memset(body, 'b', HTTP_BODY_MAX);
    fixture_init(&fixture);
    start(&fixture, false);
    int fd = connect_to(fixture.port);
    for (int i = 0; i < 2; i++) {
        send_text(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n");
        send_all(fd, body, HTTP_BODY_MAX);
        assert_int_equal(strlen(read_reply(fd, reply)), HTTP_BODY_MAX);
        send_text(fd, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (size_t at = 0, step = 1; at < HTTP_BODY_MAX; at += step, step = step * 3 % 1001 + 1) {
            if (step > HTTP_BODY_MAX - at)
                step = HTTP_BODY_MAX - at;
            snprintf(size, sizeof(size), "%zx\r\n", step);
            send_text(fd, size);
            send_all(fd, body + at, step);
            send_text(fd, "\r\n");
        }
        send_text(fd, "0\r\n\r\n");
        assert_int_equal(strlen(read_reply(fd, reply)), HTTP_BODY_MAX);
    }
    close(fd);
    free(body);
    free(reply);
    stop(&fixture);
}

/* ---- deadlines ---- */

/* Trickles TEXT, a byte each 20 ms, until the server answers or closes. Returns the time it took.
 */
static int64_t trickle(struct fixture *fixture, int fd, const char *text, char *reply)
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

static void bytes_that_trickle_do_not_move_a_deadline(void **state UNUSED)
{
    static char head[2048] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    static char body[2048];
    struct fixture fixture;
    char reply[REPLY_MAX];
    memset(head + strlen(head), 'a', sizeof(head) - 1 - strlen(head));
    memset(body, 'a', sizeof(body) - 1);
    fixture_init(&fixture);
    fixture.settings.head_timeout_ms = 300;
    fixture.settings.body_timeout_ms = 400;
    fixture.settings.idle_timeout_ms = 200;
    start(&fixture, false);
    int fd = connect_to(fixture.port);
    int64_t took = trickle(&fixture, fd, head, reply);
    assert_int_equal(status_of(reply), 408);
    assert_in_range(took, 280, 3000);
    close(fd);
    fd = connect_to(fixture.port);
    send_text(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n");
    took = trickle(&fixture, fd, body, reply);
    assert_int_equal(status_of(reply), 408);
    assert_in_range(took, 380, 3000);
    close(fd);
    /* Nothing at all: closed without a word, also after a request. */
    fd = connect_to(fixture.port);
    assert_int_equal(recv(fd, reply, 1, 0), 0);
    close(fd);
    fd = connect_to(fixture.port);
    send_text(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    read_reply(fd, reply);
    assert_int_equal(recv(fd, reply, 1, 0), 0);
    close(fd);
    stop(&fixture);
}

static void gives_up_on_who_does_not_read(void **state UNUSED)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.settings.write_timeout_ms = 300;
    start(&fixture, false);
    int fd = connect_to(fixture.port), small = 32 * 1024;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    for (int i = 0; i < 100; i++)
        send_text(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for_connections(&fixture, 1);
    wait_for_connections(&fixture, 0);
    assert_true(atomic_load(&fixture.handled) < 100); /* one reply at a time */
    close(fd);
    stop(&fixture);
}

/* ---- caps ---- */

static void bounds_connections_of_one_network(void **state UNUSED)
{
    struct fixture fixture;
    char reply[REPLY_MAX];
    int fds[3];
    fixture_init(&fixture);
    fixture.settings.connections_per_prefix = 3;
    start(&fixture, false);
    for (size_t i = 0; i < 3; i++)
        fds[i] = connect_to(fixture.port);
    wait_for_connections(&fixture, 3);
    int over = connect_from(fixture.port, "127.0.0.77");
    assert_int_equal(read_to_end(over, reply), 0);
    int other = connect_from(fixture.port, "127.0.1.1");
    send_text(other, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    read_reply(other, reply);
    assert_int_equal(status_of(reply), 200);
    close(over);
    close(other);
    close(fds[0]);
    wait_for_connections(&fixture, 2);
    fds[0] = connect_to(fixture.port);
    send_text(fds[0], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    read_reply(fds[0], reply);
    for (size_t i = 0; i < 3; i++)
        close(fds[i]);
    stop(&fixture);
}

/* With every place taken by requests that have begun, others wait, and are served when one ends. */
static void bounds_connections_in_total(void **state UNUSED)
{
    static const char wants_to_go_on[] =
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    struct fixture fixture;
    char reply[REPLY_MAX];
    int fds[4];
    fixture_init(&fixture);
    fixture.settings.connections_max = 4;
    start(&fixture, false);
    for (size_t i = 0; i < 4; i++) {
        fds[i] = connect_to(fixture.port);
        send_text(fds[i], wants_to_go_on);
        assert_int_equal(recv(fds[i], reply, 25, MSG_WAITALL), 25);
    }
    int waiting = connect_to(fixture.port);
    struct pollfd poll_fd = {waiting, POLLIN, 0};
    send_text(waiting, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(poll(&poll_fd, 1, 300), 0);
    assert_int_equal(http_server_connections(fixture.server), 4);
    close(fds[1]);
    read_reply(waiting, reply);
    assert_int_equal(status_of(reply), 200);
    for (size_t i = 0; i < 4; i++) {
        if (i != 1)
            close(fds[i]);
    }
    close(waiting);
    stop(&fixture);
}

static void the_longest_idle_makes_room(void **state UNUSED)
{
    struct fixture fixture;
    char reply[REPLY_MAX];
    int fds[4];
    fixture_init(&fixture);
    fixture.settings.connections_max = 3;
    start(&fixture, false);
    for (size_t i = 0; i < 4; i++) {
        fds[i] = connect_to(fixture.port);
        send_text(fds[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        read_reply(fds[i], reply);
    }
    assert_int_equal(recv(fds[0], reply, 1, 0), 0);
    for (size_t i = 1; i < 4; i++) {
        send_text(fds[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        read_reply(fds[i], reply);
    }
    for (size_t i = 0; i < 4; i++)
        close(fds[i]);
    stop(&fixture);
}

static int64_t cpu_ms(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* Without file descriptors it neither turns the processor hot nor forgets who waits. */
static void waits_for_file_descriptors(void **state UNUSED)
{
    struct fixture fixture;
    struct rlimit before, low;
    char reply[REPLY_MAX];
    fixture_init(&fixture);
    start(&fixture, false);
    int first = connect_to(fixture.port);
    send_text(first, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    read_reply(first, reply);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(fixture.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = before;
    low.rlim_cur = (rlim_t)fd + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    send_text(fd, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    struct pollfd poll_fd = {fd, POLLIN, 0};
    int64_t used = cpu_ms();
    assert_int_equal(poll(&poll_fd, 1, 500), 0);
    assert_in_range(cpu_ms() - used, 0, 100);
    send_text(first, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); /* others are served meanwhile */
    read_reply(first, reply);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    read_reply(fd, reply);
    assert_non_null(strstr(reply, "X-Path: /2"));
    close(fd);
    close(first);
    stop(&fixture);
}

/* ---- replies from another thread, and stopping ---- */

static void replies_later_and_when_the_peer_is_gone(void **state UNUSED)
{
    struct fixture fixture;
    char reply[REPLY_MAX];
    fixture_init(&fixture);
    start(&fixture, false);
    int fd = connect_to(fixture.port);
    send_text(fd, "GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for_kept(&fixture);
    assert_int_equal(atomic_load(&fixture.handled), 1);
    http_loop_post(fixture.kept->loop, &fixture.task);
    assert_string_equal(read_reply(fd, reply), "later");
    read_reply(fd, reply);
    assert_non_null(strstr(reply, "X-Path: /2"));
    send_text(fd, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for_kept(&fixture);
    struct linger reset = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd);
    poll(NULL, 0, 20);
    assert_int_equal(http_server_connections(fixture.server), 1); /* its place is still taken */
    assert_true(slice_is(fixture.kept->path, "/later"));
    http_loop_post(fixture.kept->loop, &fixture.task);
    wait_for_connections(&fixture, 0);
    stop(&fixture);
}

/* How much a peer can send that the server takes in while it owes a reply. */
static size_t send_until_it_stalls(int fd, ssize_t (*send_some)(void *, const void *, size_t),
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

static ssize_t send_plain(void *context, const void *bytes, size_t length)
{
    return send(*(int *)context, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void does_not_read_far_ahead_of_a_reply(void **state UNUSED)
{
    struct fixture fixture;
    fixture_init(&fixture);
    start(&fixture, false);
    int fd = connect_to(fixture.port);
    send_text(fd, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for_kept(&fixture);
    assert_in_range(send_until_it_stalls(fd, send_plain, &fd), 1, STALL_MAX - 1);
    http_loop_post(fixture.kept->loop, &fixture.task);
    close(fd);
    stop(&fixture);
}

static void *stop_thread(void *context)
{
    struct fixture *fixture = context;
    http_server_stop(fixture->server, 5000);
    return NULL;
}

static void stopping_lets_a_begun_request_finish(void **state UNUSED)
{
    struct fixture fixture;
    char reply[REPLY_MAX];
    pthread_t stopper;
    fixture_init(&fixture);
    start(&fixture, false);
    int idle = connect_to(fixture.port), busy = connect_to(fixture.port);
    send_text(busy, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for_kept(&fixture);
    wait_for_connections(&fixture, 2);
    assert_int_equal(pthread_create(&stopper, NULL, stop_thread, &fixture), 0);
    assert_int_equal(read_to_end(idle, reply), 0); /* closed at once */
    http_loop_post(fixture.kept->loop, &fixture.task);
    assert_string_equal(read_reply(busy, reply), "later");
    assert_non_null(strstr(reply, "Connection: close"));
    close(busy);
    close(idle);
    pthread_join(stopper, NULL);
    stop(&fixture);
}

static void stopping_ends_what_outlasts_the_grace(void **state UNUSED)
{
    struct fixture fixture;
    char reply[REPLY_MAX];
    fixture_init(&fixture);
    start(&fixture, false);
    int fd = connect_to(fixture.port);
    send_text(fd,
              "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_int_equal(recv(fd, reply, 25, MSG_WAITALL), 25);
    int64_t begin = clock_monotonic_ms(&fixture.clock);
    http_server_stop(fixture.server, 200);
    assert_in_range(clock_monotonic_ms(&fixture.clock) - begin, 190, 3000);
    assert_int_equal(read_to_end(fd, reply), 0);
    close(fd);
    stop(&fixture);
}

static void several_loops_share_the_work(void **state UNUSED)
{
    enum { CLIENTS = 64 };
    struct fixture fixture;
    char reply[REPLY_MAX];
    int listeners[3], fds[CLIENTS];
    fixture_init(&fixture);
    fixture.settings.loops = 3;
    fixture.settings.callback_enter = NULL;
    fixture.settings.callback_leave = NULL;
    for (size_t i = 0; i < 3; i++)
        listeners[i] = listen_tcp(&fixture.port);
    atomic_store(&fixture.entered, 1); /* not counted here: loops would disturb each other */
    assert_int_equal(http_server_new(&fixture.settings, &fixture.server), ERR_NONE);
    assert_int_equal(http_server_listen(fixture.server, listeners, 3, false), ERR_NONE);
    assert_int_equal(http_server_start(fixture.server), ERR_NONE);
    for (size_t i = 0; i < CLIENTS; i++)
        fds[i] = connect_to(fixture.port);
    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < CLIENTS; i++)
            send_text(fds[i], "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
        for (size_t i = 0; i < CLIENTS; i++)
            assert_string_equal(read_reply(fds[i], reply), "hi");
    }
    for (size_t i = 0; i < CLIENTS; i++)
        close(fds[i]);
    atomic_store(&fixture.entered, 0);
    stop(&fixture);
}

static void knows_who_is_on_a_unix_socket(void **state UNUSED)
{
    struct fixture fixture;
    char reply[REPLY_MAX];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[] = "/tmp/locum-http-XXXXXX";
    assert_non_null(mkdtemp(folder));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
    fixture_init(&fixture);
    fixture.settings.loops = 2;
    fixture.settings.callback_enter = NULL;
    atomic_store(&fixture.entered, 1);
    fixture.settings.callback_leave = NULL;
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(http_server_new(&fixture.settings, &fixture.server), ERR_NONE);
    assert_int_equal(http_server_listen(fixture.server, &listener, 1, false), ERR_NONE);
    assert_int_equal(http_server_start(fixture.server), ERR_NONE);
    for (size_t i = 0; i < 20; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        send_text(fd, "GET /uid HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_string_equal(read_reply(fd, reply), "mine");
        close(fd);
    }
    atomic_store(&fixture.entered, 0);
    stop(&fixture);
    unlink(address.sun_path);
    rmdir(folder);
}

/* ---- TLS ---- */

struct pem {
    char chain[4096], key[2048];
};

static void copy_bio(BIO *bio, char *out, size_t size)
{
    int length = BIO_read(bio, out, (int)size - 1);
    assert_true(length > 0);
    out[length] = '\0';
    BIO_free(bio);
}

static void make_certificate(struct pem *pem, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    BIO *bio;
    assert_non_null(key);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    copy_bio(bio, pem->chain, sizeof(pem->chain));
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    copy_bio(bio, pem->key, sizeof(pem->key));
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void use_certificate(struct fixture *fixture, const struct pem *pem)
{
    char why[256] = "";
    assert_int_equal(http_server_set_certificate(fixture->server, slice_text(pem->chain),
                                                 slice_text(pem->key), why, sizeof(why)),
                     ERR_NONE);
}

struct tls_client {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
};

/* Connects; CONNECTED says whether the handshake succeeds. */
static bool tls_connect(struct tls_client *client, uint16_t port, int max_version)
{
    client->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(client->context, 0);
    SSL_CTX_set_max_proto_version(client->context, max_version);
    client->ssl = SSL_new(client->context);
    client->fd = connect_to(port);
    SSL_set_alpn_protos(client->ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    SSL_set_fd(client->ssl, client->fd);
    return SSL_connect(client->ssl) == 1;
}

static void tls_close(struct tls_client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    close(client->fd);
}

static size_t tls_read_reply(struct tls_client *client, char *out)
{
    size_t length = 0, wanted = SIZE_MAX;
    char *body = NULL;
    while (length < wanted) {
        int got = SSL_read(client->ssl, out + length, body == NULL ? 1 : (int)(wanted - length));
        assert_true(got > 0);
        length += (size_t)got;
        out[length] = '\0';
        if (body == NULL && (body = strstr(out, "\r\n\r\n")) != NULL)
            wanted = length + strtoul(strstr(out, "Content-Length: ") + 16, NULL, 10);
    }
    return length;
}

static void tls_send(struct tls_client *client, const char *text)
{
    assert_int_equal(SSL_write(client->ssl, text, (int)strlen(text)), strlen(text));
}

static void assert_certificate_of(struct tls_client *client, const char *name)
{
    char text[64] = "";
    X509 *certificate = SSL_get1_peer_certificate(client->ssl);
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text,
                              sizeof(text));
    X509_free(certificate);
    assert_string_equal(text, name);
}

static void speaks_tls_and_swaps_certificates(void **state UNUSED)
{
    struct fixture fixture;
    static struct pem one, two;
    struct tls_client first, second;
    char *reply = malloc(REPLY_MAX), why[256] = "";
    make_certificate(&one, "one");
    make_certificate(&two, "two");
    fixture_init(&fixture);
    start(&fixture, true);
    assert_false(tls_connect(&first, fixture.port, TLS1_3_VERSION)); /* no certificate yet */
    tls_close(&first);
    use_certificate(&fixture, &one);
    assert_true(tls_connect(&first, fixture.port, TLS1_3_VERSION));
    assert_certificate_of(&first, "one");
    const unsigned char *protocol;
    unsigned length;
    SSL_get0_alpn_selected(first.ssl, &protocol, &length);
    assert_memory_equal(protocol, "http/1.1", length);
    tls_send(&first, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    tls_read_reply(&first, reply);
    tls_read_reply(&first, reply);
    assert_non_null(strstr(reply, "X-Path: /2"));
    use_certificate(&fixture, &two);
    assert_true(tls_connect(&second, fixture.port, TLS1_2_VERSION));
    assert_certificate_of(&second, "two");
    tls_send(&second, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(tls_read_reply(&second, reply) > BIG_BODY);
    tls_send(&first, "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n"); /* goes on under the old one */
    tls_read_reply(&first, reply);
    assert_non_null(strstr(reply, "X-Path: /3"));
    assert_int_equal(http_server_set_certificate(fixture.server, slice_text(one.chain),
                                                 slice_text(two.key), why, sizeof(why)),
                     ERR_MALFORMED);
    assert_non_null(strstr(why, "private key"));
    assert_int_equal(http_server_set_certificate(fixture.server, slice_text("x"),
                                                 slice_text(two.key), why, sizeof(why)),
                     ERR_MALFORMED);
    assert_non_null(strstr(why, "certificate"));
    tls_close(&second);
    assert_true(tls_connect(&second, fixture.port, TLS1_3_VERSION));
    assert_certificate_of(&second, "two"); /* what could not be used changed nothing */
    tls_close(&first);
    tls_close(&second);
    free(reply);
    stop(&fixture);
}

static void closes_tls_with_a_notice_and_refuses_old_versions(void **state UNUSED)
{
    struct fixture fixture;
    static struct pem pem;
    struct tls_client client;
    char reply[REPLY_MAX];
    make_certificate(&pem, "one");
    fixture_init(&fixture);
    start(&fixture, true);
    use_certificate(&fixture, &pem);
    assert_false(tls_connect(&client, fixture.port, TLS1_1_VERSION));
    tls_close(&client);
    assert_true(tls_connect(&client, fixture.port, TLS1_3_VERSION));
    tls_send(&client, "GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
    tls_read_reply(&client, reply);
    assert_int_equal(SSL_read(client.ssl, reply, 1), 0);
    assert_int_equal(SSL_get_error(client.ssl, 0), SSL_ERROR_ZERO_RETURN);
    tls_close(&client);
    wait_for_connections(&fixture, 0);
    stop(&fixture);
}

/* Requests that arrive in one record while the first still waits for its reply. */
static void goes_on_with_bytes_that_tls_already_has(void **state UNUSED)
{
    struct fixture fixture;
    static struct pem pem;
    static char text[16 * 1024];
    struct tls_client client;
    char reply[REPLY_MAX];
    size_t length = 0;
    make_certificate(&pem, "one");
    fixture_init(&fixture);
    start(&fixture, true);
    use_certificate(&fixture, &pem);
    assert_true(tls_connect(&client, fixture.port, TLS1_3_VERSION));
    length += (size_t)snprintf(text, sizeof(text), "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    for (int i = 0; i < 3; i++)
        length += (size_t)snprintf(
            text + length, sizeof(text) - length,
            "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n%05000d", i, i);
    for (int round = 0; round < 2; round++) {
        tls_send(&client, text);
        wait_for_kept(&fixture);
        poll(NULL, 0, 20);
        http_loop_post(fixture.kept->loop, &fixture.task);
        for (int i = 0; i < 4; i++)
            tls_read_reply(&client, reply);
        assert_non_null(strstr(reply, "X-Path: /2"));
    }
    tls_close(&client);
    stop(&fixture);
}

static ssize_t send_tls(void *context, const void *bytes, size_t length)
{
    return SSL_write(context, bytes, (int)length);
}

static void does_not_read_far_ahead_over_tls(void **state UNUSED)
{
    struct fixture fixture;
    static struct pem pem;
    struct tls_client client;
    make_certificate(&pem, "one");
    fixture_init(&fixture);
    start(&fixture, true);
    use_certificate(&fixture, &pem);
    assert_true(tls_connect(&client, fixture.port, TLS1_3_VERSION));
    tls_send(&client, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for_kept(&fixture);
    fcntl(client.fd, F_SETFL, O_NONBLOCK);
    assert_in_range(send_until_it_stalls(client.fd, send_tls, client.ssl), 1, STALL_MAX - 1);
    http_loop_post(fixture.kept->loop, &fixture.task);
    tls_close(&client);
    stop(&fixture);
}

static void a_handshake_has_a_deadline(void **state UNUSED)
{
    struct fixture fixture;
    static struct pem pem;
    static char hello[2048] = "\x16\x03\x01\x02\x01\x01"; /* a record of 513 bytes begins */
    char reply[64];
    memset(hello + 6, 'a', sizeof(hello) - 7);
    make_certificate(&pem, "one");
    fixture_init(&fixture);
    fixture.settings.handshake_timeout_ms = 300;
    start(&fixture, true);
    use_certificate(&fixture, &pem);
    int silent = connect_to(fixture.port), fd = connect_to(fixture.port);
    assert_in_range(trickle(&fixture, fd, hello, NULL), 280, 3000);
    assert_int_equal(read_to_end(silent, reply), 0);
    close(silent);
    close(fd);
    fd = connect_to(fixture.port); /* HTTP without TLS */
    send_text(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    while (recv(fd, reply, sizeof(reply), 0) > 0)
        continue;
    close(fd);
    wait_for_connections(&fixture, 0);
    assert_int_equal(atomic_load(&fixture.handled), 0);
    stop(&fixture);
}

int main(void)
{
    /* OpenSSL's client side writes without MSG_NOSIGNAL. The server's threads block it themselves.
     */
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_and_keeps_the_connection),
        cmocka_unit_test(answers_pipelined_requests_in_order),
        cmocka_unit_test(answers_old_and_half_closed_peers),
        cmocka_unit_test(leaves_out_bodies_and_lines_that_must_not_be),
        cmocka_unit_test(sends_large_replies_to_slow_readers),
        cmocka_unit_test(refuses_with_a_reply_that_arrives),
        cmocka_unit_test(lets_a_refused_sender_read_the_reply),
        cmocka_unit_test(stops_reading_from_a_refused_sender),
        cmocka_unit_test(asks_for_the_body_only_if_it_will_be_read),
        cmocka_unit_test(takes_the_largest_body_and_chunks),
        cmocka_unit_test(bytes_that_trickle_do_not_move_a_deadline),
        cmocka_unit_test(gives_up_on_who_does_not_read),
        cmocka_unit_test(bounds_connections_of_one_network),
        cmocka_unit_test(bounds_connections_in_total),
        cmocka_unit_test(the_longest_idle_makes_room),
        cmocka_unit_test(waits_for_file_descriptors),
        cmocka_unit_test(replies_later_and_when_the_peer_is_gone),
        cmocka_unit_test(does_not_read_far_ahead_of_a_reply),
        cmocka_unit_test(stopping_lets_a_begun_request_finish),
        cmocka_unit_test(stopping_ends_what_outlasts_the_grace),
        cmocka_unit_test(several_loops_share_the_work),
        cmocka_unit_test(knows_who_is_on_a_unix_socket),
        cmocka_unit_test(speaks_tls_and_swaps_certificates),
        cmocka_unit_test(closes_tls_with_a_notice_and_refuses_old_versions),
        cmocka_unit_test(goes_on_with_bytes_that_tls_already_has),
        cmocka_unit_test(does_not_read_far_ahead_over_tls),
        cmocka_unit_test(a_handshake_has_a_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
