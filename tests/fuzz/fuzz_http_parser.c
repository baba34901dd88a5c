/*
 * Any bytes as a connection's stream of HTTP requests: the parser must stay inside its buffer, give
 * the same result however the bytes were cut, and never need more than HTTP_REQUEST_MAX bytes.
 * The first byte of the input says how large the pieces of the second run are.
 */
#include "net/http_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUESTS_MAX = 16 };

struct result {
    enum http_progress progress;
    int status;
    size_t field_count, body_length;
    bool keep_alive, expect_continue;
    uint64_t sum; /* of method, path, query, fields and body */
};

struct run {
    struct result results[REQUESTS_MAX];
    size_t count;
};

static void add(struct result *result, struct slice bytes)
{
    for (size_t i = 0; i < bytes.length; i++)
        result->sum = (result->sum ^ bytes.data[i]) * 0x100000001b3U;
    result->sum = (result->sum ^ 256) * 0x100000001b3U;
}

static void note(struct run *run, const struct http_parser *parser, enum http_progress progress,
                 const uint8_t *buffer)
{
    struct result *result = &run->results[run->count++];
    result->progress = progress; /* the rest is 0 already, padding too */
    result->status = parser->status;
    if (progress != HTTP_DONE)
        return;
    result->field_count = parser->field_count;
    result->body_length = parser->body_length;
    result->keep_alive = parser->keep_alive;
    result->expect_continue = parser->expect_continue;
    add(result, http_span_slice(parser->method, buffer));
    add(result, http_span_slice(parser->path, buffer));
    add(result, http_span_slice(parser->query, buffer));
    for (size_t i = 0; i < parser->field_count; i++) {
        add(result, http_span_slice(parser->fields[i].name, buffer));
        add(result, http_span_slice(parser->fields[i].value, buffer));
    }
    add(result, slice_of(buffer + parser->body_at, parser->body_length));
}

/* Feeds INPUT in pieces of at most STEP bytes, as a connection does. */
static void feed_all(struct run *run, struct slice input, size_t step)
{
    static struct http_parser parser;
    uint8_t *buffer = malloc(HTTP_REQUEST_MAX); /* on the heap: overruns show */
    size_t buffered = 0;
    run->count = 0;
    http_parser_init(&parser);
    while (run->count < REQUESTS_MAX) {
        enum http_progress progress = http_parser_feed(&parser, buffer, &buffered);
        if (progress == HTTP_MORE) {
            size_t room = HTTP_REQUEST_MAX - buffered;
            size_t take = step < room ? step : room;
            if (take > input.length)
                take = input.length;
            if (room == 0)
                abort(); /* it must have been refused before */
            if (take == 0)
                break;
            memcpy(buffer + buffered, input.data, take);
            buffered += take;
            input = slice_from(input, take);
            continue;
        }
        note(run, &parser, progress, buffer);
        if (progress == HTTP_REFUSED)
            break;
        size_t end = parser.body_at + parser.body_length;
        if (end > buffered || parser.body_length > HTTP_BODY_MAX || parser.body_at > HTTP_HEAD_MAX)
            abort();
        buffered -= end;
        memmove(buffer, buffer + end, buffered);
        http_parser_init(&parser);
    }
    free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run whole, pieces;
    if (size == 0)
        return 0;
    memset(&whole, 0, sizeof(whole));
    memset(&pieces, 0, sizeof(pieces));
    struct slice input = slice_from(slice_of(data, size), 1);
    feed_all(&whole, input, HTTP_REQUEST_MAX);
    feed_all(&pieces, input, 1 + data[0] % 64U);
    if (memcmp(&whole, &pieces, sizeof(whole)) != 0)
        abort();
    return 0;
}
