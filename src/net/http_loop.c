/*
 * One loop: a thread with a libevent base, the tasks that other threads hand it, and its end
 * (see http_server.h, http_internal.h). libevent runs without locks: nothing of a base is touched
 * by a second thread while the loop runs.
 */
#include <sys/random.h>

#include "net/http_internal.h"

void http_loop_enter(struct http_loop *loop)
{
    const struct http_settings *settings = &loop->server->settings;
    if (settings->callback_enter != NULL)
        settings->callback_enter(settings->context);
}

void http_loop_leave(struct http_loop *loop)
{
    const struct http_settings *settings = &loop->server->settings;
    if (settings->callback_leave != NULL)
        settings->callback_leave(settings->context);
}

int64_t http_loop_now(const struct http_loop *loop)
{
    return clock_monotonic_ms(loop->server->settings.clock);
}

bool http_loop_warns(struct http_loop *loop, enum http_warning what, uint64_t *held)
{
    int64_t now = http_loop_now(loop);
    if (now < loop->warned_ms[what]) {
        loop->warnings_held[what]++;
        return false;
    }
    *held = loop->warnings_held[what];
    loop->warnings_held[what] = 0;
    loop->warned_ms[what] = now + WARNING_INTERVAL_MS;
    return true;
}

/* ---- tasks ---- */

void http_loop_post(struct http_loop *loop, struct http_task *task)
{
    /* Can't fail: the box has no limit and is never closed. */
    if (mailbox_post(&loop->tasks, &task->letter) != ERR_NONE)
        abort();
}

static void run_tasks(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct http_loop *loop = context;
    http_loop_enter(loop);
    struct letter *letter = mailbox_take(&loop->tasks, TASK_BATCH);
    while (letter != NULL) {
        struct letter *next = letter->next; /* the task may be freed by running it */
        struct http_task *task = CONTAINER_OF(letter, struct http_task, letter);
        task->run(task);
        letter = next;
    }
    http_loop_leave(loop);
}

/* ---- end ---- */

static void end_if_done(struct http_loop *loop)
{
    if (loop->stopping && LIST_EMPTY(&loop->connections))
        event_base_loopbreak(loop->base);
}

void http_loop_connection_gone(struct http_loop *loop)
{
    if (loop->paused && !loop->stopping)
        http_accept_resume(loop);
    end_if_done(loop);
}

static void for_each_connection(struct http_loop *loop,
                                void (*visit)(struct http_connection *connection))
{
    struct http_connection *next;
    for (struct http_connection *at = LIST_FIRST(&loop->connections); at != NULL; at = next) {
        next = LIST_NEXT(at, entry);
        visit(at);
    }
}

static void grace_is_over(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct http_loop *loop = context;
    http_loop_enter(loop);
    for_each_connection(loop, http_connection_close);
    http_loop_leave(loop);
}

static void resume(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    http_accept_resume(context);
}

static struct timeval milliseconds(int ms)
{
    return (struct timeval){ms / 1000, ms % 1000 * 1000};
}

void http_loop_stop(struct http_loop *loop)
{
    struct timeval grace = milliseconds(loop->stop_grace_ms);
    loop->stopping = true;
    for (size_t i = 0; i < loop->listener_count; i++)
        event_del(&loop->listeners[i].event);
    event_del(&loop->resume_timer);
    for_each_connection(loop, http_connection_drain);
    event_add(&loop->grace_timer, &grace);
    end_if_done(loop);
}

/* ---- life ---- */

static void *run_loop(void *context)
{
    struct http_loop *loop = context;
    const struct http_settings *settings = &loop->server->settings;
    if (settings->thread_start != NULL)
        settings->thread_start(settings->context);
    event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
    /* libevent frees bufferevents a turn later than it is asked to. */
    event_base_loop(loop->base, EVLOOP_NONBLOCK);
    if (settings->thread_stop != NULL)
        settings->thread_stop(settings->context);
    return NULL;
}

enum error http_loop_init(struct http_loop *loop, struct http_server *server)
{
    loop->server = server;
    LIST_INIT(&loop->connections);
    TAILQ_INIT(&loop->idle);
    loop->date_second = -1;
    for (size_t i = 0; i < WARN_COUNT; i++)
        loop->warned_ms[i] = INT64_MIN;
    uint64_t random[2];
    if (getrandom(random, sizeof(random), 0) != sizeof(random))
        return ERR_IO;
    loop->next_id = random[0];
    loop->id_key = random[1];
    enum error error = mailbox_init(&loop->tasks, 0, true);
    if (error != ERR_NONE)
        return error;
    loop->base = event_base_new();
    if (loop->base == NULL) {
        mailbox_fini(&loop->tasks);
        return ERR_IO;
    }
    event_assign(&loop->tasks_event, loop->base, loop->tasks.event_fd, EV_READ | EV_PERSIST,
                 run_tasks, loop);
    evtimer_assign(&loop->grace_timer, loop->base, grace_is_over, loop);
    evtimer_assign(&loop->resume_timer, loop->base, resume, loop);
    if (event_add(&loop->tasks_event, NULL) != 0) {
        http_loop_fini(loop);
        return ERR_IO;
    }
    return ERR_NONE;
}

void http_loop_fini(struct http_loop *loop)
{
    event_base_free(loop->base);
    mailbox_fini(&loop->tasks);
}

enum error http_loop_add_listener(struct http_loop *loop, int fd, bool tls)
{
    if (loop->listener_count == LISTENERS_MAX)
        return ERR_INTERNAL;
    struct http_listener *listener = &loop->listeners[loop->listener_count];
    *listener = (struct http_listener){.loop = loop, .fd = fd, .tls = tls};
    event_assign(&listener->event, loop->base, fd, EV_READ | EV_PERSIST, http_accept_ready,
                 listener);
    if (event_add(&listener->event, NULL) != 0)
        return ERR_IO;
    loop->listener_count++;
    return ERR_NONE;
}

enum error http_loop_start(struct http_loop *loop)
{
    return pthread_create(&loop->thread, NULL, run_loop, loop) == 0 ? ERR_NONE : ERR_IO;
}
