/*
 * The mailbox between threads (see mailbox.h).
 */
#include "base/mailbox.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum error mailbox_init(struct mailbox *box, size_t limit, bool with_event)
{
    int event_fd = -1;
    if (with_event) {
        event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (event_fd < 0)
            return ERR_IO;
    }
    *box = (struct mailbox){.limit = limit, .event_fd = event_fd};
    box->last = &box->first;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* a time-out survives clock jumps */
    pthread_cond_init(&box->filled, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&box->mutex, NULL);
    return ERR_NONE;
}

void mailbox_fini(struct mailbox *box)
{
    if (box->event_fd >= 0)
        close(box->event_fd);
    pthread_cond_destroy(&box->filled);
    pthread_mutex_destroy(&box->mutex);
}

static void signal_event(const struct mailbox *box)
{
    uint64_t one = 1;
    if (box->event_fd >= 0 && write(box->event_fd, &one, sizeof(one)) < 0) {
        /* EAGAIN: the counter is full, so the taker is being woken already. */
    }
}

enum error mailbox_post(struct mailbox *box, struct letter *letter)
{
    enum error error = ERR_NONE;
    bool was_empty = false;
    pthread_mutex_lock(&box->mutex);
    if (box->closed) {
        error = ERR_NOT_FOUND;
    } else if (box->limit != 0 && box->count >= box->limit) {
        error = ERR_BUSY;
    } else {
        was_empty = box->first == NULL;
        letter->next = NULL;
        *box->last = letter;
        box->last = &letter->next;
        box->count++;
    }
    pthread_mutex_unlock(&box->mutex);
    if (was_empty) {
        pthread_cond_signal(&box->filled);
        signal_event(box);
    }
    return error;
}

/* With the mutex held. */
static struct letter *take_locked(struct mailbox *box, size_t limit)
{
    struct letter *first = box->first, **end = &box->first;
    size_t taken = 0;
    while (*end != NULL && (limit == 0 || taken < limit)) {
        end = &(*end)->next;
        taken++;
    }
    if (taken == 0)
        return NULL;
    box->first = *end;
    if (box->first == NULL)
        box->last = &box->first;
    *end = NULL;
    box->count -= taken;
    return first;
}

struct letter *mailbox_take(struct mailbox *box, size_t limit)
{
    uint64_t count;
    /* Emptied before the letters are taken: a letter posted after this wakes the taker again. */
    if (box->event_fd >= 0 && read(box->event_fd, &count, sizeof(count)) < 0) {
        /* EAGAIN: nothing was signalled. */
    }
    pthread_mutex_lock(&box->mutex);
    struct letter *letters = take_locked(box, limit);
    bool more = box->first != NULL;
    pthread_mutex_unlock(&box->mutex);
    if (more)
        signal_event(box);
    return letters;
}

static struct timespec deadline_after(int timeout_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += timeout_ms / 1000;
    at.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

struct letter *mailbox_wait(struct mailbox *box, size_t limit, int timeout_ms)
{
    struct timespec deadline = deadline_after(timeout_ms < 0 ? 0 : timeout_ms);
    int result = 0;
    pthread_mutex_lock(&box->mutex);
    while (box->first == NULL && !box->closed && result != ETIMEDOUT) {
        if (timeout_ms < 0)
            result = pthread_cond_wait(&box->filled, &box->mutex);
        else
            result = pthread_cond_timedwait(&box->filled, &box->mutex, &deadline);
    }
    struct letter *letters = take_locked(box, limit);
    pthread_mutex_unlock(&box->mutex);
    return letters;
}

void mailbox_close(struct mailbox *box)
{
    pthread_mutex_lock(&box->mutex);
    box->closed = true;
    pthread_mutex_unlock(&box->mutex);
    pthread_cond_broadcast(&box->filled);
    signal_event(box);
}

bool mailbox_is_closed(struct mailbox *box)
{
    pthread_mutex_lock(&box->mutex);
    bool closed = box->closed && box->first == NULL;
    pthread_mutex_unlock(&box->mutex);
    return closed;
}

size_t mailbox_count(struct mailbox *box)
{
    pthread_mutex_lock(&box->mutex);
    size_t count = box->count;
    pthread_mutex_unlock(&box->mutex);
    return count;
}
