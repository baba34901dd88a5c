/*
 * Accepting connections, within the caps (see http_server.h). Who is over a cap of its prefix is
 * closed at once. When all places are taken, the connection that has been idle longest gives its
 * place up; when none is idle, the loop stops accepting until one ends: clients then wait in the
 * kernel's queue instead of being turned away.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_internal.h"

static const struct timeval retry_after = {0, ACCEPT_RETRY_MS * 1000};

static void pause_accepting(struct http_loop *loop)
{
    for (size_t i = 0; i < loop->listener_count; i++)
        event_del(&loop->listeners[i].event);
    loop->paused = true;
    event_add(&loop->resume_timer, &retry_after);
}

void http_accept_resume(struct http_loop *loop)
{
    loop->paused = false;
    event_del(&loop->resume_timer);
    for (size_t i = 0; i < loop->listener_count; i++)
        event_add(&loop->listeners[i].event, NULL);
}

static void warn(struct http_loop *loop, enum http_warning what, const char *event,
                 const char *detail)
{
    uint64_t held;
    const struct http_settings *settings = &loop->server->settings;
    if (http_loop_warns(loop, what, &held)) {
        LOG(settings->log, LOG_LEVEL_WARNING, event, LOG_TEXT("server", settings->name),
            LOG_TEXT("detail", detail), LOG_INT("held_back", held));
    }
}

/* Whether a connection waits to be accepted: nobody is turned out for one that does not. */
static bool is_waiting(int fd)
{
    struct pollfd poll_fd = {fd, POLLIN, 0};
    return poll(&poll_fd, 1, 0) == 1;
}

/* Makes sure of a place for one more from FD. False: nobody waits, or accepting has been paused. */
static bool find_place(struct http_loop *loop, int fd)
{
    struct http_server *server = loop->server;
    size_t limit = (size_t)server->settings.connections_max;
    if (atomic_fetch_add(&server->connections, 1) < limit)
        return true;
    atomic_fetch_sub(&server->connections, 1);
    if (!is_waiting(fd))
        return false;
    warn(loop, WARN_TOTAL, "connections_full", "connections_max is reached");
    struct http_connection *idle = TAILQ_FIRST(&loop->idle);
    if (idle != NULL) {
        http_connection_close(idle);
        if (atomic_fetch_add(&server->connections, 1) < limit)
            return true;
        atomic_fetch_sub(&server->connections, 1);
    }
    pause_accepting(loop);
    return false;
}

static void read_peer(int fd, const struct sockaddr *address, struct http_peer *peer)
{
    *peer = (struct http_peer){ip_of_sockaddr(address), (uid_t)-1, (gid_t)-1};
    if (peer->address.family != 0) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        return;
    }
    struct ucred credentials;
    socklen_t size = sizeof(credentials);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) {
        peer->uid = credentials.uid;
        peer->gid = credentials.gid;
    }
}

/* Takes FD. ERR_RATE_LIMITED, ERR_NOT_FOUND (no certificate yet) or what a new connection fails
 * with. */
static enum error admit(struct http_listener *listener, int fd, const struct http_peer *peer)
{
    struct http_loop *loop = listener->loop;
    SSL *ssl = NULL;
    enum error error = prefix_counter_enter(loop->server->prefixes, &peer->address);
    if (error != ERR_NONE) {
        close(fd);
        return error;
    }
    if (listener->tls && (ssl = http_server_tls_session(loop->server)) == NULL) {
        close(fd);
        error = ERR_NOT_FOUND;
    } else {
        error = http_connection_new(loop, fd, ssl, peer);
    }
    if (error != ERR_NONE)
        prefix_counter_leave(loop->server->prefixes, &peer->address);
    return error;
}

static void log_turned_away(struct http_loop *loop, const struct http_peer *peer, enum error error)
{
    const struct http_settings *settings = &loop->server->settings;
    char text[IP_TEXT_MAX];
    ip_to_text(&peer->address, text);
    if (error == ERR_RATE_LIMITED)
        warn(loop, WARN_PREFIX, "connections_per_prefix_full", text);
    LOG(settings->log, LOG_LEVEL_DEBUG, "connection_refused", LOG_TEXT("server", settings->name),
        LOG_TEXT("peer", text), LOG_ERROR(error));
}

/* False: there is nothing more to accept for now. */
static bool accept_one(struct http_listener *listener)
{
    struct http_loop *loop = listener->loop;
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    struct http_peer peer;
    if (!find_place(loop, listener->fd))
        return false;
    int fd =
        accept4(listener->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        int cause = errno;
        atomic_fetch_sub(&loop->server->connections, 1);
        if (cause == EMFILE || cause == ENFILE || cause == ENOBUFS || cause == ENOMEM) {
            warn(loop, WARN_ACCEPT, "accept_failed", strerrordesc_np(cause));
            pause_accepting(loop);
            return false;
        }
        return cause != EAGAIN; /* else it is the fault of the connection that was waiting */
    }
    read_peer(fd, (struct sockaddr *)&address, &peer);
    enum error error = admit(listener, fd, &peer);
    if (error != ERR_NONE) {
        atomic_fetch_sub(&loop->server->connections, 1);
        log_turned_away(loop, &peer, error);
    }
    return true;
}

void http_accept_ready(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct http_listener *listener = context;
    http_loop_enter(listener->loop);
    for (size_t i = 0; i < ACCEPT_BATCH && accept_one(listener); i++)
        continue;
    http_loop_leave(listener->loop);
}
