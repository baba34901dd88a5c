/*
 * Setting and clearing a delegate's values: the value set of at most N, without duplicates, in the
 * order of arrival (RFC 8555, section 8.4 asks for several at once; two are the least that works).
 */
#include <stdlib.h>

#include "base/encoding.h"
#include "service/service_private.h"

/* A value displaced by newer ones at less than this age was probably still needed. */
static const int64_t displaced_early_ms = 3600 * (int64_t)1000;

/* Position of TXT in the list, or its count. */
static uint32_t find_value(const struct value_list *list, struct slice txt)
{
    uint32_t i = 0;
    while (i < list->count && !slice_equal(slice_of(list->values[i].text, ACME_TXT_LENGTH), txt))
        i++;
    return i;
}

/* ---- operations on values ---- */

struct values_operation {
    struct operation operation;
    struct service *service;
    struct delegate_ref delegate;
    uint8_t key_id[16];
    uint8_t txt[ACME_TXT_LENGTH];
    size_t txt_length; /* 0: all (clear) */
    bool first_use;
    uint32_t values_max;
    uint32_t cleared;
    uint32_t displaced_early;
    int64_t displaced_age_ms; /* of the youngest of them */
    struct kept_origin origin;
    update_reply *update_reply;
    clear_reply *clear_reply;
    void *context;
};

static struct values_operation *values_operation_of(struct operation *operation)
{
    return CONTAINER_OF(operation, struct values_operation, operation);
}

static enum error note(struct values_operation *op, struct store *store, const char *kind,
                       struct slice detail)
{
    const struct ledger_entry entry = {.kind = kind,
                                       .zone = op->delegate.zone,
                                       .label = delegate_ref_label(&op->delegate),
                                       .key_id = op->key_id,
                                       .detail = detail,
                                       .origin = origin_of(&op->origin)};
    return store_ledger(store, &entry);
}

/* The key was checked against the index when the request came; an operation before this one may
 * have taken it away since. */
static enum error check_key(struct values_operation *op, struct store *store)
{
    const struct db_value values[] = {DB_OF_BLOB(op->key_id, sizeof(op->key_id)),
                                      DB_OF_INT(op->delegate.id)};
    int64_t found = 0;
    enum error error = db_run(store_db(store), SQL_KEY_IS_VALID, values, ARRAY_LENGTH(values),
                              store_take_integer, &found);
    if (error == ERR_NONE && found == 0)
        return ERR_FORBIDDEN;
    return error;
}

/* Makes room for one more value: the oldest leave. */
static enum error displace(struct values_operation *op, struct store *store,
                           struct value_list *list, int64_t now_ms)
{
    while (list->count >= op->values_max) {
        struct change_value oldest = list->values[0];
        enum error error = values_drop(store, op->delegate.id, list, 0);
        if (error == ERR_NONE)
            error = note(op, store, "displace", slice_of(oldest.text, ACME_TXT_LENGTH));
        if (error != ERR_NONE)
            return error;
        if (now_ms - oldest.added_ms < displaced_early_ms) {
            op->displaced_early++;
            op->displaced_age_ms = now_ms - oldest.added_ms;
        }
    }
    return ERR_NONE;
}

static enum error add_value(struct values_operation *op, struct store *store,
                            struct value_list *list, int64_t now_ms)
{
    struct change_value *value = &list->values[list->count++];
    memcpy(value->text, op->txt, sizeof(value->text));
    value->sequence = store_next_sequence(store);
    value->added_ms = now_ms;
    const struct db_value values[] = {
        DB_OF_INT(op->delegate.id), DB_OF_INT(op->delegate.zone),
        DB_OF_INT(value->sequence), DB_OF_SLICE(slice_of(value->text, sizeof(value->text))),
        DB_OF_INT(now_ms),          DB_OF_INT(age_clock_now_ms(&op->service->age))};
    return db_run(store_db(store), SQL_VALUE_ADD, values, ARRAY_LENGTH(values), NULL, NULL);
}

static enum error run_update(struct operation *operation, struct store *store)
{
    struct values_operation *op = values_operation_of(operation);
    struct slice txt = slice_of(op->txt, sizeof(op->txt));
    int64_t now_ms = clock_wall_ms(&op->service->clock);
    struct value_list list;
    op->displaced_early = 0;
    enum error error = check_key(op, store);
    if (error == ERR_NONE)
        error = values_read(store, op->delegate.id, &list);
    if (error != ERR_NONE)
        return error;
    /* A value that comes again counts as new: its client is waiting for it now. */
    uint32_t again = find_value(&list, txt);
    if (again < list.count)
        error = values_drop(store, op->delegate.id, &list, again);
    if (error == ERR_NONE)
        error = displace(op, store, &list, now_ms);
    if (error == ERR_NONE)
        error = add_value(op, store, &list, now_ms);
    if (error == ERR_NONE)
        error = values_publish(store, &op->delegate, &list);
    if (error == ERR_NONE && op->first_use)
        error = delegate_mark_used(store, &op->delegate);
    if (error == ERR_NONE)
        error = note(op, store, "update", txt);
    return error;
}

static enum error run_clear(struct operation *operation, struct store *store)
{
    struct values_operation *op = values_operation_of(operation);
    struct slice txt = slice_of(op->txt, op->txt_length);
    struct value_list list;
    op->cleared = 0;
    enum error error = check_key(op, store);
    if (error == ERR_NONE)
        error = values_read(store, op->delegate.id, &list);
    if (error != ERR_NONE)
        return error;
    uint32_t position = txt.length == 0 ? 0 : find_value(&list, txt);
    while (error == ERR_NONE && position < list.count) {
        struct change_value gone = list.values[position];
        error = values_drop(store, op->delegate.id, &list, position);
        if (error == ERR_NONE)
            error = note(op, store, "clear", slice_of(gone.text, ACME_TXT_LENGTH));
        op->cleared++;
        if (txt.length > 0)
            break;
    }
    if (error == ERR_NONE && op->cleared > 0)
        error = values_publish(store, &op->delegate, &list);
    return error;
}

static void log_outcome(const struct values_operation *op, const char *event, enum error error)
{
    LOG(op->service->log, error == ERR_NONE ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, event,
        LOG_TEXT("request", op->origin.request_id),
        LOG_SLICE("delegate", delegate_ref_label(&op->delegate)), LOG_ERROR(error));
}

static void update_done(struct operation *operation, enum error error)
{
    struct values_operation *op = values_operation_of(operation);
    log_outcome(op, "update", error);
    if (error == ERR_NONE && op->displaced_early > 0)
        LOG(op->service->log, LOG_LEVEL_WARNING, "value_displaced_early",
            LOG_TEXT("request", op->origin.request_id),
            LOG_SLICE("delegate", delegate_ref_label(&op->delegate)),
            LOG_INT("displaced", op->displaced_early), LOG_INT("age_ms", op->displaced_age_ms),
            LOG_INT("values", op->values_max));
    op->update_reply(op->context, error);
    free(op);
}

static void clear_done(struct operation *operation, enum error error)
{
    struct values_operation *op = values_operation_of(operation);
    log_outcome(op, "clear", error);
    op->clear_reply(op->context, error, error == ERR_NONE ? op->cleared : 0);
    free(op);
}

/* ---- requests ---- */

/* acme-dns compares the label as it stands, without folding case. */
static enum error check_subdomain(const struct api_key *key, struct slice subdomain)
{
    return slice_equal(subdomain, delegate_label(key->delegate)) ? ERR_NONE : ERR_FORBIDDEN;
}

static bool is_acme_txt(struct slice txt)
{
    return txt.length == ACME_TXT_LENGTH && is_base64url(txt);
}

static struct values_operation *new_operation(struct service *service, const struct api_key *key,
                                              struct slice txt, const struct origin *origin,
                                              void *context)
{
    const struct zone_rules *zone = policy_zone(service_policy(service), key->delegate->zone);
    struct values_operation *op = calloc(1, sizeof(*op));
    if (op == NULL)
        return NULL;
    op->service = service;
    op->context = context;
    op->values_max = zone == NULL ? VALUES_MAX : zone->values_max;
    op->first_use = !delegate_is_used(key->delegate);
    op->txt_length = txt.length;
    if (txt.length > 0)
        memcpy(op->txt, txt.data, txt.length);
    delegate_ref_of(&op->delegate, key->delegate);
    memcpy(op->key_id, key->id, sizeof(op->key_id));
    origin_keep(&op->origin, origin);
    return op;
}

/* A key that someone plays with fills neither the disk nor the ledger. */
static enum error submit(struct service *service, struct values_operation *op,
                         uint32_t *retry_after_s)
{
    enum error error = prefix_limiter_take_number(
        service->updates, op->delegate.id, clock_monotonic_ms(&service->clock), retry_after_s);
    if (error == ERR_NONE)
        error = service_submit(service, &op->operation);
    if (error != ERR_NONE)
        free(op);
    return error;
}

enum error service_update(struct service *service, const struct api_key *key,
                          struct slice subdomain, struct slice txt, const struct origin *origin,
                          update_reply *reply, void *context, uint32_t *retry_after_s)
{
    enum error error = check_subdomain(key, subdomain);
    if (error != ERR_NONE)
        return error;
    if (!is_acme_txt(txt))
        return ERR_BAD_TXT;
    struct values_operation *op = new_operation(service, key, txt, origin, context);
    if (op == NULL)
        return ERR_MEMORY;
    op->operation.run = run_update;
    op->operation.done = update_done;
    op->update_reply = reply;
    return submit(service, op, retry_after_s);
}

enum error service_clear(struct service *service, const struct api_key *key, struct slice subdomain,
                         struct slice txt, const struct origin *origin, clear_reply *reply,
                         void *context, uint32_t *retry_after_s)
{
    enum error error = check_subdomain(key, subdomain);
    if (error != ERR_NONE)
        return error;
    if (txt.length != 0 && !is_acme_txt(txt))
        return ERR_BAD_TXT;
    struct values_operation *op = new_operation(service, key, txt, origin, context);
    if (op == NULL)
        return ERR_MEMORY;
    op->operation.run = run_clear;
    op->operation.done = clear_done;
    op->clear_reply = reply;
    return submit(service, op, retry_after_s);
}
