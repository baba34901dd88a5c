/*
 * The HTTP server on loopback: replies, refusals, requests that are answered later, stopping.
 */
#include <sys/un.h>

#include "http_fixture.h"

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

int main(void)
{
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
        cmocka_unit_test(replies_later_and_when_the_peer_is_gone),
        cmocka_unit_test(does_not_read_far_ahead_of_a_reply),
        cmocka_unit_test(stopping_lets_a_begun_request_finish),
        cmocka_unit_test(stopping_ends_what_outlasts_the_grace),
        cmocka_unit_test(several_loops_share_the_work),
        cmocka_unit_test(knows_who_is_on_a_unix_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
