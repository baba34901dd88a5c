/*
 * The writer's thread (see writer.h).
 */
#include "store/writer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    RETRY_MS = 1000, /* between two attempts to bring a failing storage back */
    IDLE_MS = 250,   /* without operations: time for a checkpoint */
};

struct writer_thread {
    struct writer_settings settings;
    struct mailbox box;
    pthread_t thread;
    bool started;
    int64_t retry_at_ms;   /* monotonic; while failing */
    uint64_t applied;      /* sequence of the newest change applied */
    pthread_mutex_t mutex; /* guards status */
    struct writer_status status;
};

/* ---- status ---- */

static void set_failing(struct writer_thread *writer, bool failing, const char *why)
{
    pthread_mutex_lock(&writer->mutex);
    bool was = writer->status.failing;
    writer->status.failing = failing;
    snprintf(writer->status.why, sizeof(writer->status.why), "%s", failing ? why : "");
    pthread_mutex_unlock(&writer->mutex);
    if (failing && !was)
        LOG(writer->settings.log, LOG_LEVEL_ERROR, "storage_failing", LOG_TEXT("why", why));
    if (!failing && was)
        LOG(writer->settings.log, LOG_LEVEL_WARNING, "storage_recovered",
            LOG_TEXT("text", "updates are taken again"));
}

static bool is_failing(struct writer_thread *writer)
{
    return writer->status.failing; /* written by this thread alone */
}

static void count(struct writer_thread *writer, uint64_t commits, uint64_t operations,
                  uint64_t failures)
{
    pthread_mutex_lock(&writer->mutex);
    writer->status.commits += commits;
    writer->status.operations += operations;
    writer->status.failures += failures;
    writer->status.sequence = writer->applied;
    pthread_mutex_unlock(&writer->mutex);
}

void writer_status(struct writer_thread *writer, struct writer_status *out)
{
    pthread_mutex_lock(&writer->mutex);
    *out = writer->status;
    pthread_mutex_unlock(&writer->mutex);
    out->queue = mailbox_count(&writer->box);
}

/* ---- applying ---- */

static enum error apply_one(void *context, const struct change *change)
{
    struct writer_thread *writer = context;
    enum error error = writer->settings.apply(writer->settings.context, change);
    if (error == ERR_NONE)
        writer->applied = change->sequence;
    return error;
}

static enum error apply_stored(void *context, const struct change *change)
{
    struct writer_thread *writer = context;
    enum error error = writer->settings.apply_stored(writer->settings.context, change);
    if (error == ERR_NONE)
        writer->applied = change->sequence;
    return error;
}

/* Changes are on disk; if the index can't take one (no memory), it is behind the disk, and nothing
 * may be acknowledged until it has followed. */
static enum error apply_all(struct writer_thread *writer, const struct change *changes,
                            size_t change_count)
{
    for (size_t i = 0; i < change_count; i++) {
        enum error error = apply_one(writer, &changes[i]);
        if (error != ERR_NONE) {
            set_failing(writer, true, "a committed change could not be applied");
            return ERR_STORAGE;
        }
    }
    return ERR_NONE;
}

/* ---- batches ---- */

/* Whether an error of one operation spoils the transaction it ran in: it may have written before.
 */
static bool spoils(enum error error)
{
    return error == ERR_STORAGE || error == ERR_MEMORY || error == ERR_INTERNAL ||
           error == ERR_TOO_LARGE;
}

static struct operation *operation_of(struct letter *letter)
{
    return CONTAINER_OF(letter, struct operation, letter);
}

static enum error run_one(struct writer_thread *writer, struct operation *operation)
{
    store_set_operation(writer->settings.store, operation->id);
    return operation->run(operation, writer->settings.store);
}

/* Runs the operations from FIRST up to but not including END in one transaction. */
static enum error run_batch(struct writer_thread *writer, struct letter *first, struct letter *end)
{
    struct store *store = writer->settings.store;
    const struct change *changes;
    size_t change_count;
    enum error error = store_begin(store);
    if (error != ERR_NONE)
        return error;
    for (struct letter *at = first; at != end; at = at->next) {
        struct operation *operation = operation_of(at);
        operation->result = run_one(writer, operation);
        if (spoils(operation->result)) {
            store_rollback(store);
            return operation->result;
        }
    }
    error = store_commit(store, &changes, &change_count);
    if (error != ERR_NONE)
        return error;
    error = apply_all(writer, changes, change_count);
    if (error == ERR_NONE)
        count(writer, 1, 0, 0);
    return error;
}

/* Whether the last failure was the disk's and not one operation's. */
static void judge_failure(struct writer_thread *writer, enum error error)
{
    if (error != ERR_STORAGE)
        return;
    set_failing(writer, true, db_why(store_db(writer->settings.store)));
    writer->retry_at_ms = clock_monotonic_ms(writer->settings.clock) + RETRY_MS;
}

/* After a batch has failed: each operation alone, until the storage itself turns out to fail. */
static void run_singly(struct writer_thread *writer, struct letter *first)
{
    for (struct letter *at = first; at != NULL; at = at->next) {
        struct operation *operation = operation_of(at);
        enum error error = is_failing(writer) ? ERR_STORAGE : run_batch(writer, at, at->next);
        if (error != ERR_NONE) {
            operation->result = error;
            if (!is_failing(writer))
                judge_failure(writer, error);
        }
    }
}

/* Tells the callers. What they may ask for next, the counts among it, is right by then. */
static void finish(struct writer_thread *writer, struct letter *first)
{
    uint64_t operations = 0, failures = 0;
    for (struct letter *at = first; at != NULL; at = at->next) {
        operations++;
        failures += spoils(operation_of(at)->result);
    }
    count(writer, 0, operations, failures);
    for (struct letter *at = first, *next; at != NULL; at = next) {
        struct operation *operation = operation_of(at);
        next = at->next;
        operation->done(operation, operation->result);
    }
}

static void refuse(struct letter *first)
{
    for (struct letter *at = first; at != NULL; at = at->next)
        operation_of(at)->result = ERR_STORAGE;
}

/* ---- recovery ---- */

/* Brings the storage back: the disk first, then the index to what is on it. */
static enum error recover(struct writer_thread *writer)
{
    struct store *store = writer->settings.store;
    enum error error = db_recover(store_db(store));
    if (error == ERR_NONE)
        error = store_follow(store, writer->applied, apply_stored, writer);
    if (error == ERR_NONE)
        error = store_probe(store);
    return error;
}

static void try_to_recover(struct writer_thread *writer)
{
    if (!is_failing(writer) || clock_monotonic_ms(writer->settings.clock) < writer->retry_at_ms)
        return;
    enum error error = recover(writer);
    if (error == ERR_NONE)
        set_failing(writer, false, "");
    else
        judge_failure(writer, ERR_STORAGE);
}

/* ---- the thread ---- */

static void work(struct writer_thread *writer, struct letter *letters)
{
    try_to_recover(writer);
    if (letters == NULL) {
        if (!is_failing(writer))
            db_checkpoint(store_db(writer->settings.store), true);
        return;
    }
    if (is_failing(writer)) {
        refuse(letters);
    } else if (run_batch(writer, letters, NULL) != ERR_NONE) {
        run_singly(writer, letters);
    }
    finish(writer, letters);
    writer->settings.reclaim(writer->settings.context);
    if (!is_failing(writer))
        db_checkpoint(store_db(writer->settings.store), false);
}

static void *run_thread(void *context)
{
    struct writer_thread *writer = context;
    for (;;) {
        struct letter *letters = mailbox_wait(&writer->box, BATCH_MAX, IDLE_MS);
        if (letters == NULL && mailbox_is_closed(&writer->box))
            return NULL;
        work(writer, letters);
    }
}

enum error writer_new(const struct writer_settings *settings, struct writer_thread **out)
{
    struct writer_thread *writer = calloc(1, sizeof(*writer));
    if (writer == NULL)
        return ERR_MEMORY;
    enum error error = mailbox_init(&writer->box, WRITER_QUEUE_MAX, false);
    if (error != ERR_NONE) {
        free(writer);
        return error;
    }
    writer->settings = *settings;
    writer->applied = store_sequence(settings->store);
    writer->status.sequence = writer->applied;
    pthread_mutex_init(&writer->mutex, NULL);
    *out = writer;
    return ERR_NONE;
}

enum error writer_start(struct writer_thread *writer)
{
    if (pthread_create(&writer->thread, NULL, run_thread, writer) != 0)
        return ERR_IO;
    pthread_setname_np(writer->thread, "locum-writer");
    writer->started = true;
    return ERR_NONE;
}

enum error writer_submit(struct writer_thread *writer, struct operation *operation)
{
    enum error error = mailbox_post(&writer->box, &operation->letter);
    return error == ERR_NOT_FOUND ? ERR_STORAGE : error;
}

void writer_stop(struct writer_thread *writer)
{
    if (!writer->started)
        return;
    mailbox_close(&writer->box);
    pthread_join(writer->thread, NULL);
    writer->started = false;
}

void writer_free(struct writer_thread *writer)
{
    if (writer == NULL)
        return;
    writer_stop(writer);
    mailbox_fini(&writer->box);
    pthread_mutex_destroy(&writer->mutex);
    free(writer);
}
