/*
 * The deadlines and caps of the HTTP server, as a peer on loopback sees them.
 */
#include <sys/resource.h>

#include "http_fixture.h"

/* ---- deadlines ---- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_trickle_do_not_move_a_deadline),
        cmocka_unit_test(gives_up_on_who_does_not_read),
        cmocka_unit_test(bounds_connections_of_one_network),
        cmocka_unit_test(bounds_connections_in_total),
        cmocka_unit_test(the_longest_idle_makes_room),
        cmocka_unit_test(waits_for_file_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
