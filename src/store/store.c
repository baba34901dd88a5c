/*
 * The store (see store.h): opening, transactions, change records, the ledger. Loading stands in
 * store_load.c.
 */
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/secret.h"
#include "store/schema.h"
#include "store/store_private.h"

bool store_is_new(const struct store *store)
{
    return store->is_new;
}

uint64_t store_node(const struct store *store)
{
    return store->node;
}

struct db *store_db(struct store *store)
{
    return store->db;
}

uint64_t store_sequence(const struct store *store)
{
    return store->committed.sequence;
}

uint64_t store_next_sequence(const struct store *store)
{
    return store->pending.sequence + 1;
}

/* ---- opening ---- */

enum error store_take_integer(void *context, const struct db_row *row)
{
    *(int64_t *)context = db_integer(row, 0);
    return ERR_NONE;
}

static enum error take_ledger_head(void *context, const struct db_row *row)
{
    struct store_heads *heads = context;
    struct slice hash = db_bytes(row, 1);
    if (hash.length != LEDGER_HASH_LENGTH)
        return ERR_STORAGE;
    heads->ledger_sequence = (uint64_t)db_integer(row, 0);
    memcpy(heads->ledger_hash, hash.data, LEDGER_HASH_LENGTH);
    return ERR_NONE;
}

static enum error take_serial(void *context, const struct db_row *row)
{
    struct store_heads *heads = context;
    int64_t id = db_integer(row, 0);
    if (id < 1 || id >= ZONES_MAX)
        return ERR_STORAGE;
    heads->serials[id] = (uint32_t)db_integer(row, 1);
    return ERR_NONE;
}

/* Reads where the sequences, the ledger's chain and the serials stand in the database. */
enum error store_read_heads(struct store *store)
{
    struct store_heads heads = {0};
    int64_t sequence = 0;
    struct db_value node = DB_OF_INT(store->node);
    enum error error = db_run(store->db, SQL_CHANGE_LAST, NULL, 0, store_take_integer, &sequence);
    if (error == ERR_NONE)
        error = db_run(store->db, SQL_LEDGER_HEAD, &node, 1, take_ledger_head, &heads);
    if (error == ERR_NONE)
        error = db_run(store->db, SQL_ZONE_SERIALS, NULL, 0, take_serial, &heads);
    if (error != ERR_NONE)
        return error;
    heads.sequence = (uint64_t)sequence;
    store->committed = heads;
    store->pending = heads;
    return ERR_NONE;
}

static enum error add_node(struct store *store, const char *name)
{
    const struct db_value values[] = {DB_OF_TEXT(name), DB_OF_INT(clock_wall_ms(&store->clock))};
    enum error error = db_begin(store->db, true);
    if (error != ERR_NONE)
        return error;
    error = db_run(store->db, SQL_NODE_ADD, values, ARRAY_LENGTH(values), NULL, NULL);
    if (error != ERR_NONE) {
        db_rollback(store->db);
        return error;
    }
    return db_commit(store->db);
}

/* Finds this node's row, made first if there is none. */
static enum error register_node(struct store *store, const char *name)
{
    const struct db_value key = DB_OF_TEXT(name);
    int64_t id = 0;
    enum error error = db_run(store->db, SQL_NODE_FIND, &key, 1, store_take_integer, &id);
    if (error == ERR_NONE && id == 0) {
        error = add_node(store, name);
        if (error == ERR_NONE)
            error = db_run(store->db, SQL_NODE_FIND, &key, 1, store_take_integer, &id);
    }
    if (error == ERR_NONE)
        store->node = (uint64_t)id;
    return error;
}

/* A serial that stays above the old one after a restore from a backup too (RFC 1982). */
static uint32_t next_serial(uint32_t serial, int64_t wall_ms)
{
    uint32_t now = (uint32_t)(wall_ms / 1000);
    return (int32_t)(now - serial) > 0 ? now : serial + 1;
}

static enum error add_zone(struct store *store, const char *name, int64_t *id)
{
    int64_t wall_ms = clock_wall_ms(&store->clock);
    uint32_t serial = next_serial(0, wall_ms);
    const struct db_value key = DB_OF_TEXT(name);
    const struct db_value values[] = {DB_OF_TEXT(name), DB_OF_INT(serial), DB_OF_INT(wall_ms)};
    enum error error = db_run(store->db, SQL_ZONE_ADD, values, ARRAY_LENGTH(values), NULL, NULL);
    if (error == ERR_NONE)
        error = db_run(store->db, SQL_ZONE_FIND, &key, 1, store_take_integer, id);
    if (error != ERR_NONE)
        return error;
    if (*id < 1 || *id >= ZONES_MAX)
        return ERR_TOO_LARGE;
    store->pending.serials[*id] = serial;
    const struct change change = {
        .kind = CHANGE_ZONE_SERIAL, .zone = (uint16_t)*id, .serial = serial};
    return store_change(store, &change, false);
}

enum error store_zone(struct store *store, const char *name, uint16_t *id)
{
    const struct db_value key = DB_OF_TEXT(name);
    int64_t found = 0;
    enum error error = db_run(store->db, SQL_ZONE_FIND, &key, 1, store_take_integer, &found);
    if (error == ERR_NONE && found == 0)
        error = add_zone(store, name, &found);
    if (error != ERR_NONE)
        return error;
    if (found < 1 || found >= ZONES_MAX)
        return ERR_TOO_LARGE;
    char *kept = strdup(name);
    if (kept == NULL)
        return ERR_MEMORY;
    free(store->zone_names[found]); /* an id of a transaction that was undone may come again */
    store->zone_names[found] = kept;
    *id = (uint16_t)found;
    return ERR_NONE;
}

enum error store_open(const struct store_settings *settings, struct store **out, char *why,
                      size_t why_size)
{
    struct store *store = calloc(1, sizeof(*store));
    if (store == NULL)
        return ERR_MEMORY;
    store->clock = *settings->clock;
    store->path = strdup(settings->path);
    enum error error = store->path == NULL ? ERR_MEMORY : ERR_NONE;
    if (error == ERR_NONE)
        error = db_open(store->path, DB_READ_WRITE, &store->db, why, why_size);
    if (error == ERR_NONE) {
        store->is_new = db_is_empty(store->db);
        error = schema_migrate(store->db, why, why_size);
    }
    if (error == ERR_NONE) {
        error = register_node(store, settings->node);
        if (error == ERR_NONE)
            error = store_read_heads(store);
        if (error != ERR_NONE)
            snprintf(why, why_size, "%s: %s", store->path, db_why(store->db));
    }
    if (error != ERR_NONE) {
        store_close(store);
        return error;
    }
    *out = store;
    return ERR_NONE;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    db_close(store->db);
    for (size_t i = 0; i < ZONES_MAX; i++)
        free(store->zone_names[i]);
    free(store->changes);
    free(store->path);
    free(store);
}

enum error store_open_reader(const struct store *store, struct db **out, char *why, size_t why_size)
{
    return db_open(store->path, DB_READ_ONLY, out, why, why_size);
}

/* ---- transactions ---- */

enum error store_begin(struct store *store)
{
    store->change_count = 0;
    memset(store->touched, 0, sizeof(store->touched));
    store->pending = store->committed;
    return db_begin(store->db, true);
}

void store_rollback(struct store *store)
{
    db_rollback(store->db);
    store->change_count = 0;
    store->pending = store->committed;
}

void store_set_operation(struct store *store, const uint8_t id[16])
{
    memcpy(store->operation, id, sizeof(store->operation));
}

/* Keeps CHANGE for the index. */
static enum error remember(struct store *store, const struct change *change)
{
    if (store->change_count == store->change_room) {
        size_t room = store->change_room == 0 ? 64 : 2 * store->change_room;
        struct change *grown = realloc(store->changes, room * sizeof(*grown));
        if (grown == NULL)
            return ERR_MEMORY;
        store->changes = grown;
        store->change_room = room;
    }
    store->changes[store->change_count++] = *change;
    return ERR_NONE;
}

enum error store_change(struct store *store, const struct change *change, bool touches_zone)
{
    uint8_t body[8192];
    struct change numbered = *change;
    numbered.sequence = store_next_sequence(store);
    struct writer writer = writer_of(body, sizeof(body));
    change_encode(&numbered, &writer);
    if (writer.failed)
        return ERR_TOO_LARGE;
    const struct db_value values[] = {
        DB_OF_INT(numbered.sequence), DB_OF_BLOB(store->operation, sizeof(store->operation)),
        DB_OF_INT(store->node), DB_OF_BLOB(body, writer_length(&writer))};
    enum error error = remember(store, &numbered);
    if (error == ERR_NONE)
        error = db_run(store->db, SQL_CHANGE_ADD, values, ARRAY_LENGTH(values), NULL, NULL);
    if (error != ERR_NONE)
        return error;
    store->pending.sequence = numbered.sequence;
    if (touches_zone && change->zone < ZONES_MAX)
        store->touched[change->zone] = true;
    return ERR_NONE;
}

static enum error raise_serial(struct store *store, uint16_t zone)
{
    uint32_t serial = next_serial(store->pending.serials[zone], clock_wall_ms(&store->clock));
    const struct db_value values[] = {DB_OF_INT(serial), DB_OF_INT(zone)};
    struct change change = {.kind = CHANGE_ZONE_SERIAL, .zone = zone, .serial = serial};
    enum error error =
        db_run(store->db, SQL_ZONE_SET_SERIAL, values, ARRAY_LENGTH(values), NULL, NULL);
    if (error == ERR_NONE)
        error = store_change(store, &change, false);
    if (error == ERR_NONE)
        store->pending.serials[zone] = serial;
    return error;
}

enum error store_commit(struct store *store, const struct change **changes, size_t *count)
{
    enum error error = ERR_NONE;
    for (uint16_t zone = 0; zone < ZONES_MAX && error == ERR_NONE; zone++) {
        if (store->touched[zone])
            error = raise_serial(store, zone);
    }
    if (error == ERR_NONE)
        error = db_commit(store->db);
    if (error != ERR_NONE) {
        store_rollback(store);
        return error;
    }
    store->committed = store->pending;
    *changes = store->changes;
    *count = store->change_count;
    return ERR_NONE;
}

enum error store_probe(struct store *store)
{
    const struct change *changes;
    size_t count;
    char now[24];
    snprintf(now, sizeof(now), "%lld", (long long)clock_wall_ms(&store->clock));
    const struct db_value values[] = {DB_OF_TEXT("probed_ms"), DB_OF_TEXT(now)};
    enum error error = store_begin(store);
    if (error != ERR_NONE)
        return error;
    error = db_run(store->db, SQL_META_SET, values, ARRAY_LENGTH(values), NULL, NULL);
    if (error != ERR_NONE) {
        store_rollback(store);
        return error;
    }
    return store_commit(store, &changes, &count);
}

/* ---- the ledger ---- */

/* The zone's name as stored; "" if there is no such id. */
static const char *zone_name(const struct store *store, uint16_t zone)
{
    return zone < ZONES_MAX && store->zone_names[zone] != NULL ? store->zone_names[zone] : "";
}

static enum error add_private(struct store *store, uint64_t sequence,
                              const struct ledger_origin *origin,
                              uint8_t commitment[LEDGER_HASH_LENGTH])
{
    uint8_t salt[LEDGER_SALT_LENGTH];
    char address[IP_TEXT_MAX];
    random_bytes(salt, sizeof(salt));
    ip_to_text(&origin->address, address);
    enum error error = ledger_commitment(slice_of(salt, sizeof(salt)), slice_text(address),
                                         origin->user_agent, commitment);
    if (error != ERR_NONE)
        return error;
    const struct db_value values[] = {DB_OF_INT(store->node), DB_OF_INT(sequence),
                                      DB_OF_BLOB(salt, sizeof(salt)), DB_OF_TEXT(address),
                                      DB_OF_SLICE(origin->user_agent)};
    return db_run(store->db, SQL_LEDGER_ADD_PRIVATE, values, ARRAY_LENGTH(values), NULL, NULL);
}

static enum error add_row(struct store *store, const struct ledger_row *row,
                          const uint8_t hash[LEDGER_HASH_LENGTH])
{
    const struct db_value values[] = {DB_OF_INT(row->node),
                                      DB_OF_INT(row->sequence),
                                      DB_OF_INT(row->time_ms),
                                      DB_OF_SLICE(row->kind),
                                      DB_OF_SLICE(row->zone),
                                      DB_OF_SLICE(row->delegate),
                                      DB_OF_SLICE(row->key_id),
                                      DB_OF_SLICE(row->detail),
                                      DB_OF_INT(row->change),
                                      DB_OF_BLOB(row->operation.data, row->operation.length),
                                      DB_OF_BLOB(row->commitment.data, row->commitment.length),
                                      DB_OF_BLOB(row->previous, LEDGER_HASH_LENGTH),
                                      DB_OF_BLOB(hash, LEDGER_HASH_LENGTH)};
    return db_run(store->db, SQL_LEDGER_ADD, values, ARRAY_LENGTH(values), NULL, NULL);
}

enum error store_ledger(struct store *store, const struct ledger_entry *entry)
{
    char key_id[UUID_TEXT_LENGTH + 1] = "";
    uint8_t commitment[LEDGER_HASH_LENGTH], hash[LEDGER_HASH_LENGTH];
    struct ledger_row row = {
        .node = store->node,
        .sequence = store->pending.ledger_sequence + 1,
        .time_ms = clock_wall_ms(&store->clock),
        .kind = slice_text(entry->kind),
        .zone = slice_text(zone_name(store, entry->zone)),
        .delegate = entry->label,
        .detail = entry->detail,
        .change = store->pending.sequence,
        .operation = slice_of(store->operation, sizeof(store->operation)),
    };
    if (entry->key_id != NULL)
        uuid_to_text(entry->key_id, key_id);
    row.key_id = slice_text(key_id);
    memcpy(row.previous, store->pending.ledger_hash, sizeof(row.previous));
    enum error error = ERR_NONE;
    if (entry->origin.present) {
        error = add_private(store, row.sequence, &entry->origin, commitment);
        row.commitment = slice_of(commitment, sizeof(commitment));
    }
    if (error == ERR_NONE)
        error = ledger_row_hash(&row, hash);
    if (error == ERR_NONE)
        error = add_row(store, &row, hash);
    if (error != ERR_NONE)
        return error;
    store->pending.ledger_sequence = row.sequence;
    memcpy(store->pending.ledger_hash, hash, sizeof(hash));
    return ERR_NONE;
}
