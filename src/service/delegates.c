/*
 * One delegate within a transaction: its values in the order of arrival, and whether it is used.
 */
#include "service/service_private.h"

static enum error take_value(void *context, const struct db_row *row)
{
    struct value_list *list = context;
    struct slice text = db_bytes(row, 1);
    if (list->count == VALUES_MAX || text.length != ACME_TXT_LENGTH)
        return ERR_INTERNAL;
    struct change_value *value = &list->values[list->count++];
    value->sequence = (uint64_t)db_integer(row, 0);
    memcpy(value->text, text.data, text.length);
    value->added_ms = db_integer(row, 2);
    return ERR_NONE;
}

enum error values_read(struct store *store, uint64_t delegate, struct value_list *out)
{
    struct db_value id = DB_OF_INT(delegate);
    out->count = 0;
    return db_run(store_db(store), SQL_VALUES_OF_DELEGATE, &id, 1, take_value, out);
}

enum error values_drop(struct store *store, uint64_t delegate, struct value_list *list,
                       uint32_t position)
{
    const struct db_value values[] = {DB_OF_INT(delegate),
                                      DB_OF_INT(list->values[position].sequence)};
    enum error error =
        db_run(store_db(store), SQL_VALUE_REMOVE, values, ARRAY_LENGTH(values), NULL, NULL);
    if (error != ERR_NONE)
        return error;
    list->count--;
    memmove(&list->values[position], &list->values[position + 1],
            (list->count - position) * sizeof(list->values[0]));
    return ERR_NONE;
}

enum error values_publish(struct store *store, const struct delegate_ref *ref,
                          const struct value_list *list)
{
    struct change change = {.kind = CHANGE_VALUES_SET,
                            .zone = ref->zone,
                            .delegate = ref->id,
                            .label = delegate_ref_label(ref),
                            .value_count = list->count};
    memcpy(change.values, list->values, list->count * sizeof(list->values[0]));
    return store_change(store, &change, true);
}

enum error delegate_ref_of_row(struct delegate_ref *ref, const struct db_row *row)
{
    struct slice label = db_bytes(row, 2);
    if (label.length > DNS_LABEL_MAX)
        return ERR_INTERNAL;
    ref->id = (uint64_t)db_integer(row, 0);
    ref->zone = (uint16_t)db_integer(row, 1);
    ref->label_length = (uint8_t)label.length;
    if (label.length > 0)
        memcpy(ref->label, label.data, label.length);
    return ERR_NONE;
}

void delegate_ref_of(struct delegate_ref *ref, const struct delegate *delegate)
{
    ref->id = delegate->id;
    ref->zone = delegate->zone;
    ref->label_length = delegate->label_length;
    memcpy(ref->label, delegate->label, delegate->label_length);
}

enum error delegate_mark_used(struct store *store, const struct delegate_ref *ref)
{
    struct db_value id = DB_OF_INT(ref->id);
    const struct change change = {.kind = CHANGE_DELEGATE_ADDED,
                                  .zone = ref->zone,
                                  .delegate = ref->id,
                                  .label = delegate_ref_label(ref),
                                  .used = true};
    enum error error = db_run(store_db(store), SQL_DELEGATE_MARK_USED, &id, 1, NULL, NULL);
    if (error != ERR_NONE || db_changes(store_db(store)) == 0)
        return error;
    return store_change(store, &change, false);
}
