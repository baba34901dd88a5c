/*
 * Reading the whole database, or what was changed since, as change records (see store.h). The joins
 * run along the delegates' row ids, in which order all their rows lie on disk.
 */
#include "store/store.h"
#include "store/store_private.h"

struct load {
    enum error (*visit)(void *context, const struct change *change);
    void *context;
    struct change change;         /* reused: it is large */
    uint8_t label[DNS_LABEL_MAX]; /* that change.label points to while values are gathered */
};

static enum error load_token(void *context, const struct db_row *row)
{
    struct load *load = context;
    struct slice hash = db_bytes(row, 0);
    load->change.kind = CHANGE_TOKEN_SET;
    if (hash.length != SECRET_HASH_LENGTH)
        return ERR_MALFORMED;
    memcpy(load->change.hash, hash.data, hash.length);
    return load->visit(load->context, &load->change);
}

static enum error load_serial(void *context, const struct db_row *row)
{
    struct load *load = context;
    load->change.kind = CHANGE_ZONE_SERIAL;
    load->change.zone = (uint16_t)db_integer(row, 0);
    load->change.serial = (uint32_t)db_integer(row, 1);
    return load->visit(load->context, &load->change);
}

static void take_delegate(struct change *change, const struct db_row *row)
{
    change->delegate = (uint64_t)db_integer(row, 0);
    change->zone = (uint16_t)db_integer(row, 1);
    change->label = db_bytes(row, 2);
}

/* One row a key; a delegate with several keys is added several times, which does no harm. */
static enum error load_delegate(void *context, const struct db_row *row)
{
    struct load *load = context;
    struct change *change = &load->change;
    take_delegate(change, row);
    change->kind = CHANGE_DELEGATE_ADDED;
    change->used = db_integer(row, 3) != 0;
    enum error error = load->visit(load->context, change);
    if (error != ERR_NONE || db_is_null(row, 4))
        return error;
    struct slice id = db_bytes(row, 4), hash = db_bytes(row, 5);
    if (id.length != sizeof(change->key_id) || hash.length != sizeof(change->hash))
        return ERR_MALFORMED;
    change->kind = CHANGE_KEY_SET;
    memcpy(change->key_id, id.data, id.length);
    memcpy(change->hash, hash.data, hash.length);
    change->allowfrom = db_bytes(row, 6);
    return load->visit(load->context, change);
}

/* Hands over the values gathered for one delegate. */
static enum error flush_values(struct load *load)
{
    struct change *change = &load->change;
    if (change->value_count == 0)
        return ERR_NONE;
    change->kind = CHANGE_VALUES_SET;
    change->sequence = change->values[change->value_count - 1].sequence;
    enum error error = load->visit(load->context, change);
    change->value_count = 0;
    return error;
}

static enum error load_value(void *context, const struct db_row *row)
{
    struct load *load = context;
    struct change *change = &load->change;
    if ((uint64_t)db_integer(row, 0) != change->delegate) {
        enum error error = flush_values(load);
        if (error != ERR_NONE)
            return error;
    }
    struct slice text = db_bytes(row, 4);
    if (text.length != ACME_TXT_LENGTH || change->value_count == VALUES_MAX)
        return ERR_MALFORMED;
    /* The label is copied: the row it points into is gone when the values are handed over. */
    take_delegate(change, row);
    if (change->label.length > sizeof(load->label))
        return ERR_MALFORMED;
    memcpy(load->label, change->label.data, change->label.length);
    change->label.data = load->label;
    struct change_value *value = &change->values[change->value_count++];
    value->sequence = (uint64_t)db_integer(row, 3);
    memcpy(value->text, text.data, text.length);
    value->added_ms = db_integer(row, 5);
    return ERR_NONE;
}

static enum error load_all(struct store *store, struct load *load)
{
    enum error error = db_run(store->db, SQL_LOAD_TOKENS, NULL, 0, load_token, load);
    if (error == ERR_NONE)
        error = db_run(store->db, SQL_ZONE_SERIALS, NULL, 0, load_serial, load);
    if (error == ERR_NONE)
        error = db_run(store->db, SQL_LOAD_DELEGATES, NULL, 0, load_delegate, load);
    load->change.delegate = 0;
    if (error == ERR_NONE)
        error = db_run(store->db, SQL_LOAD_VALUES, NULL, 0, load_value, load);
    if (error == ERR_NONE)
        error = flush_values(load);
    return error;
}

enum error store_load(struct store *store,
                      enum error (*count_first)(void *context, size_t delegates),
                      enum error (*visit)(void *context, const struct change *change),
                      void *context)
{
    struct load load = {.visit = visit, .context = context};
    int64_t count = 0;
    enum error error = db_begin(store->db, false);
    if (error != ERR_NONE)
        return error;
    error = db_run(store->db, SQL_DELEGATE_COUNT, NULL, 0, store_take_integer, &count);
    if (error == ERR_NONE)
        error = count_first(context, (size_t)count);
    if (error == ERR_NONE)
        error = load_all(store, &load);
    db_rollback(store->db);
    return error;
}

static enum error follow_row(void *context, const struct db_row *row)
{
    struct load *load = context;
    enum error error = change_decode(db_bytes(row, 1), &load->change);
    if (error != ERR_NONE)
        return error;
    load->change.sequence = (uint64_t)db_integer(row, 0);
    return load->visit(load->context, &load->change);
}

enum error store_follow(struct store *store, uint64_t sequence,
                        enum error (*visit)(void *context, const struct change *change),
                        void *context)
{
    struct load load = {.visit = visit, .context = context};
    struct db_value from = DB_OF_INT(sequence);
    enum error error = db_run(store->db, SQL_CHANGES_FROM, &from, 1, follow_row, &load);
    return error == ERR_NONE ? store_read_heads(store) : error;
}
