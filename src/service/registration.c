/*
 * Registration: a new delegate under a random label, with its first API key.
 */
#include <stdlib.h>

#include "base/encoding.h"
#include "crypto/secret.h"
#include "dns/domain.h"
#include "service/service_private.h"

enum { ALLOWFROM_TEXT_MAX = ALLOWFROM_MAX * IP_TEXT_MAX };

struct register_operation {
    struct operation operation;
    struct service *service;
    struct registration result;
    struct delegate_ref delegate; /* the id is known once it is stored */
    uint8_t key_id[16];
    uint8_t secret_hash[SECRET_HASH_LENGTH];
    uint8_t token_hash[SECRET_HASH_LENGTH];
    bool has_token;
    char domain[DOMAIN_TEXT_MAX];
    char allowfrom[ALLOWFROM_TEXT_MAX];
    struct kept_origin origin;
    registration_reply *reply;
    void *context;
};

static struct register_operation *register_operation_of(struct operation *operation)
{
    return CONTAINER_OF(operation, struct register_operation, operation);
}

/* ---- the transaction ---- */

/* The token's id, or 0 without one. It may have been revoked since the request came. */
static enum error use_token(struct register_operation *op, struct store *store, int64_t *id)
{
    struct db_value hash = DB_OF_BLOB(op->token_hash, sizeof(op->token_hash));
    *id = 0;
    if (!op->has_token)
        return ERR_NONE;
    enum error error =
        db_run(store_db(store), SQL_TOKEN_FIND_HASH, &hash, 1, store_take_integer, id);
    if (error != ERR_NONE)
        return error;
    if (*id == 0)
        return ERR_TOKEN_REQUIRED;
    struct db_value token = DB_OF_INT(*id);
    return db_run(store_db(store), SQL_TOKEN_USED, &token, 1, NULL, NULL);
}

static enum error add_delegate(struct register_operation *op, struct store *store, int64_t token)
{
    int64_t id = 0;
    const struct db_value values[] = {
        DB_OF_INT(op->delegate.zone), DB_OF_SLICE(delegate_ref_label(&op->delegate)),
        token == 0 ? DB_OF_NULL : DB_OF_INT(token), DB_OF_INT(clock_wall_ms(&op->service->clock)),
        DB_OF_INT(age_clock_now_ms(&op->service->age))};
    enum error error = db_run(store_db(store), SQL_DELEGATE_ADD, values, ARRAY_LENGTH(values),
                              store_take_integer, &id);
    if (error != ERR_NONE)
        return error;
    op->delegate.id = (uint64_t)id;
    const struct change change = {.kind = CHANGE_DELEGATE_ADDED,
                                  .zone = op->delegate.zone,
                                  .delegate = op->delegate.id,
                                  .label = delegate_ref_label(&op->delegate)};
    return store_change(store, &change, true);
}

static enum error add_key(struct register_operation *op, struct store *store)
{
    const struct db_value values[] = {
        DB_OF_BLOB(op->key_id, sizeof(op->key_id)), DB_OF_INT(op->delegate.id),
        DB_OF_BLOB(op->secret_hash, sizeof(op->secret_hash)), DB_OF_TEXT(op->allowfrom),
        DB_OF_INT(clock_wall_ms(&op->service->clock))};
    struct change change = {.kind = CHANGE_KEY_SET,
                            .zone = op->delegate.zone,
                            .delegate = op->delegate.id,
                            .label = delegate_ref_label(&op->delegate),
                            .allowfrom = slice_text(op->allowfrom)};
    memcpy(change.key_id, op->key_id, sizeof(change.key_id));
    memcpy(change.hash, op->secret_hash, sizeof(change.hash));
    enum error error =
        db_run(store_db(store), SQL_KEY_ADD, values, ARRAY_LENGTH(values), NULL, NULL);
    return error == ERR_NONE ? store_change(store, &change, false) : error;
}

static enum error add_domain(struct register_operation *op, struct store *store)
{
    if (op->domain[0] == '\0')
        return ERR_NONE;
    const struct db_value values[] = {DB_OF_INT(op->delegate.id), DB_OF_TEXT(op->domain),
                                      DB_OF_INT(clock_wall_ms(&op->service->clock))};
    return db_run(store_db(store), SQL_DOMAIN_ADD, values, ARRAY_LENGTH(values), NULL, NULL);
}

static enum error run_register(struct operation *operation, struct store *store)
{
    struct register_operation *op = register_operation_of(operation);
    int64_t token;
    enum error error = delegate_check_buried(store, &op->delegate);
    if (error == ERR_NONE)
        error = use_token(op, store, &token);
    if (error == ERR_NONE)
        error = add_delegate(op, store, token);
    if (error == ERR_NONE)
        error = add_key(op, store);
    if (error == ERR_NONE)
        error = add_domain(op, store);
    if (error != ERR_NONE)
        return error;
    const struct ledger_entry entry = {.kind = "register",
                                       .zone = op->delegate.zone,
                                       .label = delegate_ref_label(&op->delegate),
                                       .key_id = op->key_id,
                                       .detail = slice_text(op->domain),
                                       .origin = origin_of(&op->origin)};
    return store_ledger(store, &entry);
}

static void register_done(struct operation *operation, enum error error)
{
    struct register_operation *op = register_operation_of(operation);
    LOG(op->service->log, error == ERR_NONE ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "register",
        LOG_TEXT("request", op->origin.request_id), LOG_TEXT("delegate", op->result.label),
        LOG_TEXT("key", op->result.key_id), LOG_ERROR(error));
    op->reply(op->context, error, error == ERR_NONE ? &op->result : NULL);
    secret_wipe(&op->result, sizeof(op->result));
    free(op);
}

/* ---- the request ---- */

static enum error check_token(const struct service *service, const struct policy *policy,
                              struct slice token, struct register_operation *op)
{
    if (policy->registration != REGISTRATION_TOKEN && token.length == 0)
        return ERR_NONE;
    enum error error = sha256(token, op->token_hash);
    if (error != ERR_NONE)
        return error;
    op->has_token = token.length > 0 && index_has_token(service->index, op->token_hash);
    /* Where everyone may register a token that is not ours is no reason to refuse. */
    if (!op->has_token && policy->registration == REGISTRATION_TOKEN)
        return ERR_TOKEN_REQUIRED;
    return ERR_NONE;
}

/* Checks the prefixes and keeps them as they were sent, one space between. */
static enum error keep_allowfrom(const struct registration_request *request,
                                 struct register_operation *op)
{
    struct ip_prefix prefix;
    struct writer writer = writer_of(op->allowfrom, sizeof(op->allowfrom) - 1);
    if (request->allowfrom_count > ALLOWFROM_MAX)
        return ERR_BAD_CIDR;
    for (size_t i = 0; i < request->allowfrom_count; i++) {
        if (ip_parse_prefix(request->allowfrom[i], &prefix) != ERR_NONE)
            return ERR_BAD_CIDR;
        if (i > 0)
            write_u8(&writer, ' ');
        write_bytes(&writer, request->allowfrom[i]);
    }
    return writer.failed ? ERR_BAD_CIDR : ERR_NONE;
}

static enum error keep_domain(struct slice domain, struct register_operation *op)
{
    char text[DNS_NAME_TEXT_MAX];
    if (domain.length == 0)
        return ERR_NONE;
    if (slice_to_text(domain, text, sizeof(text)) != ERR_NONE ||
        domain_normalise(text, op->domain) != NULL)
        return ERR_BAD_DOMAIN;
    return ERR_NONE;
}

static enum error make_secrets(struct register_operation *op)
{
    uint8_t label[16];
    uuid_random(label);
    uuid_random(op->key_id);
    uuid_to_text(label, op->result.label);
    uuid_to_text(op->key_id, op->result.key_id);
    secret_random(op->result.secret);
    op->delegate.label_length = UUID_TEXT_LENGTH;
    memcpy(op->delegate.label, op->result.label, UUID_TEXT_LENGTH);
    return sha256(slice_text(op->result.secret), op->secret_hash);
}

static enum error fill(struct service *service, const struct registration_request *request,
                       struct register_operation *op, uint32_t *retry_after_s)
{
    const struct policy *policy = service_policy(service);
    const struct zone_rules *zone = &policy->zones[0];
    if (policy->registration == REGISTRATION_CLOSED)
        return ERR_REGISTRATION_CLOSED;
    enum error error = check_token(service, policy, request->token, op);
    if (error == ERR_NONE)
        error = keep_allowfrom(request, op);
    if (error == ERR_NONE)
        error = keep_domain(request->domain, op);
    /* Last: a request that is refused anyway costs its sender nothing. */
    if (error == ERR_NONE)
        error = prefix_limiter_take(service->registrations, &request->origin.address,
                                    policy->exempt, policy->exempt_count,
                                    clock_monotonic_ms(&service->clock), retry_after_s);
    if (error == ERR_NONE)
        error = make_secrets(op);
    if (error != ERR_NONE)
        return error;
    op->delegate.zone = zone->id;
    return slice_to_text(slice_text(zone->name), op->result.zone, sizeof(op->result.zone));
}

enum error service_register(struct service *service, const struct registration_request *request,
                            registration_reply *reply, void *context, uint32_t *retry_after_s)
{
    struct register_operation *op = calloc(1, sizeof(*op));
    if (op == NULL)
        return ERR_MEMORY;
    op->operation.run = run_register;
    op->operation.done = register_done;
    op->service = service;
    op->reply = reply;
    op->context = context;
    origin_keep(&op->origin, &request->origin);
    enum error error = fill(service, request, op, retry_after_s);
    if (error == ERR_NONE)
        error = service_submit(service, &op->operation);
    if (error != ERR_NONE) {
        secret_wipe(&op->result, sizeof(op->result));
        free(op);
    }
    return error;
}

bool service_registration_closed(const struct service *service)
{
    return service_policy(service)->registration == REGISTRATION_CLOSED;
}
