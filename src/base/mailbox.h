/*
 * How work crosses threads: a bounded FIFO of intrusive letters. Many threads post; one takes.
 * The taker either waits in mailbox_wait() (the writer), or is woken through an eventfd in its
 * event loop (the API loops) and drains with mailbox_take_all(). Letters are not owned.
 */
#ifndef LOCUM_BASE_MAILBOX_H
#define LOCUM_BASE_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct letter {
    struct letter *next;
};

struct mailbox {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    struct letter *first;
    struct letter **last;
    size_t count;
    size_t limit; /* letters; 0: unbounded, for letters that are bounded elsewhere */
    int event_fd; /* readable while letters wait, or -1 if not asked for */
    bool closed;
};

/* WITH_EVENT asks for an eventfd. ERR_IO if none is to be had. */
MUST_CHECK enum error mailbox_init(struct mailbox *box, size_t limit, bool with_event);
void mailbox_fini(struct mailbox *box);
/* Appends. ERR_BUSY if the box is full, ERR_NOT_FOUND if it was closed; the letter is then still
 * the caller's. */
MUST_CHECK enum error mailbox_post(struct mailbox *box, struct letter *letter);
/* Takes up to LIMIT letters (0: all) as a list, in order; NULL if none. Never waits. */
struct letter *mailbox_take(struct mailbox *box, size_t limit);
/* As mailbox_take(), waiting up to TIMEOUT_MS for the first one (-1: for ever). NULL at a time-out,
 * or when the box is closed and empty. */
struct letter *mailbox_wait(struct mailbox *box, size_t limit, int timeout_ms);
/* Refuses further letters and wakes the taker; what is inside can still be taken. */
void mailbox_close(struct mailbox *box);
/* Whether the box was closed and nothing is left inside: the taker may go. */
bool mailbox_is_closed(struct mailbox *box);
/* Letters inside at this moment. */
size_t mailbox_count(struct mailbox *box);

#endif
