/*
 * The parser of HTTP/1.1 requests: what is accepted, what is refused and with which status; each
 * request also cut at every place and fed byte by byte, with the same result.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "net/http_parser.h"

enum { INPUT_MAX = 200 * 1024 };

struct outcome {
    enum http_progress progress;
    struct http_parser parser;
    uint8_t buffer[INPUT_MAX];
    size_t length;
};

/* Feeds INPUT in pieces: up to CUT, then STEP bytes a time. */
static void feed(struct outcome *outcome, struct slice input, size_t cut, size_t step)
{
    size_t taken = 0;
    http_parser_init(&outcome->parser);
    outcome->length = 0;
    outcome->progress = HTTP_MORE;
    while (outcome->progress == HTTP_MORE && taken < input.length) {
        size_t count = taken == 0 && cut > 0 ? cut : step;
        if (count > input.length - taken)
            count = input.length - taken;
        memcpy(outcome->buffer + outcome->length, input.data + taken, count);
        outcome->length += count;
        taken += count;
        outcome->progress = http_parser_feed(&outcome->parser, outcome->buffer, &outcome->length);
    }
}

static struct slice part(const struct outcome *outcome, struct http_span span)
{
    return http_span_slice(span, outcome->buffer);
}

static struct slice body_of(const struct outcome *outcome)
{
    return slice_of(outcome->buffer + outcome->parser.body_at, outcome->parser.body_length);
}

static void assert_same(const struct outcome *a, const struct outcome *b)
{
    assert_int_equal(a->progress, b->progress);
    assert_int_equal(a->parser.status, b->parser.status);
    if (a->progress == HTTP_REFUSED)
        assert_string_equal(a->parser.why, b->parser.why);
    if (a->progress != HTTP_DONE)
        return;
    assert_true(slice_equal(body_of(a), body_of(b)));
    assert_true(slice_equal(part(a, a->parser.path), part(b, b->parser.path)));
    assert_true(slice_equal(part(a, a->parser.query), part(b, b->parser.query)));
    assert_int_equal(a->parser.field_count, b->parser.field_count);
    assert_int_equal(a->parser.keep_alive, b->parser.keep_alive);
}

/* Parses INPUT whole, cut at every place, and byte by byte. */
static const struct outcome *parse(struct slice input)
{
    static struct outcome whole, cut;
    feed(&whole, input, 0, input.length);
    feed(&cut, input, 0, 1);
    assert_same(&whole, &cut);
    for (size_t at = 1; at < input.length && input.length < 2048; at++) {
        feed(&cut, input, at, input.length);
        assert_same(&whole, &cut);
    }
    return &whole;
}

#define INPUT(literal)                                                                             \
    {                                                                                              \
        (const uint8_t *)(literal), sizeof(literal) - 1                                            \
    }
#define HOST "Host: h\r\n"

static void refuses_what_is_malformed(void **state UNUSED)
{
    static const struct {
        int status;
        struct slice input;
    } cases[] = {
        /* request line */
        {400, INPUT("GET /\r\n" HOST "\r\n")},
        {400, INPUT("GET  / HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT("GET / HTTP/1.1 \r\n" HOST "\r\n")},
        {400, INPUT("GET /  HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT(" GET / HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT("GET\t/ HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT("GET /a b HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT("G@T / HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT("G\xc3\xa9T / HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT("GET / http/1.1\r\n" HOST "\r\n")},
        {400, INPUT("GET / HTTP/11\r\n" HOST "\r\n")},
        {400, INPUT("GET / HTTP/1.10\r\n" HOST "\r\n")},
        {400, INPUT("GET / HTTP/x.1\r\n" HOST "\r\n")},
        {505, INPUT("GET / HTTP/1.2\r\n" HOST "\r\n")},
        {505, INPUT("GET / HTTP/0.9\r\n" HOST "\r\n")},
        {505, INPUT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")},
        {400, INPUT("\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT("\x16\x03\x01\x02")},
        {400, INPUT("\xff\xff")},
        {400, INPUT("\nGET / HTTP/1.1\r\n" HOST "\r\n")},
        /* target */
        {400, INPUT("GET x HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT("GET * HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT("OPTIONS *x HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT("GET /a#b HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT("GET /\x80 HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT("GET http:// HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT("GET http:///x HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT("GET http://u@h/x HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT("GET ftp://h/x HTTP/1.1\r\n" HOST "\r\n")},
        {400, INPUT("CONNECT h:443 HTTP/1.1\r\n" HOST "\r\n")},
        /* line ends and control bytes */
        {400, INPUT("GET / HTTP/1.1\n" HOST "\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\nHost: h\n\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\n" HOST "\n")},
        {400, INPUT("GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\nHost: h\r\r\n\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\n" HOST "X: \x1b[0m\r\n\r\n")},
        /* fields */
        {400, INPUT("GET / HTTP/1.1\r\n" HOST "X : y\r\n\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\n" HOST "X\t: y\r\n\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\n" HOST "X: y\r\n z\r\n\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\n" HOST "X: y\r\n\tz\r\n\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\n Host: h\r\n\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\n" HOST ": y\r\n\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\n" HOST "X\r\n\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\n" HOST "X(: y\r\n\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\n" HOST "\xc3\xa9: y\r\n\r\n")},
        /* Host */
        {400, INPUT("GET / HTTP/1.1\r\n\r\n")},
        {400, INPUT("GET http://h/ HTTP/1.1\r\n\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\n" HOST HOST "\r\n")},
        {400, INPUT("GET / HTTP/1.0\r\n" HOST HOST "\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n")},
        {400, INPUT("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n")},
        /* Content-Length */
        {400, INPUT("POST / HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\n")},
        {400, INPUT("POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\nhello")},
        {400, INPUT("POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n")},
        {400, INPUT("POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\nhello")},
        {400, INPUT("POST / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\nhello")},
        {400, INPUT("POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\nhello")},
        {400, INPUT("POST / HTTP/1.1\r\n" HOST "Content-Length: 5.0\r\n\r\nhello")},
        {400, INPUT("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n")},
        {400, INPUT("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n")},
        {413, INPUT("POST / HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n")},
        {413, INPUT("POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551616\r\n\r\n")},
        {413, INPUT("POST / HTTP/1.1\r\n" HOST
                    "Content-Length: 99999999999999999999999999999999999999999999\r\n\r\n")},
        {413,
         INPUT("POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n")},
        /* Transfer-Encoding */
        {400, INPUT("POST / HTTP/1.1\r\n" HOST
                    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")},
        {400, INPUT("POST / HTTP/1.1\r\n" HOST
                    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n")},
        {400, INPUT("POST / HTTP/1.1\r\n" HOST
                    "Transfer-Encoding: x\r\nContent-Length: 5\r\n\r\nhello")},
        {400, INPUT("POST / HTTP/1.1\r\n" HOST
                    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")},
        {400, INPUT("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")},
        {501, INPUT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n")},
        {501, INPUT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n")},
        {400, INPUT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \vchunked\r\n\r\n")},
        {501, INPUT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked;q=1\r\n\r\n")},
        {501, INPUT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n")},
        /* Expect */
        {417, INPUT("POST / HTTP/1.1\r\n" HOST "Expect: tea\r\nContent-Length: 1\r\n\r\n")},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct outcome *outcome = parse(cases[i].input);
        if (outcome->progress != HTTP_REFUSED || outcome->parser.status != cases[i].status)
            fail_msg("case %zu: %d %s: %.*s", i, outcome->parser.status, outcome->parser.why,
                     (int)cases[i].input.length, (const char *)cases[i].input.data);
    }
}

static void refuses_malformed_chunks(void **state UNUSED)
{
    static const struct {
        int status;
        const char *framing;
    } cases[] = {
        {400, "\r\n"},
        {400, "x\r\n"},
        {400, "5 \r\nhello\r\n0\r\n\r\n"},
        {400, " 5\r\nhello\r\n0\r\n\r\n"},
        {400, "+5\r\nhello\r\n0\r\n\r\n"},
        {400, "0x5\r\nhello\r\n0\r\n\r\n"},
        {400, "5\nhello\r\n0\r\n\r\n"},
        {400, "5\rhello\r\n0\r\n\r\n"},
        {400, "5\r\nhello0\r\n\r\n"},
        {400, "5\r\nhello\n0\r\n\r\n"},
        {400, "5\r\nhello\r0\r\n\r\n"},
        {400, "5;a\nhello\r\n0\r\n\r\n"},
        {400, "5;a\x01\r\nhello\r\n0\r\n\r\n"},
        {400, ";a\r\nhello\r\n0\r\n\r\n"},
        {400, "5;a\r;\r\nhello\r\n0\r\n\r\n"},
        {400, "00000000000000005\r\nhello\r\n0\r\n\r\n"},
        {413, "10001\r\n"},
        {413, "ffffffffffffffff\r\n"},
        {413, "1\r\na\r\n10000\r\n"},
        {400, "0\r\n\n"},
        {400, "0\r\nX\r\n\r\n"},
        {400, "0\r\n: y\r\n\r\n"},
        {400, "0\r\n X: y\r\n\r\n"},
        {400, "0\r\nX : y\r\n\r\n"},
        {400, "0\r\nX: y\n\r\n"},
        {400, "0\r\nX: y\rz\r\n\r\n"},
    };
    static const char head[] = "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n";
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char text[512];
        snprintf(text, sizeof(text), "%s%s", head, cases[i].framing);
        const struct outcome *outcome = parse(slice_text(text));
        if (outcome->progress != HTTP_REFUSED || outcome->parser.status != cases[i].status)
            fail_msg("case %zu: %d %s: %s", i, outcome->parser.status, outcome->parser.why,
                     cases[i].framing);
    }
}

static void accepts_what_is_well_formed(void **state UNUSED)
{
    static const struct {
        struct slice input;
        const char *method, *path, *query, *body;
        bool keep_alive;
    } cases[] = {
        {INPUT("GET / HTTP/1.1\r\n" HOST "\r\n"), "GET", "/", "", "", true},
        {INPUT("\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), "GET", "/", "", "", true},
        {INPUT("GET /a/b?c=d?e HTTP/1.1\r\nHost:\r\n\r\n"), "GET", "/a/b", "c=d?e", "", true},
        {INPUT("GET //x? HTTP/1.1\r\nhOsT: [::1]:80\r\n\r\n"), "GET", "//x", "", "", true},
        {INPUT("GET http://h:80/x?y HTTP/1.1\r\n" HOST "\r\n"), "GET", "/x", "y", "", true},
        {INPUT("GET HTTPS://h HTTP/1.1\r\n" HOST "\r\n"), "GET", "/", "", "", true},
        {INPUT("GET http://h?q HTTP/1.1\r\n" HOST "\r\n"), "GET", "/", "q", "", true},
        {INPUT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), "OPTIONS", "*", "", "", true},
        {INPUT("OPTIONS http://h HTTP/1.1\r\n" HOST "\r\n"), "OPTIONS", "*", "", "", true},
        {INPUT("GET / HTTP/1.0\r\n\r\n"), "GET", "/", "", "", false},
        {INPUT("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), "GET", "/", "", "", true},
        {INPUT("GET / HTTP/1.1\r\n" HOST "Connection: TE, Close\r\n\r\n"), "GET", "/", "", "",
         false},
        {INPUT("GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\nConnection: close\r\n\r\n"),
         "GET", "/", "", "", false},
        {INPUT("POST /r HTTP/1.1\r\n" HOST "\r\n"), "POST", "/r", "", "", true},
        {INPUT("POST /r HTTP/1.1\r\n" HOST "Content-Length: 005\r\n\r\nhello"), "POST", "/r", "",
         "hello", true},
        {INPUT("POST /r HTTP/1.0\r\nExpect: tea\r\nContent-Length: 2\r\n\r\nhi"), "POST", "/r", "",
         "hi", false},
        {INPUT("GET /r HTTP/1.1\r\n" HOST "X: \xe9\t\"\r\nEmpty: \t \r\nContent-Length: 0\r\n\r\n"),
         "GET", "/r", "", "", true},
        {INPUT("POST /r HTTP/1.1\r\n" HOST
               "Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
         "POST", "/r", "", "hello", true},
        {INPUT("POST /r HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
               "0003;a=\"b;c\"\r\nhel\r\n2;x\r\nlo\r\n1\r\n\r\r\n0;last\r\nX: y\r\nZ:\r\n\r\n"),
         "POST", "/r", "", "hello\r", true},
        {INPUT("POST /r HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "POST",
         "/r", "", "", true},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct outcome *outcome = parse(cases[i].input);
        const struct http_parser *parser = &outcome->parser;
        if (outcome->progress != HTTP_DONE)
            fail_msg("case %zu: %s", i, parser->why == NULL ? "unfinished" : parser->why);
        assert_true(slice_is(part(outcome, parser->method), cases[i].method));
        assert_true(slice_is(parser->path_text != NULL ? slice_text(parser->path_text)
                                                       : part(outcome, parser->path),
                             cases[i].path));
        assert_true(slice_is(part(outcome, parser->query), cases[i].query));
        assert_true(slice_is(body_of(outcome), cases[i].body));
        assert_int_equal(parser->keep_alive, cases[i].keep_alive);
        assert_int_equal(outcome->length, parser->body_at + parser->body_length);
    }
}

static void keeps_fields_in_order_and_trimmed(void **state UNUSED)
{
    const struct outcome *outcome =
        parse(slice_text("GET / HTTP/1.1\r\nHost: h\r\nX-A:  b c \t\r\nx-a:d\r\n\r\n"));
    const struct http_field *fields = outcome->parser.fields;
    assert_int_equal(outcome->parser.field_count, 3);
    assert_true(slice_is(part(outcome, fields[1].name), "X-A"));
    assert_true(slice_is(part(outcome, fields[1].value), "b c"));
    assert_true(slice_is(part(outcome, fields[2].name), "x-a"));
    assert_true(slice_is(part(outcome, fields[2].value), "d"));
}

static void leaves_the_next_request_in_the_buffer(void **state UNUSED)
{
    static struct outcome outcome;
    static const char *const requests[] = {
        "POST /1 HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab",
        "POST /2 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\ncd\r\n0\r\n\r\n",
    };
    static const char next[] = "GET /next HTTP/1.1\r\n";
    for (size_t i = 0; i < ARRAY_LENGTH(requests); i++) {
        char text[512];
        snprintf(text, sizeof(text), "%s%s", requests[i], next);
        feed(&outcome, slice_text(text), 0, sizeof(text));
        assert_int_equal(outcome.progress, HTTP_DONE);
        size_t end = outcome.parser.body_at + outcome.parser.body_length;
        assert_true(slice_is(slice_of(outcome.buffer + end, outcome.length - end), next));
    }
}

static void tells_that_the_peer_waits_to_continue(void **state UNUSED)
{
    static struct outcome outcome;
    feed(&outcome,
         slice_text("POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n"),
         0, 1);
    assert_int_equal(outcome.progress, HTTP_MORE);
    assert_true(http_parser_head_done(&outcome.parser));
    assert_true(outcome.parser.expect_continue);
}

/* A request whose head is LENGTH bytes long. */
static struct slice head_of(uint8_t *out, size_t length)
{
    static const char start[] = "GET / HTTP/1.1\r\n" HOST "X: ";
    memcpy(out, start, sizeof(start) - 1);
    memset(out + sizeof(start) - 1, 'a', length - sizeof(start) + 1);
    memcpy(out + length - 4, "\r\n\r\n", 4);
    return slice_of(out, length);
}

static void bounds_the_head(void **state UNUSED)
{
    static uint8_t input[HTTP_HEAD_MAX + 1];
    assert_int_equal(parse(head_of(input, HTTP_HEAD_MAX))->progress, HTTP_DONE);
    assert_int_equal(parse(head_of(input, HTTP_HEAD_MAX + 1))->parser.status, 431);
    memset(input, 'a', sizeof(input));
    assert_int_equal(parse(slice_of(input, sizeof(input)))->parser.status, 431);
}

static void bounds_the_number_of_fields(void **state UNUSED)
{
    for (size_t count = HTTP_HEADERS_MAX; count <= HTTP_HEADERS_MAX + 1; count++) {
        char text[4096];
        size_t length = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST);
        for (size_t i = 1; i < count; i++)
            length += (size_t)snprintf(text + length, sizeof(text) - length, "X: y\r\n");
        snprintf(text + length, sizeof(text) - length, "\r\n");
        const struct outcome *outcome = parse(slice_text(text));
        if (count == HTTP_HEADERS_MAX)
            assert_int_equal(outcome->progress, HTTP_DONE);
        else
            assert_int_equal(outcome->parser.status, 431);
    }
}

static void bounds_extensions_and_trailers(void **state UNUSED)
{
    static const char head[] = "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n";
    static char text[HTTP_CHUNK_EXTRA_MAX + 256];
    static char filler[HTTP_CHUNK_EXTRA_MAX + 2];
    memset(filler, 'a', HTTP_CHUNK_EXTRA_MAX);
    snprintf(text, sizeof(text), "%s1;%s\r\nx\r\n0\r\n\r\n", head, filler);
    assert_int_equal(parse(slice_text(text))->progress, HTTP_DONE);
    snprintf(text, sizeof(text), "%s1;%sa\r\nx\r\n0\r\n\r\n", head, filler);
    assert_int_equal(parse(slice_text(text))->parser.status, 400);
    snprintf(text, sizeof(text), "%s0\r\nX:%s\r\n\r\n", head, filler);
    assert_int_equal(parse(slice_text(text))->parser.status, 431);
}

static void takes_the_largest_body_in_one_byte_chunks(void **state UNUSED)
{
    static char text[512 * 1024];
    static struct outcome outcome;
    size_t length = (size_t)snprintf(
        text, sizeof(text), "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < HTTP_BODY_MAX; i++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "1\r\nb\r\n");
    snprintf(text + length, sizeof(text) - length, "0\r\n\r\n");
    feed(&outcome, slice_text(text), 0, 1000);
    assert_int_equal(outcome.progress, HTTP_DONE);
    assert_int_equal(outcome.parser.body_length, HTTP_BODY_MAX);
    /* One byte more is too much. */
    snprintf(text + length, sizeof(text) - length, "1\r\nb\r\n0\r\n\r\n");
    feed(&outcome, slice_text(text), 0, 1000);
    assert_int_equal(outcome.parser.status, 413);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_malformed),
        cmocka_unit_test(refuses_malformed_chunks),
        cmocka_unit_test(accepts_what_is_well_formed),
        cmocka_unit_test(keeps_fields_in_order_and_trimmed),
        cmocka_unit_test(leaves_the_next_request_in_the_buffer),
        cmocka_unit_test(tells_that_the_peer_waits_to_continue),
        cmocka_unit_test(bounds_the_head),
        cmocka_unit_test(bounds_the_number_of_fields),
        cmocka_unit_test(bounds_extensions_and_trailers),
        cmocka_unit_test(takes_the_largest_body_in_one_byte_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
