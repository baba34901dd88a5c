/*
 * Replies: the head's text, and how it leaves (RFC 9110, RFC 9112 section 4). Without TLS the
 * reply goes to the kernel at once, in one call; only what does not fit waits in the bufferevent.
 */
#include <inttypes.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include <event2/buffer.h>

#include "net/http_internal.h"

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return ""; /* RFC 9112, section 4: may be empty */
}

/* ---- parts of the head ---- */

static void write_number(struct writer *writer, uint64_t number)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%" PRIu64, number);
    write_text(writer, digits);
}

/* RFC 9110, section 5.6.7, in English whatever the locale; made once a second. */
static const char *date_now(struct http_loop *loop)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t second = clock_wall_ms(loop->server->settings.clock) / 1000;
    struct tm at;
    if (second == loop->date_second || gmtime_r(&second, &at) == NULL)
        return loop->date;
    loop->date_second = second;
    snprintf(loop->date, sizeof(loop->date), "%s, %02d %s %04d %02d:%02d:%02d GMT",
             days[at.tm_wday % 7], at.tm_mday % 100, months[at.tm_mon % 12],
             (at.tm_year + 1900) % 10000, at.tm_hour % 100, at.tm_min % 100, at.tm_sec % 100);
    return loop->date;
}

/* A bijection of 64-bit numbers (the finaliser of SplitMix64), so ids stay unique. Anybody can turn
 * it around: a loop's secret between two of them keeps ids from showing how many requests there
 * were. */
static uint64_t scramble(uint64_t number)
{
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9U;
    number = (number ^ number >> 27) * 0x94d049bb133111ebU;
    return number ^ number >> 31;
}

void http_reply_set_id(struct http_connection *connection)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t number = scramble(scramble(connection->loop->next_id++) ^ connection->loop->id_key);
    for (size_t i = 0; i < 16; i++) {
        connection->request.id[i] = digits[number & 15];
        number >>= 4;
    }
    connection->request.id[16] = '\0';
}

/* A header is written only if it can't end its line: a handler's mistake must not become a second
 * reply (response splitting). */
static void write_header(struct writer *writer, struct slice name, struct slice value)
{
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] == '\r' || value.data[i] == '\n' || value.data[i] == 0)
            return;
    }
    write_bytes(writer, name);
    write_text(writer, ": ");
    write_bytes(writer, value);
    write_text(writer, "\r\n");
}

static void write_connection(struct writer *writer, const struct http_connection *connection)
{
    if (connection->close_after)
        write_text(writer, "Connection: close\r\n");
    else if (connection->parser.is_http_1_0)
        write_text(writer, "Connection: keep-alive\r\n");
}

static void write_head(struct writer *writer, const struct http_connection *connection,
                       const struct http_reply *reply)
{
    write_text(writer, "HTTP/1.1 ");
    write_number(writer, (uint64_t)reply->status);
    write_text(writer, " ");
    write_text(writer, reason_of(reply->status));
    write_text(writer, "\r\nDate: ");
    write_text(writer, date_now(connection->loop));
    write_text(writer, "\r\n");
    if (reply->content_type != NULL)
        write_header(writer, slice_text("Content-Type"), slice_text(reply->content_type));
    /* RFC 9110, section 8.6: none with 204; for 304 it would be that of the 200. */
    if (reply->status != 204 && reply->status != 304) {
        write_text(writer, "Content-Length: ");
        write_number(writer, reply->body.length);
        write_text(writer, "\r\n");
    }
    write_connection(writer, connection);
    write_header(writer, slice_text("X-Request-Id"), slice_text(connection->request.id));
    for (size_t i = 0; i < reply->header_count; i++)
        write_header(writer, reply->headers[i].name, reply->headers[i].value);
    write_text(writer, "\r\n");
}

/* ---- sending ---- */

/* What has gone to the kernel of HEAD and BODY; 0 also if it failed: libevent will see it too. */
static size_t send_now(struct http_connection *connection, struct slice head, struct slice body)
{
    struct iovec parts[2] = {{(void *)head.data, head.length}, {(void *)body.data, body.length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = body.length > 0 ? 2 : 1};
    ssize_t sent =
        sendmsg(bufferevent_getfd(connection->bev), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? 0 : (size_t)sent;
}

static void send_bytes(struct http_connection *connection, struct slice head, struct slice body)
{
    struct evbuffer *output = bufferevent_get_output(connection->bev);
    size_t sent = 0;
    if (connection->ssl == NULL && evbuffer_get_length(output) == 0)
        sent = send_now(connection, head, body);
    if (sent == head.length + body.length)
        return;
    size_t of_head = sent < head.length ? sent : head.length;
    head = slice_from(head, of_head);
    body = slice_from(body, sent - of_head);
    /* In one piece, so that it becomes one TLS record if it is small. */
    if (evbuffer_expand(output, head.length + body.length) != 0 ||
        (head.length > 0 && evbuffer_add(output, head.data, head.length) != 0) ||
        (body.length > 0 && evbuffer_add(output, body.data, body.length) != 0))
        http_connection_close(connection);
}

static bool has_body(const struct http_connection *connection, const struct http_reply *reply)
{
    struct slice method = http_span_slice(connection->parser.method, connection->buffer);
    return reply->status != 204 && reply->status != 304 && !slice_is(method, "HEAD");
}

void http_reply_send(struct http_connection *connection, const struct http_reply *reply)
{
    struct http_loop *loop = connection->loop;
    static const struct http_reply too_long = {.status = 500, .close = true};
    connection->close_after = reply->close || !connection->parser.keep_alive || loop->stopping;
    struct writer writer = writer_of(loop->scratch, sizeof(loop->scratch));
    write_head(&writer, connection, reply);
    if (writer.failed) {
        LOG(loop->server->settings.log, LOG_LEVEL_ERROR, "reply_too_long",
            LOG_TEXT("server", loop->server->settings.name),
            LOG_TEXT("request", connection->request.id));
        connection->close_after = true;
        reply = &too_long;
        writer = writer_of(loop->scratch, sizeof(loop->scratch));
        write_head(&writer, connection, reply);
    }
    bool with_body = has_body(connection, reply) && reply->body.length > 0;
    struct slice body = with_body ? reply->body : (struct slice){NULL, 0};
    send_bytes(connection, writer_slice(&writer), body);
}

void http_reply_refuse(struct http_connection *connection, int status, const char *why)
{
    const struct http_settings *settings = &connection->loop->server->settings;
    struct http_reply reply = {.status = status};
    char peer[IP_TEXT_MAX];
    http_reply_set_id(connection);
    ip_to_text(&connection->request.peer, peer);
    LOG(settings->log, LOG_LEVEL_DEBUG, "request_refused", LOG_TEXT("server", settings->name),
        LOG_TEXT("request", connection->request.id), LOG_TEXT("peer", peer),
        LOG_INT("status", status), LOG_TEXT("why", why));
    if (settings->refusal != NULL)
        settings->refusal(settings->context, status, &reply);
    reply.close = true;
    http_reply_send(connection, &reply);
    http_connection_replied(connection);
}

void http_reply_continue(struct http_connection *connection)
{
    send_bytes(connection, slice_text("HTTP/1.1 100 Continue\r\n\r\n"), (struct slice){NULL, 0});
}
