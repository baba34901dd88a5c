/*
 * One DNS connection (see dns_tcp.h): queries are taken from the loop's scratch buffer, where what
 * was kept of the last read comes first; answers are gathered and leave in one write. Memory is
 * held between events only for what is incomplete, so an idle connection costs its structure alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/dns_tcp_internal.h"

static int64_t now_ms(const struct dns_tcp *loop)
{
    return clock_monotonic_ms(loop->settings.clock);
}

static struct connection_list *list_of(struct connection *connection)
{
    struct dns_tcp *loop = connection->loop;
    return connection->phase == PHASE_IDLE ? &loop->idle : &loop->busy;
}

void connection_enlist(struct connection *connection)
{
    connection->since_ms = now_ms(connection->loop);
    TAILQ_INSERT_TAIL(list_of(connection), connection, link);
}

static void set_phase(struct connection *connection, enum connection_phase phase)
{
    TAILQ_REMOVE(list_of(connection), connection, link);
    connection->phase = phase;
    connection_enlist(connection);
}

void connection_close(struct connection *connection)
{
    struct dns_tcp_shared *shared = connection->loop->settings.shared;
    TAILQ_REMOVE(list_of(connection), connection, link);
    (void)event_del(&connection->event);
    (void)close(connection->fd);
    prefix_counter_leave(shared->prefixes, &connection->peer);
    atomic_fetch_sub(&shared->connections, 1);
    free(connection->input);
    free(connection->output);
    free(connection);
}

/* Has the connection's event fire on WHAT from now on. */
static bool watch(struct connection *connection, short what)
{
    if (event_get_events(&connection->event) == (what | EV_PERSIST))
        return true;
    (void)event_del(&connection->event);
    return event_assign(&connection->event, connection->loop->base, connection->fd,
                        (short)(what | EV_PERSIST), connection_ready, connection) == 0 &&
           event_add(&connection->event, NULL) == 0;
}

/* ---- output ---- */

/* Sends as much of BYTES as the peer takes. Returns how much that is, or -1 if it is gone. */
static ssize_t send_some(int fd, struct slice bytes)
{
    ssize_t sent;
    do
        sent = send(fd, bytes.data, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    return sent;
}

/* Sends the LENGTH bytes of answers in the scratch buffer; what does not leave is kept. ERR_IO if
 * the peer is gone, ERR_MEMORY. */
static enum error send_answers(struct connection *connection, size_t length)
{
    struct slice answers = slice_of(connection->loop->output, length);
    if (length == 0)
        return ERR_NONE;
    ssize_t sent = send_some(connection->fd, answers);
    if (sent < 0)
        return ERR_IO;
    struct slice rest = slice_from(answers, (size_t)sent);
    if (rest.length == 0)
        return ERR_NONE;
    connection->output = malloc(rest.length);
    if (connection->output == NULL)
        return ERR_MEMORY;
    memcpy(connection->output, rest.data, rest.length);
    connection->output_length = rest.length;
    connection->output_sent = 0;
    return ERR_NONE;
}

/* Goes on sending kept answers. *DONE: all have left. */
static enum error send_kept(struct connection *connection, bool *done)
{
    struct slice rest = slice_from(slice_of(connection->output, connection->output_length),
                                   connection->output_sent);
    ssize_t sent = send_some(connection->fd, rest);
    if (sent < 0)
        return ERR_IO;
    connection->output_sent += (size_t)sent;
    *done = connection->output_sent == connection->output_length;
    if (*done) {
        free(connection->output);
        connection->output = NULL;
    }
    return ERR_NONE;
}

/* ---- input ---- */

/* Answers one query behind the *LENGTH bytes that are in the scratch buffer. */
static void answer_one(struct connection *connection, struct slice query, bool cut, size_t *length)
{
    struct dns_tcp *loop = connection->loop;
    uint8_t *out = loop->output + *length;
    size_t answer = loop->settings.handler(loop->settings.context, query, cut, &connection->peer,
                                           out + DNS_FRAME_HEADER, DNS_MESSAGE_MAX);
    if (answer == 0)
        return;
    out[0] = (uint8_t)(answer >> 8);
    out[1] = (uint8_t)answer;
    *length += DNS_FRAME_HEADER + answer;
}

/* Answers every complete query of *INPUT, unless the peer does not take its answers; leaves the
 * rest in *INPUT. *ANSWERED: there was one. */
static enum error answer_all(struct connection *connection, struct slice *input, bool *answered)
{
    struct dns_tcp *loop = connection->loop;
    struct slice query;
    bool cut;
    size_t length = 0;
    enum error error = ERR_NONE;
    loop->settings.enter(loop->settings.context);
    while (error == ERR_NONE && connection->output == NULL &&
           dns_frames_take(&connection->frames, input, &query, &cut)) {
        *answered = true;
        answer_one(connection, query, cut, &length);
        if (length > OUTPUT_SIZE - ANSWER_SIZE) {
            error = send_answers(connection, length);
            length = 0;
        }
    }
    loop->settings.leave(loop->settings.context);
    return error == ERR_NONE ? send_answers(connection, length) : error;
}

/* Keeps REST, which may lie in the scratch buffer, for the next event. */
static enum error keep_input(struct connection *connection, struct slice rest)
{
    uint8_t *kept = NULL;
    if (rest.length > 0) {
        kept = malloc(rest.length);
        if (kept == NULL)
            return ERR_MEMORY;
        memcpy(kept, rest.data, rest.length);
    }
    free(connection->input);
    connection->input = kept;
    connection->input_length = rest.length;
    return ERR_NONE;
}

/* What the connection waits for now. A query that had begun before and still is not complete keeps
 * its deadline; so does nothing else. */
static bool settle(struct connection *connection, bool answered)
{
    if (connection->output != NULL) {
        set_phase(connection, PHASE_WRITE);
        return watch(connection, EV_WRITE);
    }
    if (connection->input_length == 0 && connection->frames.skip == 0)
        set_phase(connection, PHASE_IDLE);
    else if (answered || connection->phase != PHASE_QUERY)
        set_phase(connection, PHASE_QUERY);
    return watch(connection, EV_READ);
}

/* Serves LENGTH bytes of the scratch buffer. False: the connection is at its end. */
static bool serve(struct connection *connection, size_t length)
{
    struct slice input = slice_of(connection->loop->input, length);
    bool answered = false;
    return answer_all(connection, &input, &answered) == ERR_NONE &&
           keep_input(connection, input) == ERR_NONE && settle(connection, answered);
}

/* Puts what was kept to the front of the scratch buffer. */
static size_t restore_input(struct connection *connection)
{
    if (connection->input_length > 0)
        memcpy(connection->loop->input, connection->input, connection->input_length);
    return connection->input_length;
}

static bool read_and_serve(struct connection *connection)
{
    size_t kept = restore_input(connection);
    ssize_t got =
        recv(connection->fd, connection->loop->input + kept, INPUT_SIZE - kept, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    return got > 0 && serve(connection, kept + (size_t)got);
}

static bool write_and_serve(struct connection *connection)
{
    bool done = false;
    if (send_kept(connection, &done) != ERR_NONE)
        return false;
    return !done || serve(connection, restore_input(connection));
}

void connection_ready(evutil_socket_t fd, short what, void *context)
{
    struct connection *connection = context;
    (void)fd;
    bool alive = (what & EV_WRITE) != 0 ? write_and_serve(connection) : read_and_serve(connection);
    if (!alive)
        connection_close(connection);
}
