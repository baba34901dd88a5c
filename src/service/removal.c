/*
 * Removing a delegate: its API keys, values and domains go with it. A label that may stand in
 * someone's CNAME leaves a tombstone, so that it is never given to anybody else.
 */
#include "service/service_private.h"

struct keys_removal {
    struct store *store;
    const struct delegate_ref *ref;
};

static enum error remove_key(void *context, const struct db_row *row)
{
    const struct keys_removal *removal = context;
    struct slice id = db_bytes(row, 0);
    struct change change = {.kind = CHANGE_KEY_REMOVED,
                            .zone = removal->ref->zone,
                            .delegate = removal->ref->id,
                            .label = delegate_ref_label(removal->ref)};
    if (id.length != sizeof(change.key_id))
        return ERR_INTERNAL;
    memcpy(change.key_id, id.data, id.length);
    return store_change(removal->store, &change, false);
}

static enum error remove_rows(struct db *db, uint64_t delegate)
{
    static const enum statement removals[] = {SQL_KEYS_REMOVE, SQL_VALUES_REMOVE,
                                              SQL_DOMAINS_REMOVE, SQL_DELEGATE_REMOVE};
    const struct db_value id = DB_OF_INT(delegate);
    enum error error = ERR_NONE;
    for (size_t i = 0; i < ARRAY_LENGTH(removals) && error == ERR_NONE; i++)
        error = db_run(db, removals[i], &id, 1, NULL, NULL);
    return error;
}

enum error delegate_remove(struct store *store, const struct delegate_ref *ref)
{
    const struct db_value id = DB_OF_INT(ref->id);
    const struct change change = {.kind = CHANGE_DELEGATE_REMOVED,
                                  .zone = ref->zone,
                                  .delegate = ref->id,
                                  .label = delegate_ref_label(ref)};
    struct keys_removal removal = {store, ref};
    /* The index refuses to lose a delegate to which keys still point. */
    enum error error = db_run(store_db(store), SQL_KEYS_OF_DELEGATE, &id, 1, remove_key, &removal);
    if (error == ERR_NONE)
        error = remove_rows(store_db(store), ref->id);
    if (error == ERR_NONE)
        error = store_change(store, &change, true);
    return error;
}

enum error delegate_bury(struct store *store, const struct delegate_ref *ref, const char *reason,
                         int64_t now_ms)
{
    const struct db_value values[] = {DB_OF_INT(ref->zone), DB_OF_SLICE(delegate_ref_label(ref)),
                                      DB_OF_TEXT(reason), DB_OF_INT(now_ms)};
    return db_run(store_db(store), SQL_TOMBSTONE_ADD, values, ARRAY_LENGTH(values), NULL, NULL);
}

enum error delegate_check_buried(struct store *store, const struct delegate_ref *ref)
{
    const struct db_value values[] = {DB_OF_INT(ref->zone), DB_OF_SLICE(delegate_ref_label(ref))};
    int64_t found = 0;
    enum error error = db_run(store_db(store), SQL_TOMBSTONE_FIND, values, ARRAY_LENGTH(values),
                              store_take_integer, &found);
    return error == ERR_NONE && found != 0 ? ERR_EXISTS : error;
}
