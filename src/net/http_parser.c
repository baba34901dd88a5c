/*
 * The parser of HTTP/1.1 requests (see http_parser.h). Line by line through the head, then byte by
 * byte through chunk framing; whatever is not allowed is refused at the first byte that shows it.
 */
#include "net/http_parser.h"

#include "base/ascii.h"

void http_parser_init(struct http_parser *parser)
{
    /* The fields are written before they are read: clearing them would cost more than parsing. */
    memset(parser, 0, offsetof(struct http_parser, fields));
    parser->body_at = 0;
    parser->body_length = 0;
    parser->status = 0;
    parser->why = NULL;
}

static enum http_progress refuse(struct http_parser *parser, int status, const char *why)
{
    parser->phase = HTTP_PHASE_REFUSED;
    parser->status = status;
    parser->why = why;
    return HTTP_REFUSED;
}

/* ---- characters ---- */

/* RFC 9110, section 5.6.2. */
static bool is_token_char(uint8_t c)
{
    return ascii_is_alphanumeric(c) || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!is_token_char(text.data[i]))
            return false;
    }
    return text.length > 0;
}

/* What may stand in a line of the head or in a chunk extension: no control bytes but the tab. */
static bool is_line_char(uint8_t c)
{
    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

/* RFC 3986, section 3.2: a host with an optional port, without user information. */
static bool is_authority(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.data[i];
        if (!ascii_is_alphanumeric(c) && (c == 0 || strchr("-._~%!$&'()*+,;=:[]", c) == NULL))
            return false;
    }
    return true;
}

/* Visible ASCII without '#': more than RFC 3986 allows, as clients send, but nothing that could
 * end or fold a line. */
static bool is_target(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] <= 0x20 || text.data[i] >= 0x7f || text.data[i] == '#')
            return false;
    }
    return text.length > 0;
}

static int hex_digit(uint8_t c)
{
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ---- request line ---- */

static struct slice before(struct slice text, size_t end)
{
    return slice_of(text.data, end);
}

static bool starts_nocase(struct slice text, const char *prefix)
{
    size_t length = strlen(prefix);
    return text.length >= length && slice_equal_nocase(before(text, length), slice_text(prefix));
}

static struct http_span span_of(struct slice text, const uint8_t *buffer)
{
    if (text.length == 0)
        return (struct http_span){0, 0};
    return (struct http_span){(uint32_t)(text.data - buffer), (uint32_t)text.length};
}

/* RFC 9112, section 3.2.2: scheme and authority come before the path. Takes them off. */
static bool take_authority(struct slice *target)
{
    size_t scheme = starts_nocase(*target, "http://") ? 7 : 8;
    struct slice rest = slice_from(*target, scheme);
    size_t end = 0;
    while (end < rest.length && rest.data[end] != '/' && rest.data[end] != '?')
        end++;
    if (end == 0 || !is_authority(before(rest, end)))
        return false;
    *target = slice_from(rest, end);
    return true;
}

static enum http_progress parse_target(struct http_parser *parser, const uint8_t *buffer,
                                       struct slice target, bool is_options)
{
    if (!is_target(target))
        return refuse(parser, 400, "bad character in the request target");
    if (slice_is(target, "*") && is_options) {
        parser->path_text = "*";
        return HTTP_MORE;
    }
    if (starts_nocase(target, "http://") || starts_nocase(target, "https://")) {
        if (!take_authority(&target))
            return refuse(parser, 400, "bad authority in the request target");
        if (target.length == 0)
            parser->path_text = is_options ? "*" : "/";
        else if (target.data[0] == '?')
            parser->path_text = "/";
    } else if (target.data[0] != '/') {
        return refuse(parser, 400, "the request target is no path");
    }
    size_t question = slice_find(target, '?');
    parser->path = span_of(before(target, question), buffer);
    parser->query = span_of(slice_from(target, question + 1), buffer);
    return HTTP_MORE;
}

static enum http_progress parse_version(struct http_parser *parser, struct slice version)
{
    if (version.length != 8 || !slice_starts(version, "HTTP/") ||
        !ascii_is_digit(version.data[5]) || version.data[6] != '.' ||
        !ascii_is_digit(version.data[7]))
        return refuse(parser, 400, "malformed request line");
    parser->is_http_1_0 = slice_is(version, "HTTP/1.0");
    if (!parser->is_http_1_0 && !slice_is(version, "HTTP/1.1"))
        return refuse(parser, 505, "HTTP version not supported");
    return HTTP_MORE;
}

/* RFC 9112, section 3: exactly one space between the three parts. */
static enum http_progress parse_request_line(struct http_parser *parser, const uint8_t *buffer,
                                             struct slice line)
{
    size_t space = slice_find(line, ' ');
    struct slice method = before(line, space);
    struct slice rest = slice_from(line, space + 1);
    size_t second = slice_find(rest, ' ');
    if (!is_token(method))
        return refuse(parser, 400, "malformed method");
    if (parse_version(parser, slice_from(rest, second + 1)) == HTTP_REFUSED)
        return HTTP_REFUSED;
    parser->method = span_of(method, buffer);
    return parse_target(parser, buffer, before(rest, second), slice_is(method, "OPTIONS"));
}

/* ---- header fields ---- */

/* RFC 9112, section 6.3; digits only, so that "+5", "5, 5" and "0x5" mean nothing to anyone. */
static enum http_progress note_content_length(struct http_parser *parser, struct slice value)
{
    if (parser->length_seen)
        return refuse(parser, 400, "more than one Content-Length");
    if (value.length == 0)
        return refuse(parser, 400, "malformed Content-Length");
    parser->length_seen = true;
    for (size_t i = 0; i < value.length; i++) {
        if (!ascii_is_digit(value.data[i]))
            return refuse(parser, 400, "malformed Content-Length");
        /* Stays over the limit once it is there, however many digits follow. */
        if (parser->content_length <= HTTP_BODY_MAX)
            parser->content_length = parser->content_length * 10 + value.data[i] - '0';
    }
    return HTTP_MORE;
}

static enum http_progress note_transfer_encoding(struct http_parser *parser, struct slice value)
{
    if (parser->coding_seen)
        return refuse(parser, 400, "more than one Transfer-Encoding");
    parser->coding_seen = true;
    parser->coding_unknown = !slice_equal_nocase(value, slice_text("chunked"));
    return HTTP_MORE;
}

static enum http_progress note_host(struct http_parser *parser, struct slice value)
{
    if (parser->host_seen)
        return refuse(parser, 400, "more than one Host");
    if (!is_authority(value))
        return refuse(parser, 400, "malformed Host");
    parser->host_seen = true;
    return HTTP_MORE;
}

static void note_connection(struct http_parser *parser, struct slice value)
{
    while (value.length > 0) {
        size_t comma = slice_find(value, ',');
        struct slice option = slice_trim(before(value, comma));
        if (slice_equal_nocase(option, slice_text("close")))
            parser->close_asked = true;
        else if (slice_equal_nocase(option, slice_text("keep-alive")))
            parser->keep_alive_asked = true;
        value = slice_from(value, comma + 1);
    }
}

static void note_expect(struct http_parser *parser, struct slice value)
{
    parser->expectation_seen = true;
    if (!slice_equal_nocase(value, slice_text("100-continue")))
        parser->expectation_unknown = true;
}

/* The fields that say where the request ends and what becomes of the connection. */
static enum http_progress note_field(struct http_parser *parser, struct slice name,
                                     struct slice value)
{
    if (slice_equal_nocase(name, slice_text("host")))
        return note_host(parser, value);
    if (slice_equal_nocase(name, slice_text("content-length")))
        return note_content_length(parser, value);
    if (slice_equal_nocase(name, slice_text("transfer-encoding")))
        return note_transfer_encoding(parser, value);
    if (slice_equal_nocase(name, slice_text("connection")))
        note_connection(parser, value);
    else if (slice_equal_nocase(name, slice_text("expect")))
        note_expect(parser, value);
    return HTTP_MORE;
}

/* RFC 9112, section 5: a line that begins with a space (folding) or has one before the colon has no
 * token as its name. */
static enum http_progress parse_field(struct http_parser *parser, const uint8_t *buffer,
                                      struct slice line)
{
    size_t colon = slice_find(line, ':');
    struct slice name = before(line, colon);
    if (colon == line.length || !is_token(name))
        return refuse(parser, 400, "malformed header field");
    if (parser->field_count == HTTP_HEADERS_MAX)
        return refuse(parser, 431, "too many header fields");
    struct slice value = slice_trim(slice_from(line, colon + 1));
    parser->fields[parser->field_count++] =
        (struct http_field){span_of(name, buffer), span_of(value, buffer)};
    return note_field(parser, name, value);
}

/* The whole head is there: settles how the body is framed. */
static enum http_progress finish_head(struct http_parser *parser)
{
    if (!parser->is_http_1_0 && !parser->host_seen)
        return refuse(parser, 400, "no Host");
    if (parser->coding_seen && parser->length_seen)
        return refuse(parser, 400, "Content-Length beside Transfer-Encoding");
    if (parser->coding_seen && parser->is_http_1_0)
        return refuse(parser, 400, "Transfer-Encoding in HTTP/1.0");
    if (parser->coding_unknown)
        return refuse(parser, 501, "unknown transfer coding");
    if (parser->content_length > HTTP_BODY_MAX)
        return refuse(parser, 413, "body too large");
    /* RFC 9110, section 10.1.1: HTTP/1.0 has no expectations. */
    if (parser->expectation_unknown && !parser->is_http_1_0)
        return refuse(parser, 417, "unknown expectation");
    parser->keep_alive = !parser->close_asked && (!parser->is_http_1_0 || parser->keep_alive_asked);
    parser->expect_continue = parser->expectation_seen && !parser->is_http_1_0;
    parser->body_at = parser->at;
    parser->left = parser->content_length;
    parser->phase = parser->coding_seen ? HTTP_PHASE_CHUNK_SIZE : HTTP_PHASE_BODY;
    return HTTP_MORE;
}

static enum http_progress parse_line(struct http_parser *parser, const uint8_t *buffer,
                                     struct slice line)
{
    if (parser->phase == HTTP_PHASE_FIELDS)
        return line.length == 0 ? finish_head(parser) : parse_field(parser, buffer, line);
    if (line.length == 0) {
        if (parser->empty_line_seen)
            return refuse(parser, 400, "empty lines before the request line");
        parser->empty_line_seen = true;
        return HTTP_MORE;
    }
    parser->phase = HTTP_PHASE_FIELDS;
    return parse_request_line(parser, buffer, line);
}

static enum http_progress feed_head(struct http_parser *parser, const uint8_t *buffer,
                                    size_t length)
{
    while (parser->at < length && parser->phase < HTTP_PHASE_BODY) {
        if (parser->at == HTTP_HEAD_MAX)
            return refuse(parser, 431, "head too large");
        uint8_t c = buffer[parser->at++];
        if (parser->after_cr) {
            if (c != '\n')
                return refuse(parser, 400, "bare CR");
            parser->after_cr = false;
            size_t start = parser->line;
            parser->line = parser->at;
            struct slice line = slice_of(buffer + start, parser->at - 2 - start);
            if (parse_line(parser, buffer, line) == HTTP_REFUSED)
                return HTTP_REFUSED;
        } else if (c == '\r') {
            parser->after_cr = true;
        } else if (!is_line_char(c)) {
            return refuse(parser, 400, c == '\n' ? "bare LF" : "control byte in the head");
        } else if (c >= 0x80 && parser->phase == HTTP_PHASE_START) {
            return refuse(parser, 400, "the request line is not ASCII");
        }
    }
    return HTTP_MORE;
}

/* ---- body ---- */

/* Moves up to `left` bytes of the body from where they were received to the body's end. */
static void take_body(struct http_parser *parser, uint8_t *buffer, size_t length)
{
    size_t count = length - parser->at;
    if (count > parser->left)
        count = parser->left;
    uint8_t *end = buffer + parser->body_at + parser->body_length;
    if (count > 0 && end != buffer + parser->at)
        memmove(end, buffer + parser->at, count);
    parser->at += count;
    parser->left -= count;
    parser->body_length += count;
}

/* The end of a line of framing: CR was seen, or not yet. True at the LF. */
static enum http_progress expect_line_end(struct http_parser *parser, uint8_t c, bool *ended)
{
    *ended = parser->after_cr && c == '\n';
    if (!*ended && (parser->after_cr || c != '\r'))
        return refuse(parser, 400, "malformed chunk framing");
    parser->after_cr = !*ended;
    return HTTP_MORE;
}

static enum http_progress end_chunk_size(struct http_parser *parser, uint8_t c)
{
    bool ended;
    if (parser->digits == 0)
        return refuse(parser, 400, "malformed chunk size");
    if (expect_line_end(parser, c, &ended) == HTTP_REFUSED)
        return HTTP_REFUSED;
    if (!ended)
        return HTTP_MORE;
    parser->digits = 0;
    parser->phase = parser->left == 0 ? HTTP_PHASE_TRAILER_START : HTTP_PHASE_CHUNK_DATA;
    return HTTP_MORE;
}

static enum http_progress chunk_size(struct http_parser *parser, uint8_t c)
{
    int digit = parser->after_cr ? -1 : hex_digit(c);
    if (digit < 0) {
        if (c == ';' && parser->digits > 0 && !parser->after_cr) {
            parser->phase = HTTP_PHASE_CHUNK_EXTENSION;
            return HTTP_MORE;
        }
        return end_chunk_size(parser, c);
    }
    if (parser->digits++ == 16)
        return refuse(parser, 400, "malformed chunk size");
    parser->left = parser->left << 4 | (size_t)digit;
    if (parser->left > HTTP_BODY_MAX - parser->body_length)
        return refuse(parser, 413, "body too large");
    return HTTP_MORE;
}

static enum http_progress chunk_extension(struct http_parser *parser, uint8_t c)
{
    if (parser->after_cr || c == '\r')
        return end_chunk_size(parser, c);
    if (!is_line_char(c))
        return refuse(parser, 400, "malformed chunk extension");
    if (parser->extra++ == HTTP_CHUNK_EXTRA_MAX)
        return refuse(parser, 400, "chunk extensions too large");
    return HTTP_MORE;
}

static enum http_progress chunk_end(struct http_parser *parser, uint8_t c)
{
    bool ended;
    if (expect_line_end(parser, c, &ended) == HTTP_REFUSED)
        return HTTP_REFUSED;
    if (ended)
        parser->phase = HTTP_PHASE_CHUNK_SIZE;
    return HTTP_MORE;
}

/* Trailer fields are thrown away, but have to be well-formed (RFC 9112, section 7.1.2). */
static enum http_progress trailer(struct http_parser *parser, uint8_t c)
{
    bool ended;
    bool in_name = parser->phase != HTTP_PHASE_TRAILER_VALUE;
    if (parser->after_cr || (c == '\r' && parser->phase != HTTP_PHASE_TRAILER_NAME)) {
        if (expect_line_end(parser, c, &ended) == HTTP_REFUSED)
            return HTTP_REFUSED;
        if (ended)
            parser->phase = in_name ? HTTP_PHASE_DONE : HTTP_PHASE_TRAILER_START;
        return HTTP_MORE;
    }
    if (parser->extra++ == HTTP_CHUNK_EXTRA_MAX)
        return refuse(parser, 431, "trailer fields too large");
    if (in_name ? !is_token_char(c) && (c != ':' || parser->phase == HTTP_PHASE_TRAILER_START)
                : !is_line_char(c))
        return refuse(parser, 400, "malformed trailer field");
    if (in_name)
        parser->phase = c == ':' ? HTTP_PHASE_TRAILER_VALUE : HTTP_PHASE_TRAILER_NAME;
    return HTTP_MORE;
}

static enum http_progress framing_byte(struct http_parser *parser, uint8_t c)
{
    switch (parser->phase) {
    case HTTP_PHASE_CHUNK_SIZE:
        return chunk_size(parser, c);
    case HTTP_PHASE_CHUNK_EXTENSION:
        return chunk_extension(parser, c);
    case HTTP_PHASE_CHUNK_END:
        return chunk_end(parser, c);
    default:
        return trailer(parser, c);
    }
}

static enum http_progress feed_chunked(struct http_parser *parser, uint8_t *buffer, size_t length)
{
    while (parser->at < length && parser->phase != HTTP_PHASE_DONE) {
        if (parser->phase != HTTP_PHASE_CHUNK_DATA) {
            if (framing_byte(parser, buffer[parser->at++]) == HTTP_REFUSED)
                return HTTP_REFUSED;
            continue;
        }
        take_body(parser, buffer, length);
        if (parser->left == 0)
            parser->phase = HTTP_PHASE_CHUNK_END;
    }
    return HTTP_MORE;
}

/* Takes out of the buffer what lies between the body's end and the first byte not looked at. */
static void close_gap(struct http_parser *parser, uint8_t *buffer, size_t *length)
{
    size_t end = parser->body_at + parser->body_length;
    if (end == parser->at)
        return;
    memmove(buffer + end, buffer + parser->at, *length - parser->at);
    *length -= parser->at - end;
    parser->at = end;
}

enum http_progress http_parser_feed(struct http_parser *parser, uint8_t *buffer, size_t *length)
{
    if (parser->phase < HTTP_PHASE_BODY && feed_head(parser, buffer, *length) == HTTP_REFUSED)
        return HTTP_REFUSED;
    if (parser->phase == HTTP_PHASE_BODY) {
        take_body(parser, buffer, *length);
        if (parser->left == 0)
            parser->phase = HTTP_PHASE_DONE;
    } else if (parser->phase > HTTP_PHASE_BODY && parser->phase < HTTP_PHASE_DONE) {
        if (feed_chunked(parser, buffer, *length) == HTTP_REFUSED)
            return HTTP_REFUSED;
        close_gap(parser, buffer, length);
    }
    if (parser->phase == HTTP_PHASE_REFUSED)
        return HTTP_REFUSED;
    return parser->phase == HTTP_PHASE_DONE ? HTTP_DONE : HTTP_MORE;
}
