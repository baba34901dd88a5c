/*
 * The writer: the one thread that changes the database, and after each commit the index.
 *
 * Operations queue in a mailbox. The writer takes all that queued while the last fsync ran, runs
 * them in one transaction, commits, hands the committed change records to `apply`, and only then
 * tells each operation that it is done: who hears ERR_NONE can rely on disk and index both. A batch
 * that fails is run again one operation at a time, so that a bad one fails alone.
 *
 * While the storage is failing every operation is refused at once with ERR_STORAGE; the writer
 * tries by itself, once a second, to bring the storage back.
 */
#ifndef LOCUM_STORE_WRITER_H
#define LOCUM_STORE_WRITER_H

#include "base/log.h"
#include "base/mailbox.h"
#include "store/store.h"

struct operation {
    struct letter letter;
    uint8_t id[16]; /* unique, in the order of making (uuid_ordered()) */
    /* Does the work within a transaction; may run again after a failure, from the beginning, so it
     * must leave nothing behind in itself that a second run would count twice. Rules that refuse
     * must do so before anything is written. ERR_STORAGE, ERR_MEMORY, ERR_INTERNAL and
     * ERR_TOO_LARGE, the store's own, undo the whole transaction; any other error is this
     * operation's own result. */
    enum error (*run)(struct operation *operation, struct store *store);
    /* Called once, last: the operation is the callee's from there on. */
    void (*done)(struct operation *operation, enum error error);
    enum error result; /* the writer's own */
};

struct writer_thread;

struct writer_settings {
    struct store *store; /* borrowed */
    struct log *log;
    const struct clock *clock;
    /* Applies one committed change; called in order, on the writer's thread. */
    enum error (*apply)(void *context, const struct change *change);
    /* The same for changes that are read back while the storage recovers. */
    enum error (*apply_stored)(void *context, const struct change *change);
    /* Called after each batch that changed something, when its callers have their replies. */
    void (*reclaim)(void *context);
    void *context;
};

struct writer_status {
    bool failing;
    char why[256];
    uint64_t commits, operations, failures;
    size_t queue;
    uint64_t sequence; /* of the newest change applied */
};

MUST_CHECK enum error writer_new(const struct writer_settings *settings,
                                 struct writer_thread **out);
MUST_CHECK enum error writer_start(struct writer_thread *writer);
/* Queues OPERATION, whose id is set. ERR_BUSY, or ERR_STORAGE once the writer was stopped; the
 * operation is then still the caller's. */
MUST_CHECK enum error writer_submit(struct writer_thread *writer, struct operation *operation);
/* Finishes what is queued and ends the thread. */
void writer_stop(struct writer_thread *writer);
void writer_free(struct writer_thread *writer);
void writer_status(struct writer_thread *writer, struct writer_status *out);

#endif
