/*
 * The log: what a line looks like, what can't be forged in it, and that a reader who stopped
 * reading stops nobody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "base/log.h"

struct pipe_log {
    struct log log;
    int reader;
    char text[1 << 20];
};

static int set_up(void **state)
{
    struct pipe_log *pipe_log = test_calloc(1, sizeof(*pipe_log));
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_true(fcntl(fds[1], F_SETPIPE_SZ, 8192) > 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    log_init(&pipe_log->log, fds[1], "test");
    pipe_log->reader = fds[0];
    *state = pipe_log;
    return 0;
}

static int tear_down(void **state)
{
    struct pipe_log *pipe_log = *state;
    close(pipe_log->reader);
    close(pipe_log->log.fd);
    test_free(pipe_log);
    return 0;
}

/* What has been written since the last look. */
static const char *drain(struct pipe_log *pipe_log)
{
    size_t length = 0;
    ssize_t got;
    while ((got = read(pipe_log->reader, pipe_log->text + length,
                       sizeof(pipe_log->text) - 1 - length)) > 0)
        length += (size_t)got;
    pipe_log->text[length] = '\0';
    return pipe_log->text;
}

static void a_line_has_time_level_event_and_fields(void **state)
{
    struct pipe_log *pipe_log = *state;
    LOG(&pipe_log->log, LOG_LEVEL_INFO, "update", LOG_TEXT("delegate", "abc"), LOG_INT("ms", -5));
    const char *line = drain(pipe_log);
    assert_int_equal(strncmp(line, "time=20", 7), 0);
    assert_non_null(strstr(line, "Z level=info event=update process=test delegate=abc ms=-5\n"));
    LOG(&pipe_log->log, LOG_LEVEL_DEBUG, "hidden", LOG_INT("n", 1));
    assert_string_equal(drain(pipe_log), "");
}

static void values_from_outside_cannot_forge_a_line(void **state)
{
    struct pipe_log *pipe_log = *state;
    static const char evil[] = "x\nlevel=error event=forged \x1b[31m\"\\\x80\x7f";
    LOG(&pipe_log->log, LOG_LEVEL_INFO, "e", LOG_TEXT("v", evil), LOG_TEXT("empty", ""));
    const char *line = drain(pipe_log);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_non_null(strstr(line, "v=\"x\\u000alevel=error event=forged \\u001b[31m\\\"\\\\"
                                 "\\u0080\\u007f\" empty=\"\"\n"));
}

static void json_lines_are_json_whatever_the_bytes(void **state)
{
    struct pipe_log *pipe_log = *state;
    char bytes[256];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    atomic_store(&pipe_log->log.format, LOG_FORMAT_JSON);
    LOG(&pipe_log->log, LOG_LEVEL_ERROR, "e", LOG_SLICE("v", slice_of(bytes, sizeof(bytes))),
        LOG_INT("n", 7));
    json_t *json = json_loads(drain(pipe_log), JSON_ALLOW_NUL, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "event")), "e");
    assert_int_equal(json_integer_value(json_object_get(json, "n")), 7);
    json_decref(json);
}

static void a_long_line_is_cut_and_says_so(void **state)
{
    struct pipe_log *pipe_log = *state;
    static char long_text[5000];
    memset(long_text, 'a', sizeof(long_text) - 1);
    LOG(&pipe_log->log, LOG_LEVEL_INFO, "e", LOG_TEXT("long", long_text), LOG_TEXT("b", "kept"));
    const char *line = drain(pipe_log);
    assert_null(strstr(line, "aaa"));
    assert_non_null(strstr(line, "b=kept cut=...\n"));
}

static void a_reader_who_stopped_reading_stops_nobody(void **state)
{
    struct pipe_log *pipe_log = *state;
    char filler[200];
    memset(filler, 'f', sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = '\0';
    alarm(20); /* a log that waits would hang here */
    for (int i = 0; i < 500; i++)
        LOG(&pipe_log->log, LOG_LEVEL_INFO, "e", LOG_TEXT("v", filler));
    assert_true(pipe_log->log.lost > 0);
    size_t through = 0;
    const char *text = drain(pipe_log);
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        through++;
    assert_int_equal(through + pipe_log->log.lost, 500);
    char expected[64];
    snprintf(expected, sizeof(expected), "event=log_lost process=test lines=%d\n",
             (int)pipe_log->log.lost);
    LOG(&pipe_log->log, LOG_LEVEL_INFO, "after", LOG_INT("n", 1));
    text = drain(pipe_log);
    assert_non_null(strstr(text, "event=after"));
    assert_non_null(strstr(text, expected));
    LOG(&pipe_log->log, LOG_LEVEL_INFO, "later", LOG_INT("n", 1));
    assert_null(strstr(drain(pipe_log), "log_lost"));
    alarm(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_has_time_level_event_and_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_from_outside_cannot_forge_a_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(json_lines_are_json_whatever_the_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_line_is_cut_and_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_who_stopped_reading_stops_nobody, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
