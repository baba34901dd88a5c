/*
 * The operator's operations (see operator.h).
 */
#include "service/operator.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/secret.h"
#include "service/service_private.h"

enum { ERASE_PORTION = 10000 }; /* rows looked at in one transaction: tens of milliseconds */

struct operator_operation {
    struct operation operation;
    struct service *service;
    struct kept_origin origin;
    char token[SECRET_LENGTH + 1];
    uint8_t token_hash[SECRET_HASH_LENGTH];
    char note[TOKEN_NOTE_MAX + 1];
    char label[DNS_LABEL_MAX + 1];
    int64_t before_ms;
    int64_t id;    /* of the token */
    int64_t count; /* of rows erased */
    /* erasing: where this portion begins, what it came to, where the next one begins */
    int64_t node, after, portion_count, next_node, next_after;
    bool finished;
    token_reply *token_reply;
    count_reply *count_reply;
    void *context;
    struct delegate_ref delegate;
};

static struct operator_operation *operator_operation_of(struct operation *operation)
{
    return CONTAINER_OF(operation, struct operator_operation, operation);
}

static enum error note(struct operator_operation *op, struct store *store, const char *kind,
                       const char *detail)
{
    const struct ledger_entry entry = {.kind = kind,
                                       .zone = op->delegate.zone,
                                       .label = slice_text(op->label),
                                       .detail = slice_text(detail),
                                       .origin = origin_of(&op->origin)};
    return store_ledger(store, &entry);
}

/* ---- within the transaction ---- */

static enum error run_token_new(struct operation *operation, struct store *store)
{
    struct operator_operation *op = operator_operation_of(operation);
    const struct db_value values[] = {DB_OF_BLOB(op->token_hash, sizeof(op->token_hash)),
                                      DB_OF_TEXT(op->note),
                                      DB_OF_INT(clock_wall_ms(&op->service->clock))};
    struct change change = {.kind = CHANGE_TOKEN_SET};
    char detail[TOKEN_NOTE_MAX + 32];
    memcpy(change.hash, op->token_hash, sizeof(change.hash));
    enum error error = db_run(store_db(store), SQL_TOKEN_ADD, values, ARRAY_LENGTH(values),
                              store_take_integer, &op->id);
    if (error == ERR_NONE)
        error = store_change(store, &change, false);
    snprintf(detail, sizeof(detail), "%lld %s", (long long)op->id, op->note);
    return error == ERR_NONE ? note(op, store, "token.new", detail) : error;
}

struct token_row {
    struct change *change;
    bool valid;
};

static enum error take_token(void *context, const struct db_row *row)
{
    struct token_row *out = context;
    struct slice hash = db_bytes(row, 0);
    if (hash.length != sizeof(out->change->hash))
        return ERR_INTERNAL;
    memcpy(out->change->hash, hash.data, hash.length);
    out->valid = db_is_null(row, 1);
    return ERR_NONE;
}

static enum error run_token_revoke(struct operation *operation, struct store *store)
{
    struct operator_operation *op = operator_operation_of(operation);
    const struct db_value id = DB_OF_INT(op->id);
    const struct db_value values[] = {DB_OF_INT(clock_wall_ms(&op->service->clock)), id};
    struct change change = {.kind = CHANGE_TOKEN_REMOVED};
    struct token_row row = {&change, false};
    char detail[24];
    enum error error = db_run(store_db(store), SQL_TOKEN_FIND_ID, &id, 1, take_token, &row);
    if (error == ERR_NONE && !row.valid)
        return ERR_NOT_FOUND;
    if (error == ERR_NONE)
        error = db_run(store_db(store), SQL_TOKEN_REVOKE, values, ARRAY_LENGTH(values), NULL, NULL);
    if (error == ERR_NONE)
        error = store_change(store, &change, false);
    snprintf(detail, sizeof(detail), "%lld", (long long)op->id);
    return error == ERR_NONE ? note(op, store, "token.revoke", detail) : error;
}

/* Erases one portion of one node's rows; what comes next stands in op->next_*. */
static enum error erase_portion(struct operator_operation *op, struct store *store)
{
    bool by_label = op->label[0] != '\0';
    const struct db_value values[] = {DB_OF_INT(op->node), DB_OF_INT(op->after),
                                      DB_OF_INT(op->after + ERASE_PORTION),
                                      by_label ? DB_OF_TEXT(op->label) : DB_OF_INT(op->before_ms)};
    int64_t last = 0;
    enum error error =
        db_run(store_db(store), SQL_LEDGER_HEAD, values, 1, store_take_integer, &last);
    if (error == ERR_NONE)
        error =
            db_run(store_db(store), by_label ? SQL_LEDGER_ERASE_DELEGATE : SQL_LEDGER_ERASE_BEFORE,
                   values, ARRAY_LENGTH(values), NULL, NULL);
    if (error != ERR_NONE)
        return error;
    bool is_last = op->after + ERASE_PORTION >= last;
    op->portion_count = db_changes(store_db(store));
    op->next_node = is_last ? op->node + 1 : op->node;
    op->next_after = is_last ? 0 : op->after + ERASE_PORTION;
    return ERR_NONE;
}

/* A ledger may have millions of rows: other operations get their turn between the portions. */
static enum error run_erase(struct operation *operation, struct store *store)
{
    struct operator_operation *op = operator_operation_of(operation);
    char detail[64] = "";
    int64_t last_node = 0;
    enum error error = erase_portion(op, store);
    if (error == ERR_NONE)
        error = db_run(store_db(store), SQL_NODE_LAST, NULL, 0, store_take_integer, &last_node);
    if (error != ERR_NONE)
        return error;
    op->finished = op->next_node > last_node;
    if (!op->finished)
        return ERR_NONE;
    db_forget_erased(store_db(store));
    if (op->label[0] == '\0')
        snprintf(detail, sizeof(detail), "before %lld", (long long)op->before_ms);
    return note(op, store, "erase", detail);
}

static enum error take_id(void *context, const struct db_row *row)
{
    *(uint64_t *)context = (uint64_t)db_integer(row, 0);
    return ERR_NONE;
}

static enum error run_remove(struct operation *operation, struct store *store)
{
    struct operator_operation *op = operator_operation_of(operation);
    const struct db_value values[] = {DB_OF_INT(op->delegate.zone),
                                      DB_OF_SLICE(delegate_ref_label(&op->delegate))};
    op->delegate.id = 0;
    enum error error = db_run(store_db(store), SQL_DELEGATE_FIND, values, ARRAY_LENGTH(values),
                              take_id, &op->delegate.id);
    if (error == ERR_NONE && op->delegate.id == 0)
        return ERR_NOT_FOUND;
    if (error == ERR_NONE)
        error = delegate_remove(store, &op->delegate);
    if (error == ERR_NONE)
        error = delegate_bury(store, &op->delegate, "removed by the operator",
                              clock_wall_ms(&op->service->clock));
    op->count = 1;
    return error == ERR_NONE ? note(op, store, "remove", "") : error;
}

static void token_done(struct operation *operation, enum error error)
{
    struct operator_operation *op = operator_operation_of(operation);
    op->token_reply(op->context, error, op->id, op->token);
    secret_wipe(op->token, sizeof(op->token));
    free(op);
}

static void erase_done(struct operation *operation, enum error error)
{
    struct operator_operation *op = operator_operation_of(operation);
    if (error == ERR_NONE) {
        op->count += op->portion_count;
        op->node = op->next_node;
        op->after = op->next_after;
        if (!op->finished)
            error = service_submit(op->service, operation);
        if (error == ERR_NONE && !op->finished)
            return;
    }
    op->count_reply(op->context, error, op->count);
    free(op);
}

static void count_done(struct operation *operation, enum error error)
{
    struct operator_operation *op = operator_operation_of(operation);
    op->count_reply(op->context, error, op->count);
    free(op);
}

/* ---- requests ---- */

static struct operator_operation *new_operation(struct service *service,
                                                const struct origin *origin, void *context)
{
    struct operator_operation *op = calloc(1, sizeof(*op));
    if (op == NULL)
        return NULL;
    op->service = service;
    op->context = context;
    origin_keep(&op->origin, origin);
    return op;
}

static void free_operation(struct operator_operation *op)
{
    secret_wipe(op->token, sizeof(op->token));
    free(op);
}

static enum error submit(struct service *service, struct operator_operation *op)
{
    enum error error = service_submit(service, &op->operation);
    if (error != ERR_NONE)
        free_operation(op);
    return error;
}

/* Submits an operation about the delegate LABEL, which the ledger will name. */
static enum error submit_about(struct service *service, struct operator_operation *op,
                               struct slice label)
{
    enum error error = slice_to_text(label, op->label, sizeof(op->label));
    if (error != ERR_NONE) {
        free_operation(op);
        return error;
    }
    return submit(service, op);
}

enum error service_token_new(struct service *service, struct slice note_text,
                             const struct origin *origin, token_reply *reply, void *context)
{
    if (note_text.length > TOKEN_NOTE_MAX)
        return ERR_TOO_LARGE;
    struct operator_operation *op = new_operation(service, origin, context);
    if (op == NULL)
        return ERR_MEMORY;
    op->operation.run = run_token_new;
    op->operation.done = token_done;
    op->token_reply = reply;
    secret_random(op->token);
    enum error error = slice_to_text(note_text, op->note, sizeof(op->note));
    if (error == ERR_NONE)
        error = sha256(slice_text(op->token), op->token_hash);
    if (error != ERR_NONE) {
        free_operation(op);
        return error;
    }
    return submit(service, op);
}

enum error service_token_revoke(struct service *service, int64_t id, const struct origin *origin,
                                token_reply *reply, void *context)
{
    struct operator_operation *op = new_operation(service, origin, context);
    if (op == NULL)
        return ERR_MEMORY;
    op->operation.run = run_token_revoke;
    op->operation.done = token_done;
    op->token_reply = reply;
    op->id = id;
    return submit(service, op);
}

enum error service_ledger_erase(struct service *service, struct slice label, int64_t before_ms,
                                const struct origin *origin, count_reply *reply, void *context)
{
    struct operator_operation *op = new_operation(service, origin, context);
    if (op == NULL)
        return ERR_MEMORY;
    op->operation.run = run_erase;
    op->operation.done = erase_done;
    op->node = 1;
    op->count_reply = reply;
    op->before_ms = before_ms;
    return submit_about(service, op, label);
}

enum error service_delegate_remove(struct service *service, struct slice label,
                                   const struct origin *origin, count_reply *reply, void *context)
{
    uint16_t zone = service_find_label(service, label);
    if (zone == 0)
        return ERR_NOT_FOUND;
    struct operator_operation *op = new_operation(service, origin, context);
    if (op == NULL)
        return ERR_MEMORY;
    op->operation.run = run_remove;
    op->operation.done = count_done;
    op->count_reply = reply;
    op->delegate.zone = zone;
    op->delegate.label_length = (uint8_t)label.length;
    memcpy(op->delegate.label, label.data, label.length);
    return submit_about(service, op, label);
}

enum error service_open_reader(const struct service *service, struct db **out, char *why,
                               size_t why_size)
{
    return store_open_reader(service->store, out, why, why_size);
}

uint64_t service_node(const struct service *service)
{
    return store_node(service->store);
}

const char *service_registration_policy(const struct service *service)
{
    switch (service_policy(service)->registration) {
    case REGISTRATION_OPEN:
        return "open";
    case REGISTRATION_TOKEN:
        return "token";
    case REGISTRATION_CLOSED:
        break;
    }
    return "closed";
}

uint16_t service_find_label(const struct service *service, struct slice label)
{
    const struct policy *policy = service_policy(service);
    if (label.length == 0 || label.length > DNS_LABEL_MAX)
        return 0;
    for (size_t i = 0; i < policy->zone_count; i++) {
        uint16_t zone = policy->zones[i].id;
        uint64_t hash = index_hash(service->index, zone, label);
        if (index_find(service->index, hash, zone, label) != NULL)
            return zone;
    }
    return 0;
}
