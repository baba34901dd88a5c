/*
 * A strict, incremental parser of HTTP/1.1 requests (RFC 9110, RFC 9112). Pure: no I/O, no
 * allocation; any thread, one parser a connection.
 *
 * The caller keeps one buffer that begins with the first byte of a request and appends to it what
 * it receives; it may move the buffer between calls, so the parser remembers offsets. Chunked
 * bodies are put together in place: their framing is taken out of the buffer, so HTTP_REQUEST_MAX
 * bytes hold every request that can be accepted.
 *
 * What is refused although RFC 9112 lets a server accept it, because proxies and servers that
 * disagree on where a request ends can be played against each other: a lone LF as line end, line
 * folding, any repeated Content-Length, Content-Length beside Transfer-Encoding, a transfer coding
 * other than exactly "chunked", space after a chunk size.
 *
 * The result does not depend on how the bytes were cut into calls.
 */
#ifndef LOCUM_NET_HTTP_PARSER_H
#define LOCUM_NET_HTTP_PARSER_H

#include "base/limits.h"
#include "base/slice.h"

enum {
    HTTP_REQUEST_MAX = HTTP_HEAD_MAX + HTTP_BODY_MAX + 1024, /* the last for chunk framing */
    /* Bytes of all chunk extensions and trailer fields of one request: none of them is used. */
    HTTP_CHUNK_EXTRA_MAX = 4096,
};

enum http_progress {
    HTTP_MORE,    /* the request goes on */
    HTTP_DONE,    /* it is whole; what follows in the buffer is the next one */
    HTTP_REFUSED, /* `status` and `why` say why; nothing behind it can be trusted */
};

enum http_phase {
    HTTP_PHASE_START, /* before the request line: one empty line is skipped (RFC 9112, 2.2) */
    HTTP_PHASE_FIELDS,
    HTTP_PHASE_BODY,
    HTTP_PHASE_CHUNK_SIZE,
    HTTP_PHASE_CHUNK_EXTENSION,
    HTTP_PHASE_CHUNK_DATA,
    HTTP_PHASE_CHUNK_END,
    HTTP_PHASE_TRAILER_START, /* at the first byte of a trailer line */
    HTTP_PHASE_TRAILER_NAME,
    HTTP_PHASE_TRAILER_VALUE,
    HTTP_PHASE_DONE,
    HTTP_PHASE_REFUSED,
};

/* A part of the buffer. */
struct http_span {
    uint32_t at;
    uint32_t length;
};

struct http_field {
    struct http_span name;
    struct http_span value; /* trimmed */
};

/* Callers read the members below "results"; the others are the parser's own. */
struct http_parser {
    enum http_phase phase;
    size_t at;   /* bytes looked at */
    size_t line; /* where the current line of the head begins */
    size_t left; /* bytes of the body or the chunk still to come */
    size_t extra;
    uint8_t digits;
    bool after_cr;
    bool empty_line_seen;
    bool host_seen;
    bool length_seen;
    bool coding_seen;
    bool coding_unknown;
    bool expectation_seen;
    bool expectation_unknown;
    bool close_asked;
    bool keep_alive_asked;
    size_t content_length;

    /* results: the head, from the moment http_parser_head_done() holds */
    struct http_span method;
    struct http_span path;  /* begins with '/'; length 0 if path_text is set */
    struct http_span query; /* behind '?' */
    const char *path_text;  /* "*", or "/" for an absolute form without path; else NULL */
    bool is_http_1_0;
    bool keep_alive;      /* after this request, as far as the peer is concerned */
    bool expect_continue; /* the peer waits for 100 (Continue) before it sends the body */
    size_t field_count;
    struct http_field fields[HTTP_HEADERS_MAX];

    /* results: at HTTP_DONE */
    size_t body_at; /* also the length of the head */
    size_t body_length;

    /* results: at HTTP_REFUSED */
    int status; /* 400, 413, 417, 431, 501 or 505 */
    const char *why;
};

/* Makes PARSER ready for the first byte of a request. */
void http_parser_init(struct http_parser *parser);
/* Goes on with BUFFER, which holds *LENGTH bytes: those of earlier calls and new ones behind them.
 * May take chunk framing out of the buffer and lower *LENGTH by as much. After HTTP_DONE the next
 * request begins at body_at + body_length. */
enum http_progress http_parser_feed(struct http_parser *parser, uint8_t *buffer, size_t *length);

static inline bool http_parser_head_done(const struct http_parser *parser)
{
    return parser->phase >= HTTP_PHASE_BODY && parser->phase <= HTTP_PHASE_DONE;
}

static inline struct slice http_span_slice(struct http_span span, const uint8_t *buffer)
{
    return slice_of(buffer + span.at, span.length);
}

#endif
