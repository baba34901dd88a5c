/*
 * The HTTP server as its owner sees it: made, given sockets and certificates, started, stopped
 * (see http_server.h; http_internal.h for who owns what).
 */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "net/http_internal.h"

static void set_default(int *value, int otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

static void fill_defaults(struct http_settings *settings)
{
    set_default(&settings->loops, 1);
    set_default(&settings->handshake_timeout_ms, 5000);
    set_default(&settings->head_timeout_ms, 5000);
    set_default(&settings->body_timeout_ms, 10000);
    set_default(&settings->idle_timeout_ms, 30000);
    set_default(&settings->write_timeout_ms, 10000);
    set_default(&settings->connections_max, 4096);
    set_default(&settings->connections_per_prefix, 256);
}

static enum error make_loops(struct http_server *server)
{
    server->loops = calloc((size_t)server->settings.loops, sizeof(server->loops[0]));
    if (server->loops == NULL)
        return ERR_MEMORY;
    while (server->loop_count < server->settings.loops) {
        enum error error = http_loop_init(&server->loops[server->loop_count], server);
        if (error != ERR_NONE)
            return error;
        server->loop_count++;
    }
    return ERR_NONE;
}

enum error http_server_new(const struct http_settings *settings, struct http_server **out)
{
    struct http_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return ERR_MEMORY;
    server->settings = *settings;
    fill_defaults(&server->settings);
    atomic_init(&server->connections, 0);
    pthread_mutex_init(&server->tls_mutex, NULL);
    enum error error = prefix_counter_new(
        (size_t)server->settings.connections_max, (uint32_t)server->settings.connections_per_prefix,
        settings->exempt, settings->exempt_count, &server->prefixes);
    if (error == ERR_NONE)
        error = make_loops(server);
    if (error != ERR_NONE) {
        http_server_free(server);
        return error;
    }
    *out = server;
    return ERR_NONE;
}

/* ---- listening sockets ---- */

static enum error set_flags(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return ERR_IO;
    return ERR_NONE;
}

static enum error add_socket(struct http_server *server, int fd, bool tls, int loop)
{
    if (server->started || server->socket_count == SOCKETS_MAX)
        return ERR_INTERNAL;
    enum error error = set_flags(fd);
    for (int i = 0; i < server->loop_count && error == ERR_NONE; i++) {
        if (loop < 0 || loop == i)
            error = http_loop_add_listener(&server->loops[i], fd, tls);
    }
    if (error == ERR_NONE)
        server->sockets[server->socket_count++] = (struct http_socket){fd, tls, loop};
    return error;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

enum error http_server_listen(struct http_server *server, const int *fds, size_t count, bool tls)
{
    bool one_each = count > 1;
    if (count == 0 || (one_each && count != (size_t)server->loop_count)) {
        close_all(fds, count);
        return ERR_INTERNAL;
    }
    for (size_t i = 0; i < count; i++) {
        enum error error = add_socket(server, fds[i], tls, one_each ? (int)i : -1);
        if (error != ERR_NONE) {
            close_all(fds + i, count - i);
            return error;
        }
    }
    return ERR_NONE;
}

/* ---- TLS ---- */

enum error http_server_set_certificate(struct http_server *server, struct slice chain,
                                       struct slice key, char *why, size_t why_size)
{
    SSL_CTX *fresh;
    enum error error = tls_context_new(chain, key, why, why_size, &fresh);
    if (error != ERR_NONE)
        return error;
    pthread_mutex_lock(&server->tls_mutex);
    SSL_CTX *old = server->tls;
    server->tls = fresh;
    pthread_mutex_unlock(&server->tls_mutex);
    SSL_CTX_free(old); /* sessions made from it hold references of their own */
    return ERR_NONE;
}

SSL *http_server_tls_session(struct http_server *server)
{
    pthread_mutex_lock(&server->tls_mutex);
    SSL *session = server->tls == NULL ? NULL : SSL_new(server->tls);
    pthread_mutex_unlock(&server->tls_mutex);
    return session;
}

/* ---- life ---- */

static void stop_loop(struct http_task *task)
{
    struct http_loop *loop = CONTAINER_OF(task, struct http_loop, stop_task);
    http_loop_stop(loop);
}

static void stop_first(struct http_server *server, int count, int grace_ms)
{
    for (int i = 0; i < count; i++) {
        server->loops[i].stop_grace_ms = grace_ms;
        server->loops[i].stop_task.run = stop_loop;
        http_loop_post(&server->loops[i], &server->loops[i].stop_task);
    }
    for (int i = 0; i < count; i++)
        pthread_join(server->loops[i].thread, NULL);
}

enum error http_server_start(struct http_server *server)
{
    /* Signals are the main thread's; SIGPIPE is nobody's: a peer that is gone shows as EPIPE. */
    sigset_t all, before;
    enum error error = ERR_NONE;
    int running = 0;
    if (server->started)
        return ERR_INTERNAL;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (running < server->loop_count && error == ERR_NONE) {
        error = http_loop_start(&server->loops[running]);
        running += error == ERR_NONE;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != ERR_NONE)
        stop_first(server, running, 0);
    else
        server->started = true;
    return error;
}

void http_server_stop(struct http_server *server, int grace_ms)
{
    if (!server->started || server->stopped)
        return;
    server->stopped = true; /* for good: loops are not started twice */
    stop_first(server, server->loop_count, grace_ms);
}

void http_server_free(struct http_server *server)
{
    if (server == NULL)
        return;
    http_server_stop(server, 0);
    for (int i = 0; i < server->loop_count; i++)
        http_loop_fini(&server->loops[i]);
    for (size_t i = 0; i < server->socket_count; i++)
        close(server->sockets[i].fd);
    free(server->loops);
    prefix_counter_free(server->prefixes);
    SSL_CTX_free(server->tls);
    pthread_mutex_destroy(&server->tls_mutex);
    free(server);
}

size_t http_server_connections(const struct http_server *server)
{
    return atomic_load_explicit(&server->connections, memory_order_relaxed);
}

struct slice http_header_get(const struct http_request *request, const char *name)
{
    struct slice wanted = slice_text(name);
    for (size_t i = 0; i < request->header_count; i++) {
        if (slice_equal_nocase(request->headers[i].name, wanted)) {
            struct slice value = request->headers[i].value;
            /* An empty value is there all the same: only an absent header has no data. */
            return value.data == NULL ? slice_text("") : value;
        }
    }
    return (struct slice){NULL, 0};
}
