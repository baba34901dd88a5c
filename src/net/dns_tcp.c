/*
 * The loop of DNS over TCP (see dns_tcp.h): listeners, caps, deadlines.
 *
 * Connections stand in two lists by age, those that wait for a query and those with something under
 * way. A sweep four times a second closes what is past its deadline; when all places are taken the
 * connection that has waited longest makes room for a new one.
 */
#include "net/dns_tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/dns_tcp_internal.h"

enum {
    SWEEP_MS = 250,
    ACCEPT_PAUSE_MS = 200,       /* after the process ran out of descriptors */
    LOOPS_MAX = 256,             /* more than any machine has threads for */
    ACCEPT_RUN = 64,             /* accepted in a row before others get their turn */
    WARNING_INTERVAL_MS = 10000, /* between two log lines about it */
};

struct listener {
    struct dns_tcp *loop;
    struct event *event;
    int fd;
};

enum error dns_tcp_shared_init(struct dns_tcp_shared *shared, size_t connections_max,
                               size_t per_prefix)
{
    struct prefix_counter *prefixes;
    /* Room for those that are counted before another one makes way: one a loop. */
    enum error error =
        prefix_counter_new(connections_max + LOOPS_MAX, (uint32_t)per_prefix, NULL, 0, &prefixes);
    if (error != ERR_NONE)
        return error;
    atomic_init(&shared->connections, 0);
    atomic_init(&shared->accepted, 0);
    shared->connections_max = connections_max;
    shared->prefixes = prefixes;
    return ERR_NONE;
}

void dns_tcp_shared_fini(struct dns_tcp_shared *shared)
{
    prefix_counter_free(shared->prefixes);
    shared->prefixes = NULL;
}

/* ---- deadlines ---- */

static bool has_connections(const struct dns_tcp *loop)
{
    return !TAILQ_EMPTY(&loop->idle) || !TAILQ_EMPTY(&loop->busy);
}

static void run_sweep(struct dns_tcp *loop)
{
    struct timeval interval = {.tv_usec = SWEEP_MS * 1000};
    if (has_connections(loop) && !event_pending(loop->sweep, EV_TIMEOUT, NULL))
        (void)event_add(loop->sweep, &interval);
}

static void sweep(evutil_socket_t fd, short what, void *context)
{
    struct dns_tcp *loop = context;
    struct dns_tcp_shared *shared = loop->settings.shared;
    int64_t now = clock_monotonic_ms(loop->settings.clock);
    bool crowded = atomic_load(&shared->connections) > shared->connections_max / 2;
    int64_t idle_ms = crowded ? DNS_TCP_IDLE_BUSY_MS : DNS_TCP_IDLE_MS;
    struct connection *connection;
    struct connection *next;
    (void)fd;
    (void)what;
    while ((connection = TAILQ_FIRST(&loop->idle)) != NULL && now - connection->since_ms >= idle_ms)
        connection_close(connection);
    for (connection = TAILQ_FIRST(&loop->busy); connection != NULL; connection = next) {
        next = TAILQ_NEXT(connection, link);
        int64_t limit = connection->phase == PHASE_QUERY ? DNS_TCP_QUERY_MS : DNS_TCP_WRITE_MS;
        if (now - connection->since_ms >= limit)
            connection_close(connection);
    }
    run_sweep(loop);
}

/* ---- accepting ---- */

/* Takes a place for one more connection, if need be that of the one idle for longest. */
static bool take_place(struct dns_tcp *loop)
{
    struct dns_tcp_shared *shared = loop->settings.shared;
    if (atomic_fetch_add(&shared->connections, 1) < shared->connections_max)
        return true;
    struct connection *oldest = TAILQ_FIRST(&loop->idle);
    if (oldest != NULL) {
        connection_close(oldest);
        return true;
    }
    atomic_fetch_sub(&shared->connections, 1);
    return false;
}

/* Begins to serve FD, or closes it. The place is taken already. */
static enum error add_connection(struct dns_tcp *loop, int fd, const struct ip_address *peer)
{
    int one = 1;
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL)
        return ERR_MEMORY;
    connection->loop = loop;
    connection->fd = fd;
    connection->peer = *peer;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (event_assign(&connection->event, loop->base, fd, EV_READ | EV_PERSIST, connection_ready,
                     connection) != 0 ||
        event_add(&connection->event, NULL) != 0) {
        free(connection);
        return ERR_IO;
    }
    connection_enlist(connection);
    atomic_fetch_add(&loop->settings.shared->accepted, 1);
    run_sweep(loop);
    return ERR_NONE;
}

static void admit(struct dns_tcp *loop, int fd, const struct sockaddr *address)
{
    struct dns_tcp_shared *shared = loop->settings.shared;
    struct ip_address peer = ip_of_sockaddr(address);
    if (prefix_counter_enter(shared->prefixes, &peer) != ERR_NONE) {
        (void)close(fd);
        return;
    }
    if (take_place(loop)) {
        if (add_connection(loop, fd, &peer) == ERR_NONE)
            return;
        atomic_fetch_sub(&shared->connections, 1);
    }
    prefix_counter_leave(shared->prefixes, &peer);
    (void)close(fd);
}

static void set_accepting(struct dns_tcp *loop, bool accepting)
{
    for (size_t i = 0; i < loop->settings.count; i++) {
        if (accepting)
            (void)event_add(loop->listeners[i].event, NULL);
        else
            (void)event_del(loop->listeners[i].event);
    }
}

static void resume_accepting(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    set_accepting(context, true);
}

/* Without descriptors or memory the waiting connection stays in the queue and the listener stays
 * readable: rest for a while instead of spinning. */
static void pause_accepting(struct dns_tcp *loop)
{
    struct timeval rest = {.tv_usec = ACCEPT_PAUSE_MS * 1000};
    int64_t now = clock_monotonic_ms(loop->settings.clock);
    if (loop->settings.log != NULL &&
        (loop->warned_ms == 0 || now - loop->warned_ms >= WARNING_INTERVAL_MS)) {
        LOG(loop->settings.log, LOG_LEVEL_WARNING, "dns_accept_failed", LOG_ERRNO());
        loop->warned_ms = now;
    }
    set_accepting(loop, false);
    (void)event_add(loop->pause, &rest);
}

static void accept_ready(evutil_socket_t listener, short what, void *context)
{
    struct dns_tcp *loop = ((struct listener *)context)->loop;
    (void)what;
    for (int i = 0; i < ACCEPT_RUN; i++) {
        struct sockaddr_storage address;
        socklen_t length = sizeof(address);
        int fd =
            accept4(listener, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(loop, fd, (const struct sockaddr *)&address);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(loop);
            return;
        }
        /* Anything else concerns that connection alone. */
    }
}

/* ---- life ---- */

static void close_all(struct dns_tcp *loop)
{
    struct connection *connection;
    while ((connection = TAILQ_FIRST(&loop->idle)) != NULL ||
           (connection = TAILQ_FIRST(&loop->busy)) != NULL)
        connection_close(connection);
}

/* Answers what has arrived by now, then ends the loop. */
static void end_loop(evutil_socket_t fd, short what, void *context)
{
    struct dns_tcp *loop = context;
    struct connection_list last = TAILQ_HEAD_INITIALIZER(last);
    struct connection *connection;
    (void)fd;
    (void)what;
    set_accepting(loop, false);
    /* A list of their own, as serving moves connections between the loop's lists. */
    TAILQ_CONCAT(&last, &loop->busy, link);
    TAILQ_CONCAT(&last, &loop->idle, link);
    while ((connection = TAILQ_FIRST(&last)) != NULL) {
        TAILQ_REMOVE(&last, connection, link);
        enum connection_phase phase = connection->phase;
        connection_enlist(connection);
        connection_ready(connection->fd, phase == PHASE_WRITE ? EV_WRITE : EV_READ, connection);
    }
    close_all(loop);
    (void)event_base_loopbreak(loop->base);
}

static bool listen_on(struct dns_tcp *loop, size_t i)
{
    struct listener *listener = &loop->listeners[i];
    int flags = fcntl(listener->fd, F_GETFL);
    if (flags < 0 || fcntl(listener->fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return false;
    listener->event =
        event_new(loop->base, listener->fd, EV_READ | EV_PERSIST, accept_ready, listener);
    return listener->event != NULL && event_add(listener->event, NULL) == 0;
}

static enum error set_up(struct dns_tcp *loop)
{
    loop->base = event_base_new();
    loop->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->base == NULL || loop->stop_fd < 0)
        return ERR_IO;
    loop->sweep = event_new(loop->base, -1, 0, sweep, loop);
    loop->pause = event_new(loop->base, -1, 0, resume_accepting, loop);
    loop->stop = event_new(loop->base, loop->stop_fd, EV_READ, end_loop, loop);
    if (loop->sweep == NULL || loop->pause == NULL || loop->stop == NULL ||
        event_add(loop->stop, NULL) != 0)
        return ERR_IO;
    for (size_t i = 0; i < loop->settings.count; i++) {
        if (!listen_on(loop, i))
            return ERR_IO;
    }
    return ERR_NONE;
}

enum error dns_tcp_new(const struct dns_tcp_settings *settings, struct dns_tcp **out)
{
    struct dns_tcp *loop = calloc(1, sizeof(*loop));
    struct listener *listeners = calloc(settings->count, sizeof(*listeners));
    if (loop == NULL || listeners == NULL) {
        for (size_t i = 0; i < settings->count; i++)
            (void)close(settings->fds[i]);
        free(loop);
        free(listeners);
        return ERR_MEMORY;
    }
    loop->settings = *settings;
    loop->settings.fds = NULL;
    loop->stop_fd = -1;
    loop->listeners = listeners;
    TAILQ_INIT(&loop->idle);
    TAILQ_INIT(&loop->busy);
    for (size_t i = 0; i < settings->count; i++)
        listeners[i] = (struct listener){.loop = loop, .fd = settings->fds[i]};
    enum error error = set_up(loop);
    if (error != ERR_NONE) {
        dns_tcp_free(loop);
        return error;
    }
    *out = loop;
    return ERR_NONE;
}

void dns_tcp_run(struct dns_tcp *loop)
{
    (void)event_base_dispatch(loop->base);
}

void dns_tcp_stop(struct dns_tcp *loop)
{
    (void)eventfd_write(loop->stop_fd, 1);
}

static void free_event(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

void dns_tcp_free(struct dns_tcp *loop)
{
    if (loop == NULL)
        return;
    close_all(loop);
    for (size_t i = 0; i < loop->settings.count; i++) {
        free_event(loop->listeners[i].event);
        (void)close(loop->listeners[i].fd);
    }
    free_event(loop->sweep);
    free_event(loop->pause);
    free_event(loop->stop);
    if (loop->stop_fd >= 0)
        (void)close(loop->stop_fd);
    if (loop->base != NULL)
        event_base_free(loop->base);
    free(loop->listeners);
    free(loop);
}
