/*
 * One connection: receives, feeds the parser, hands requests over one at a time, and keeps its
 * deadlines (see http_internal.h for states and ownership; RFC 9112, section 9).
 *
 * A phase's deadline is a point in time. The timer is only moved when it would fire too late: one
 * that fires early sees that and sets itself again, so a busy connection hardly ever touches it.
 */
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>

#include "net/http_internal.h"

static void log_debug(const struct http_connection *connection, const char *event, const char *why)
{
    const struct http_settings *settings = &connection->loop->server->settings;
    if (atomic_load_explicit(&settings->log->level, memory_order_relaxed) > LOG_LEVEL_DEBUG)
        return;
    char peer[IP_TEXT_MAX];
    ip_to_text(&connection->request.peer, peer);
    LOG(settings->log, LOG_LEVEL_DEBUG, event, LOG_TEXT("server", settings->name),
        LOG_TEXT("peer", peer), LOG_TEXT("why", why));
}

/* ---- deadlines ---- */

static void set_timer(struct http_connection *connection, int64_t in_ms)
{
    struct timeval in = {in_ms / 1000, in_ms % 1000 * 1000};
    event_add(&connection->timer, &in);
}

void http_connection_set_deadline(struct http_connection *connection, int timeout_ms)
{
    connection->deadline_ms = http_loop_now(connection->loop) + timeout_ms;
    if (connection->timer_ms <= connection->deadline_ms)
        return;
    connection->timer_ms = connection->deadline_ms;
    set_timer(connection, timeout_ms);
}

void http_connection_clear_deadline(struct http_connection *connection)
{
    connection->deadline_ms = INT64_MAX;
}

/* ---- end ---- */

static void leave_idle_list(struct http_connection *connection)
{
    if (connection->on_idle_list)
        TAILQ_REMOVE(&connection->loop->idle, connection, idle_entry);
    connection->on_idle_list = false;
}

static void free_connection(struct http_connection *connection)
{
    struct http_loop *loop = connection->loop;
    LIST_REMOVE(connection, entry);
    prefix_counter_leave(loop->server->prefixes, &connection->request.peer);
    atomic_fetch_sub(&loop->server->connections, 1);
    free(connection->buffer);
    free(connection);
    http_loop_connection_gone(loop);
}

void http_connection_unhold(struct http_connection *connection, bool held)
{
    if (!held)
        return;
    connection->busy = false;
    if (connection->state == STATE_CLOSED && !connection->handed_over)
        free_connection(connection);
}

void http_connection_close(struct http_connection *connection)
{
    if (connection->state == STATE_CLOSED)
        return;
    leave_idle_list(connection);
    connection->state = STATE_CLOSED;
    event_del(&connection->timer);
    bufferevent_free(connection->bev);
    connection->bev = NULL;
    connection->ssl = NULL;
    if (!connection->busy && !connection->handed_over)
        free_connection(connection);
}

void http_connection_drain(struct http_connection *connection)
{
    if (connection->state == STATE_IDLE || connection->state == STATE_HANDSHAKE)
        http_connection_close(connection);
}

/* Throws away what came in after the last reply; within a bound, so that nobody can make us read
 * for the whole time at full speed. */
static void discard_input(struct http_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->bev);
    size_t length = evbuffer_get_length(input);
    connection->discarded += length;
    evbuffer_drain(input, length);
    if (connection->discarded > LINGER_MAX)
        http_connection_close(connection);
}

/* The last reply has left: tells the peer so, and waits for it to close. */
static void finish(struct http_connection *connection)
{
    if (connection->peer_ended) {
        http_connection_close(connection);
        return;
    }
    if (connection->ssl != NULL) {
        SSL_shutdown(connection->ssl); /* one way: the peer's answer is not waited for */
        ERR_clear_error();
    }
    shutdown(bufferevent_getfd(connection->bev), SHUT_WR);
    connection->state = STATE_LINGERING;
    http_connection_set_deadline(connection, LINGER_MS);
    discard_input(connection);
}

/* ---- requests ---- */

static bool is_reading(const struct http_connection *connection)
{
    return connection->state == STATE_IDLE || connection->state == STATE_HEAD ||
           connection->state == STATE_BODY;
}

/* What a peer sends ahead of its replies is bounded: without TLS by a high-water mark, at which
 * libevent stops to read. Over TLS such a mark can leave decrypted bytes behind with nothing to
 * wake the connection for them, so reading is turned off as long as a reply is awaited. */
static void pause_reading(struct http_connection *connection)
{
    if (connection->ssl != NULL && connection->bev != NULL)
        bufferevent_disable(connection->bev, EV_READ);
}

static void resume_reading(struct http_connection *connection)
{
    if (connection->ssl != NULL)
        bufferevent_enable(connection->bev, EV_READ);
}

static void become_idle(struct http_connection *connection)
{
    connection->state = STATE_IDLE;
    TAILQ_INSERT_TAIL(&connection->loop->idle, connection, idle_entry);
    connection->on_idle_list = true;
    http_connection_set_deadline(connection, connection->loop->server->settings.idle_timeout_ms);
}

static bool grow_buffer(struct http_connection *connection)
{
    size_t size = connection->buffer_size == 0 ? BUFFER_FIRST : 2 * connection->buffer_size;
    if (size > HTTP_REQUEST_MAX)
        size = HTTP_REQUEST_MAX;
    uint8_t *buffer = realloc(connection->buffer, size);
    if (buffer == NULL)
        return false;
    connection->buffer = buffer;
    connection->buffer_size = size;
    return true;
}

/* Moves received bytes into the buffer. False if there are none (or no memory: then it closes). */
static bool pull_input(struct http_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->bev);
    if (evbuffer_get_length(input) == 0)
        return false;
    if (connection->buffered == connection->buffer_size && !grow_buffer(connection)) {
        http_connection_close(connection);
        return false;
    }
    int count = evbuffer_remove(input, connection->buffer + connection->buffered,
                                connection->buffer_size - connection->buffered);
    if (count <= 0)
        return false;
    connection->buffered += (size_t)count;
    return true;
}

/* The request is not whole yet: enters the phase it is in, whose deadline begins now. */
static void wait_for_more(struct http_connection *connection)
{
    const struct http_settings *settings = &connection->loop->server->settings;
    if (connection->peer_ended) {
        if (connection->buffered > 0)
            log_debug(connection, "connection_ended", "the peer left in the middle of a request");
        http_connection_close(connection);
        return;
    }
    if (connection->buffered == 0)
        return; /* still idle */
    leave_idle_list(connection);
    bool head_done = http_parser_head_done(&connection->parser);
    if (head_done && connection->state != STATE_BODY) {
        connection->state = STATE_BODY;
        http_connection_set_deadline(connection, settings->body_timeout_ms);
        if (connection->parser.expect_continue)
            http_reply_continue(connection);
    } else if (!head_done && connection->state != STATE_HEAD) {
        connection->state = STATE_HEAD;
        http_connection_set_deadline(connection, settings->head_timeout_ms);
    }
}

static void fill_request(struct http_connection *connection)
{
    const struct http_parser *parser = &connection->parser;
    const uint8_t *buffer = connection->buffer;
    struct http_request *request = &connection->request;
    request->method = http_span_slice(parser->method, buffer);
    request->path = parser->path_text != NULL ? slice_text(parser->path_text)
                                              : http_span_slice(parser->path, buffer);
    request->query = http_span_slice(parser->query, buffer);
    for (size_t i = 0; i < parser->field_count; i++) {
        connection->headers[i] =
            (struct http_header){http_span_slice(parser->fields[i].name, buffer),
                                 http_span_slice(parser->fields[i].value, buffer)};
    }
    request->headers = connection->headers;
    request->header_count = parser->field_count;
    request->body = slice_of(buffer + parser->body_at, parser->body_length);
}

static void hand_over(struct http_connection *connection)
{
    const struct http_settings *settings = &connection->loop->server->settings;
    leave_idle_list(connection);
    http_connection_clear_deadline(connection);
    fill_request(connection);
    http_reply_set_id(connection);
    connection->state = STATE_HANDLING;
    connection->handed_over = true;
    settings->handler(settings->context, &connection->request);
    if (connection->handed_over)
        pause_reading(connection);
}

/* Works through what has been received, until a request waits for its reply or bytes are missing.
 * The caller holds the connection. */
static void advance(struct http_connection *connection)
{
    while (is_reading(connection)) {
        switch (http_parser_feed(&connection->parser, connection->buffer, &connection->buffered)) {
        case HTTP_DONE:
            hand_over(connection);
            break;
        case HTTP_REFUSED:
            leave_idle_list(connection);
            http_reply_refuse(connection, connection->parser.status, connection->parser.why);
            break;
        case HTTP_MORE:
            if (pull_input(connection))
                break;
            if (connection->state != STATE_CLOSED)
                wait_for_more(connection);
            return;
        }
    }
}

/* The whole reply is with the kernel. */
static void reply_has_left(struct http_connection *connection)
{
    resume_reading(connection);
    if (connection->close_after || connection->loop->stopping)
        finish(connection);
    else
        become_idle(connection);
}

/* Takes the request that was answered off the buffer. */
static void forget_request(struct http_connection *connection)
{
    struct http_parser *parser = &connection->parser;
    size_t end = parser->body_at + parser->body_length;
    if (parser->phase == HTTP_PHASE_DONE && end < connection->buffered) {
        connection->buffered -= end;
        memmove(connection->buffer, connection->buffer + end, connection->buffered);
    } else {
        connection->buffered = 0;
    }
    /* What a large request took is given back before the connection idles. */
    if (connection->buffered == 0 && connection->buffer_size > BUFFER_FIRST) {
        free(connection->buffer);
        connection->buffer = NULL;
        connection->buffer_size = 0;
    }
    http_parser_init(parser);
}

void http_connection_replied(struct http_connection *connection)
{
    if (connection->state == STATE_CLOSED)
        return;
    forget_request(connection);
    if (evbuffer_get_length(bufferevent_get_output(connection->bev)) == 0) {
        reply_has_left(connection);
        return;
    }
    connection->state = STATE_WRITING;
    pause_reading(connection);
    http_connection_set_deadline(connection, connection->loop->server->settings.write_timeout_ms);
}

void http_reply(struct http_request *request, const struct http_reply *reply)
{
    struct http_connection *connection = CONTAINER_OF(request, struct http_connection, request);
    bool held = http_connection_hold(connection);
    connection->handed_over = false;
    if (connection->state != STATE_CLOSED) {
        http_reply_send(connection, reply);
        http_connection_replied(connection);
    }
    if (held) /* else the advance() that called the handler goes on by itself */
        advance(connection);
    http_connection_unhold(connection, held);
}

/* ---- what libevent calls ---- */

static void on_read(struct bufferevent *bev UNUSED, void *context)
{
    struct http_connection *connection = context;
    struct http_loop *loop = connection->loop;
    http_loop_enter(loop);
    bool held = http_connection_hold(connection);
    if (connection->state == STATE_LINGERING)
        discard_input(connection);
    else
        advance(connection);
    http_connection_unhold(connection, held);
    http_loop_leave(loop);
}

static void on_write(struct bufferevent *bev UNUSED, void *context)
{
    struct http_connection *connection = context;
    struct http_loop *loop = connection->loop;
    if (connection->state != STATE_WRITING)
        return;
    http_loop_enter(loop);
    bool held = http_connection_hold(connection);
    reply_has_left(connection);
    advance(connection);
    http_connection_unhold(connection, held);
    http_loop_leave(loop);
}

/* No more bytes will come. The peer may have closed only its own direction and still wait for the
 * reply; over TLS libevent then gives up both. */
static void on_end(struct http_connection *connection)
{
    connection->peer_ended = true;
    if (is_reading(connection))
        advance(connection);
    else if (connection->ssl != NULL || connection->state == STATE_LINGERING)
        http_connection_close(connection);
}

static void on_failure(struct http_connection *connection)
{
    const char *why = "the connection failed";
    if (connection->ssl != NULL) {
        unsigned long error = bufferevent_get_openssl_error(connection->bev);
        if (error != 0 && ERR_reason_error_string(error) != NULL)
            why = ERR_reason_error_string(error);
        ERR_clear_error();
    }
    log_debug(connection, "connection_failed", why);
    http_connection_close(connection);
}

static void on_event(struct bufferevent *bev UNUSED, short what, void *context)
{
    struct http_connection *connection = context;
    struct http_loop *loop = connection->loop;
    http_loop_enter(loop);
    bool held = http_connection_hold(connection);
    if (what & BEV_EVENT_CONNECTED)
        become_idle(connection);
    else if (what & BEV_EVENT_EOF)
        on_end(connection);
    else
        on_failure(connection);
    http_connection_unhold(connection, held);
    http_loop_leave(loop);
}

static void expire(struct http_connection *connection)
{
    if (connection->state == STATE_HEAD || connection->state == STATE_BODY) {
        http_reply_refuse(connection, 408, "the request took too long");
        return;
    }
    if (connection->state != STATE_IDLE && connection->state != STATE_LINGERING)
        log_debug(connection, "connection_timed_out",
                  connection->state == STATE_HANDSHAKE ? "handshake" : "reply");
    http_connection_close(connection);
}

static void on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct http_connection *connection = context;
    struct http_loop *loop = connection->loop;
    int64_t left = connection->deadline_ms - http_loop_now(loop);
    connection->timer_ms = INT64_MAX;
    if (connection->deadline_ms == INT64_MAX)
        return;
    if (left > 0) {
        connection->timer_ms = connection->deadline_ms;
        set_timer(connection, left);
        return;
    }
    http_loop_enter(loop);
    bool held = http_connection_hold(connection);
    expire(connection);
    http_connection_unhold(connection, held);
    http_loop_leave(loop);
}

/* ---- begin ---- */

static struct bufferevent *make_bufferevent(struct event_base *base, int fd, SSL *ssl)
{
    struct bufferevent *bev;
    if (ssl == NULL) {
        bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
        if (bev == NULL)
            close(fd);
        return bev;
    }
    bev = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                         BEV_OPT_CLOSE_ON_FREE);
    /* Only without memory. libevent may or may not have freed the session: it stays. */
    if (bev == NULL)
        close(fd);
    else
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    return bev;
}

static void drop_socket(int fd, SSL *ssl)
{
    SSL_free(ssl);
    close(fd);
}

enum error http_connection_new(struct http_loop *loop, int fd, SSL *ssl,
                               const struct http_peer *peer)
{
    const struct http_settings *settings = &loop->server->settings;
    struct http_connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        drop_socket(fd, ssl);
        return ERR_MEMORY;
    }
    connection->bev = make_bufferevent(loop->base, fd, ssl);
    if (connection->bev == NULL) {
        free(connection);
        return ERR_MEMORY;
    }
    connection->loop = loop;
    connection->ssl = ssl;
    connection->timer_ms = INT64_MAX;
    connection->request.loop = loop;
    connection->request.peer = peer->address;
    connection->request.peer_uid = peer->uid;
    connection->request.peer_gid = peer->gid;
    connection->request.over_tls = ssl != NULL;
    http_parser_init(&connection->parser);
    evtimer_assign(&connection->timer, loop->base, on_timer, connection);
    LIST_INSERT_HEAD(&loop->connections, connection, entry);
    if (ssl == NULL)
        become_idle(connection);
    else
        http_connection_set_deadline(connection, settings->handshake_timeout_ms);
    bufferevent_setcb(connection->bev, on_read, on_write, on_event, connection);
    if (ssl == NULL)
        bufferevent_setwatermark(connection->bev, EV_READ, 0, READ_AHEAD_MAX);
    bufferevent_enable(connection->bev, EV_READ | EV_WRITE);
    return ERR_NONE;
}
