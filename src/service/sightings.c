/*
 * The recorder: takes sightings out of the workers' rings and stores, for each value, the first
 * client networks that asked for it (see sightings.h). Runs in the housekeeper's thread; the
 * storing runs in the writer's.
 *
 * Bounds: a network counts once for a value and transport; a value keeps the first 64 networks of
 * each transport, never displaced, so that forged UDP addresses can't push out TCP ones; the table
 * as a whole loses its oldest rows, those of UDP first, when it is over its size.
 */
#include "service/sightings.h"

#include <stdlib.h>

#include "service/recorder.h"

enum {
    NETWORKS_PER_VALUE = 64,
    SEEN_SLOTS = 8192, /* sightings remembered so as not to be stored again */
    SIGHTINGS_PER_BATCH = 256,
    TABLE_ROWS_MAX = 2000000,  /* about 200 MB */
    TABLE_ROWS_PRUNED = 20000, /* rows that leave at least, so that it is not done each time */
};

struct recorder {
    struct service *service;
    struct sighting_ring *const *rings;
    size_t ring_count;
    struct sighting seen[SEEN_SLOTS]; /* client cut to its network */
};

struct sightings_operation {
    struct operation operation;
    struct service *service;
    size_t count;
    struct sighting sightings[SIGHTINGS_PER_BATCH];
    struct delegate_ref refs[SIGHTINGS_PER_BATCH]; /* what change records point into */
};

/* ---- storing ---- */

struct ref_row {
    struct delegate_ref *ref;
    bool found;
};

static enum error take_ref(void *context, const struct db_row *row)
{
    struct ref_row *out = context;
    out->found = true;
    return delegate_ref_of_row(out->ref, row);
}

/* A registered name was asked for: it is in use. */
static enum error mark_used(struct store *store, uint64_t delegate, struct delegate_ref *ref)
{
    struct db_value id = DB_OF_INT(delegate);
    struct ref_row row = {ref, false};
    enum error error = db_run(store_db(store), SQL_DELEGATE_BY_ID, &id, 1, take_ref, &row);
    if (error != ERR_NONE || !row.found)
        return error;
    return delegate_mark_used(store, ref);
}

static enum error store_for_value(struct store *store, const struct sighting *sighting,
                                  const char *network, uint64_t sequence, int64_t now_ms)
{
    const struct db_value values[] = {DB_OF_INT(sequence), DB_OF_INT(sighting->transport),
                                      DB_OF_TEXT(network), DB_OF_INT(sighting->delegate),
                                      DB_OF_INT(now_ms)};
    int64_t count = 0;
    enum error error =
        db_run(store_db(store), SQL_SIGHTING_COUNT_OF_VALUE, values, 2, store_take_integer, &count);
    if (error != ERR_NONE || count >= NETWORKS_PER_VALUE)
        return error;
    return db_run(store_db(store), SQL_SIGHTING_ADD, values, ARRAY_LENGTH(values), NULL, NULL);
}

/* The values of the set that was served: those that are there now and came no later than it. One
 * that has left since was in the set too, but it can't be asked for any more. */
static enum error store_sighting(struct store *store, const struct sighting *sighting,
                                 int64_t now_ms)
{
    char network[IP_TEXT_MAX];
    struct ip_prefix prefix = ip_network_of(&sighting->client);
    struct value_list list;
    ip_prefix_to_text(&prefix, network);
    enum error error = values_read(store, sighting->delegate, &list);
    for (uint32_t i = 0; i < list.count && error == ERR_NONE; i++) {
        if (list.values[i].sequence <= sighting->version)
            error = store_for_value(store, sighting, network, list.values[i].sequence, now_ms);
    }
    return error;
}

static enum error run_sightings(struct operation *operation, struct store *store)
{
    struct sightings_operation *op = CONTAINER_OF(operation, struct sightings_operation, operation);
    int64_t now_ms = clock_wall_ms(&op->service->clock);
    enum error error = ERR_NONE;
    for (size_t i = 0; i < op->count && error == ERR_NONE; i++) {
        const struct sighting *sighting = &op->sightings[i];
        if (sighting->version == 0)
            error = mark_used(store, sighting->delegate, &op->refs[i]);
        else
            error = store_sighting(store, sighting, now_ms);
    }
    return error;
}

static void sightings_done(struct operation *operation, enum error error UNUSED)
{
    /* Lost if the storage failed: they are evidence of convenience, not of record. */
    free(CONTAINER_OF(operation, struct sightings_operation, operation));
}

/* ---- taking ---- */

/* Whether SIGHTING is new, and remembers it. Direct-mapped: what is forgotten is stored twice,
 * which the table ignores. */
static bool is_new(struct recorder *recorder, const struct sighting *sighting)
{
    struct sighting key = *sighting;
    key.client = ip_network_of(&sighting->client).address;
    uint64_t mix = key.delegate * UINT64_C(0x9e3779b97f4a7c15) ^ key.version << 8 ^ key.transport;
    for (size_t i = 0; i < sizeof(key.client.bytes); i++)
        mix = (mix ^ key.client.bytes[i]) * UINT64_C(0x100000001b3);
    struct sighting *seen = &recorder->seen[(mix >> 32) % SEEN_SLOTS];
    if (seen->delegate == key.delegate && seen->version == key.version &&
        seen->transport == key.transport && ip_equal(&seen->client, &key.client))
        return false;
    *seen = key;
    return true;
}

/* From the rings in turn: a flood of forged UDP queries must not keep TCP's from being emptied. */
static size_t take_some(struct recorder *recorder, struct sighting *out, size_t limit)
{
    struct sighting sighting;
    size_t count = 0, empty = 0; /* rings without an entry, one after the other */
    for (size_t i = 0; count < limit && empty < recorder->ring_count; i++) {
        if (!sighting_take(recorder->rings[i % recorder->ring_count], &sighting)) {
            empty++;
            continue;
        }
        empty = 0;
        if (is_new(recorder, &sighting))
            out[count++] = sighting;
    }
    return count;
}

enum error recorder_new(struct service *service, struct sighting_ring *const *rings,
                        size_t ring_count, struct recorder **out)
{
    struct recorder *recorder = calloc(1, sizeof(*recorder));
    if (recorder == NULL)
        return ERR_MEMORY;
    recorder->service = service;
    recorder->rings = rings;
    recorder->ring_count = ring_count;
    *out = recorder;
    return ERR_NONE;
}

void recorder_free(struct recorder *recorder)
{
    free(recorder);
}

void recorder_run(struct recorder *recorder)
{
    struct sightings_operation *op = calloc(1, sizeof(*op));
    if (op == NULL)
        return;
    op->operation.run = run_sightings;
    op->operation.done = sightings_done;
    op->service = recorder->service;
    op->count = take_some(recorder, op->sightings, SIGHTINGS_PER_BATCH);
    if (op->count == 0 || service_submit(recorder->service, &op->operation) != ERR_NONE)
        free(op);
}

uint64_t recorder_lost(const struct recorder *recorder)
{
    uint64_t lost = 0;
    for (size_t i = 0; i < recorder->ring_count; i++)
        lost += atomic_load_explicit(&recorder->rings[i]->lost, memory_order_relaxed);
    return lost;
}

/* Rows over the table's size; 0 if it is within it. */
static enum error count_excess(struct store *store, int64_t *excess)
{
    int64_t count = 0;
    enum error error =
        db_run(store_db(store), SQL_SIGHTING_COUNT, NULL, 0, store_take_integer, &count);
    *excess = count > TABLE_ROWS_MAX ? count - TABLE_ROWS_MAX : 0;
    return error;
}

/* What may be forged leaves first: anybody can have as many of those rows written as they like. */
enum error recorder_prune(struct store *store)
{
    static const enum statement prunings[] = {SQL_SIGHTINGS_PRUNE_UDP, SQL_SIGHTINGS_PRUNE};
    enum error error = ERR_NONE;
    for (size_t i = 0; i < ARRAY_LENGTH(prunings) && error == ERR_NONE; i++) {
        int64_t excess;
        error = count_excess(store, &excess);
        if (error != ERR_NONE || excess == 0)
            return error;
        const struct db_value rows =
            DB_OF_INT(excess > TABLE_ROWS_PRUNED ? excess : TABLE_ROWS_PRUNED);
        error = db_run(store_db(store), prunings[i], &rows, 1, NULL, NULL);
    }
    return error;
}
