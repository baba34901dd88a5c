/*
 * The housekeeper: a thread that once a second asks the writer to let old values go, and more
 * rarely unused registrations, old change records and old sightings; it records sightings, and
 * stores the age clock.
 *
 * Expiry goes by the age clock alone (age_clock.h), and in portions, so that other operations get
 * between them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <urcu/urcu-qsbr.h>

#include "service/recorder.h"
#include "service/service_private.h"

enum {
    TICK_MS = 1000,
    RARELY_TICKS = 30,
    PORTION = 200,         /* delegates in one transaction */
    CHANGES_KEPT = 100000, /* a node that is further behind reads everything anew */
};

struct housekeeper {
    struct service *service;
    struct recorder *recorder;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t stop_asked;
    bool stopping;
    unsigned tick;
    _Atomic(bool) round_runs; /* one at a time: a slow storage must not gather rounds */
};

struct expiring {
    struct delegate_ref ref;
    uint64_t sequence; /* of the value; unused for registrations */
};

/* One round: everything of it in one transaction. */
struct round_operation {
    struct operation operation;
    struct housekeeper *housekeeper;
    bool rare;
    /* copied from the policy when the round begins */
    size_t zone_count;
    struct {
        uint16_t id;
        int64_t value_lifetime_ms;
    } zones[ZONES_MAX];
    int64_t unused_lifetime_ms;
    size_t count; /* of the rows just read */
    struct expiring rows[PORTION];
    /* what change records point into */
    struct delegate_ref published[PORTION];
    size_t published_count;
    bool more; /* a portion was full: go on at once */
};

/* ---- within the transaction ---- */

static enum error take_expiring(void *context, const struct db_row *row)
{
    struct round_operation *op = context;
    if (op->count == PORTION)
        return ERR_INTERNAL;
    struct expiring *out = &op->rows[op->count];
    enum error error = delegate_ref_of_row(&out->ref, row);
    if (error != ERR_NONE)
        return error;
    out->sequence = (uint64_t)db_integer(row, 3);
    op->count++;
    return ERR_NONE;
}

static enum error note(struct store *store, const struct delegate_ref *ref, const char *kind,
                       struct slice detail)
{
    const struct ledger_entry entry = {
        .kind = kind, .zone = ref->zone, .label = delegate_ref_label(ref), .detail = detail};
    return store_ledger(store, &entry);
}

/* Lets one value go by age and publishes what is left. */
static enum error expire_value(struct round_operation *op, struct store *store,
                               const struct expiring *row)
{
    struct delegate_ref *ref = &op->published[op->published_count++];
    struct value_list list;
    *ref = row->ref;
    enum error error = values_read(store, ref->id, &list);
    uint32_t position = 0;
    while (error == ERR_NONE && position < list.count &&
           list.values[position].sequence != row->sequence)
        position++;
    if (error != ERR_NONE || position == list.count)
        return error;
    struct change_value gone = list.values[position];
    error = values_drop(store, ref->id, &list, position);
    if (error == ERR_NONE)
        error = values_publish(store, ref, &list);
    if (error == ERR_NONE)
        error = note(store, ref, "expire", slice_of(gone.text, ACME_TXT_LENGTH));
    return error;
}

static enum error expire_values(struct round_operation *op, struct store *store, int64_t age_ms)
{
    for (size_t i = 0; i < op->zone_count; i++) {
        const struct db_value values[] = {DB_OF_INT(op->zones[i].id),
                                          DB_OF_INT(age_ms - op->zones[i].value_lifetime_ms),
                                          DB_OF_INT(PORTION - op->published_count)};
        op->count = 0;
        enum error error = db_run(store_db(store), SQL_VALUES_OLD, values, ARRAY_LENGTH(values),
                                  take_expiring, op);
        for (size_t j = 0; j < op->count && error == ERR_NONE; j++)
            error = expire_value(op, store, &op->rows[j]);
        if (error != ERR_NONE)
            return error;
    }
    op->more = op->published_count == PORTION;
    return ERR_NONE;
}

/* A registration that nobody ever used leaves without a tombstone: nothing can point to it. */
static enum error remove_registration(struct store *store, const struct delegate_ref *ref)
{
    enum error error = delegate_remove(store, ref);
    return error == ERR_NONE ? note(store, ref, "unused", slice_text("")) : error;
}

static enum error expire_registrations(struct round_operation *op, struct store *store,
                                       int64_t age_ms)
{
    const struct db_value values[] = {DB_OF_INT(age_ms - op->unused_lifetime_ms),
                                      DB_OF_INT(PORTION - op->published_count)};
    op->count = 0;
    enum error error = db_run(store_db(store), SQL_DELEGATES_UNUSED, values, ARRAY_LENGTH(values),
                              take_expiring, op);
    for (size_t i = 0; i < op->count && error == ERR_NONE; i++) {
        struct delegate_ref *ref = &op->published[op->published_count++];
        *ref = op->rows[i].ref;
        error = remove_registration(store, ref);
    }
    op->more |= op->published_count == PORTION;
    return error;
}

static enum error set_number(struct store *store, const char *name, int64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)number);
    const struct db_value values[] = {DB_OF_TEXT(name), DB_OF_TEXT(text)};
    return db_run(store_db(store), SQL_META_SET, values, ARRAY_LENGTH(values), NULL, NULL);
}

static enum error store_age(struct service *service, struct store *store, int64_t age_ms)
{
    enum error error = set_number(store, "age_ms", age_ms);
    if (error == ERR_NONE)
        error = set_number(store, "age_wall_ms", clock_wall_ms(&service->clock));
    return error;
}

static enum error prune_changes(struct store *store)
{
    const struct db_value before = DB_OF_INT((int64_t)store_sequence(store) - CHANGES_KEPT);
    return db_run(store_db(store), SQL_CHANGES_PRUNE, &before, 1, NULL, NULL);
}

static enum error run_round(struct operation *operation, struct store *store)
{
    struct round_operation *op = CONTAINER_OF(operation, struct round_operation, operation);
    struct service *service = op->housekeeper->service;
    int64_t age_ms = age_clock_now_ms(&service->age);
    op->published_count = 0;
    enum error error = expire_values(op, store, age_ms);
    if (error == ERR_NONE && op->rare)
        error = expire_registrations(op, store, age_ms);
    if (error == ERR_NONE && op->rare)
        error = store_age(service, store, age_ms);
    if (error == ERR_NONE && op->rare)
        error = prune_changes(store);
    if (error == ERR_NONE && op->rare)
        error = recorder_prune(store);
    return error;
}

/* ---- the thread ---- */

static void round_done(struct operation *operation, enum error error)
{
    struct round_operation *op = CONTAINER_OF(operation, struct round_operation, operation);
    if (op->published_count > 0 && error == ERR_NONE)
        LOG(op->housekeeper->service->log, LOG_LEVEL_INFO, "expired",
            LOG_INT("count", op->published_count));
    if (op->more && error == ERR_NONE &&
        service_submit(op->housekeeper->service, operation) == ERR_NONE)
        return;
    atomic_store(&op->housekeeper->round_runs, false);
    free(op);
}

/* Copies what the round needs of the policy, which a reload may replace meanwhile. */
static void copy_policy(struct round_operation *op, const struct service *service)
{
    urcu_qsbr_thread_online();
    const struct policy *policy = service_policy(service);
    op->unused_lifetime_ms = policy->unused_lifetime_ms;
    op->zone_count = policy->zone_count < ZONES_MAX ? policy->zone_count : ZONES_MAX;
    for (size_t i = 0; i < op->zone_count; i++) {
        op->zones[i].id = policy->zones[i].id;
        op->zones[i].value_lifetime_ms = policy->zones[i].value_lifetime_ms;
    }
    urcu_qsbr_thread_offline();
}

static void ask_for_round(struct housekeeper *housekeeper)
{
    struct round_operation *op = calloc(1, sizeof(*op));
    if (op == NULL)
        return;
    op->operation.run = run_round;
    op->operation.done = round_done;
    op->housekeeper = housekeeper;
    op->rare = housekeeper->tick % RARELY_TICKS == 0;
    copy_policy(op, housekeeper->service);
    atomic_store(&housekeeper->round_runs, true);
    if (service_submit(housekeeper->service, &op->operation) != ERR_NONE) {
        atomic_store(&housekeeper->round_runs, false);
        free(op);
    }
}

/* Waits for the next tick. False: it is time to stop. */
static bool wait_for_tick(struct housekeeper *housekeeper)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TICK_MS / 1000;
    pthread_mutex_lock(&housekeeper->mutex);
    int result = 0;
    while (!housekeeper->stopping && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&housekeeper->stop_asked, &housekeeper->mutex, &until);
    bool go_on = !housekeeper->stopping;
    pthread_mutex_unlock(&housekeeper->mutex);
    return go_on;
}

static void *run_thread(void *context)
{
    struct housekeeper *housekeeper = context;
    urcu_qsbr_register_thread();
    urcu_qsbr_thread_offline();
    while (wait_for_tick(housekeeper)) {
        recorder_run(housekeeper->recorder);
        if (atomic_load(&housekeeper->round_runs))
            continue;
        ask_for_round(housekeeper);
        housekeeper->tick++;
    }
    recorder_run(housekeeper->recorder); /* what the last moment saw */
    housekeeper->tick = 0;               /* a last round, with the age clock */
    ask_for_round(housekeeper);
    urcu_qsbr_thread_online();
    urcu_qsbr_unregister_thread();
    return NULL;
}

static void housekeeper_free(struct housekeeper *housekeeper)
{
    recorder_free(housekeeper->recorder);
    pthread_cond_destroy(&housekeeper->stop_asked);
    pthread_mutex_destroy(&housekeeper->mutex);
    free(housekeeper);
}

enum error housekeeper_start(struct service *service, struct sighting_ring *const *rings,
                             size_t ring_count)
{
    struct housekeeper *housekeeper = calloc(1, sizeof(*housekeeper));
    if (housekeeper == NULL)
        return ERR_MEMORY;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&housekeeper->stop_asked, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&housekeeper->mutex, NULL);
    housekeeper->service = service;
    enum error error = recorder_new(service, rings, ring_count, &housekeeper->recorder);
    if (error == ERR_NONE &&
        pthread_create(&housekeeper->thread, NULL, run_thread, housekeeper) != 0)
        error = ERR_IO;
    if (error != ERR_NONE) {
        housekeeper_free(housekeeper);
        return error;
    }
    pthread_setname_np(housekeeper->thread, "locum-keeper");
    service->housekeeper = housekeeper;
    return ERR_NONE;
}

void housekeeper_stop(struct service *service)
{
    struct housekeeper *housekeeper = service->housekeeper;
    if (housekeeper == NULL)
        return;
    pthread_mutex_lock(&housekeeper->mutex);
    housekeeper->stopping = true;
    pthread_cond_signal(&housekeeper->stop_asked);
    pthread_mutex_unlock(&housekeeper->mutex);
    pthread_join(housekeeper->thread, NULL);
    writer_stop(service->writer); /* rounds that are queued point to the housekeeper */
    service->housekeeper = NULL;
    housekeeper_free(housekeeper);
}

uint64_t housekeeper_sightings_lost(const struct service *service)
{
    return service->housekeeper == NULL ? 0 : recorder_lost(service->housekeeper->recorder);
}
