/*
 * A service's life and status, and what the operations of this folder share (see service.h).
 */
#include "service/service.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <urcu/urcu-qsbr.h>

#include "crypto/secret.h"
#include "service/service_private.h"

enum { RATE_NETWORKS = 16384, RATE_DELEGATES = 65536 };

/* ---- what operations share ---- */

/* What is committed to must be what every reader is shown: bytes that are no ASCII text, whatever
 * they may mean, would pass through JSON as something else, and the ledger then not verify. */
static uint8_t printable(uint8_t c)
{
    return c >= 0x20 && c < 0x7f ? c : '?';
}

void origin_keep(struct kept_origin *kept, const struct origin *origin)
{
    kept->address = origin->address;
    kept->user_agent_length = origin->user_agent.length;
    if (kept->user_agent_length > sizeof(kept->user_agent))
        kept->user_agent_length = sizeof(kept->user_agent);
    for (size_t i = 0; i < kept->user_agent_length; i++)
        kept->user_agent[i] = printable(origin->user_agent.data[i]);
    if (origin->request_id == NULL ||
        slice_to_text(slice_text(origin->request_id), kept->request_id, sizeof(kept->request_id)) !=
            ERR_NONE)
        kept->request_id[0] = '\0';
}

struct ledger_origin origin_of(const struct kept_origin *kept)
{
    return (struct ledger_origin){.present = true,
                                  .address = kept->address,
                                  .user_agent =
                                      slice_of(kept->user_agent, kept->user_agent_length)};
}

enum error service_submit(struct service *service, struct operation *operation)
{
    uuid_ordered(clock_wall_ms(&service->clock), operation->id);
    return writer_submit(service->writer, operation);
}

/* ---- opening ---- */

/* Before the writer runs. The index is filled later, from the store. */
static enum error store_first_zones(struct store *store, struct policy *policy)
{
    const struct change *changes;
    size_t count;
    enum error error = store_begin(store);
    if (error != ERR_NONE)
        return error;
    error = policy_store_zones(store, policy);
    if (error != ERR_NONE) {
        store_rollback(store);
        return error;
    }
    return store_commit(store, &changes, &count);
}

static enum error apply(void *context, const struct change *change)
{
    return index_apply(((struct service *)context)->index, change);
}

/* As apply(), for what is read back: a record that can't be understood must not stop everything
 * that comes after it, at every start. */
static enum error apply_stored(void *context, const struct change *change)
{
    struct service *service = context;
    enum error error = index_apply(service->index, change);
    if (error != ERR_MALFORMED)
        return error;
    LOG(service->log, LOG_LEVEL_ERROR, "change_malformed", LOG_INT("sequence", change->sequence),
        LOG_INT("kind", change->kind), LOG_INT("delegate", change->delegate));
    return ERR_NONE;
}

static void reclaim(void *context)
{
    index_reclaim(((struct service *)context)->index);
}

static enum error make_index(void *context, size_t delegates)
{
    return index_new(delegates, &((struct service *)context)->index);
}

static enum error take_number(void *context, const struct db_row *row)
{
    char text[24], *end;
    if (slice_to_text(db_bytes(row, 0), text, sizeof(text)) == ERR_NONE)
        *(int64_t *)context = strtoll(text, &end, 10);
    return ERR_NONE;
}

static enum error start_age_clock(struct service *service)
{
    const struct db_value age_name = DB_OF_TEXT("age_ms"), wall_name = DB_OF_TEXT("age_wall_ms");
    struct db *db = store_db(service->store);
    int64_t age = 0, wall = 0;
    enum error error = db_run(db, SQL_META_GET, &age_name, 1, take_number, &age);
    if (error == ERR_NONE)
        error = db_run(db, SQL_META_GET, &wall_name, 1, take_number, &wall);
    if (error == ERR_NONE)
        age_clock_init(&service->age, &service->clock, age, wall);
    return error;
}

/* "sqlite:NAME" is a file in the data folder unless NAME begins with a slash. */
static enum error database_path(const struct service_settings *settings, char *out, size_t size)
{
    static const char scheme[] = "sqlite:";
    struct slice url = slice_text(settings->database_url);
    if (!slice_starts(url, scheme))
        return ERR_UNSUPPORTED;
    const char *name = settings->database_url + sizeof(scheme) - 1;
    int length = name[0] == '/' ? snprintf(out, size, "%s", name)
                                : snprintf(out, size, "%s/%s", settings->data_folder, name);
    return length > 0 && (size_t)length < size ? ERR_NONE : ERR_NO_SPACE;
}

static enum error fill_service(struct service *service, const struct service_settings *settings,
                               char *why, size_t why_size)
{
    char path[4096];
    struct policy *policy = NULL;
    enum error error = database_path(settings, path, sizeof(path));
    if (error != ERR_NONE) {
        snprintf(why, why_size, "database URL \"%s\": only sqlite:FILE is supported",
                 settings->database_url);
        return ERR_CONFIG;
    }
    const struct store_settings store = {path, settings->node, settings->clock};
    error = store_open(&store, &service->store, why, why_size);
    if (error != ERR_NONE)
        return error;
    /* Expected once. At any other start it means that the disk with the real one is not there. */
    if (store_is_new(service->store))
        LOG(settings->log, LOG_LEVEL_WARNING, "database_created", LOG_TEXT("path", path),
            LOG_TEXT("text", "there was no database: a new, empty one was made"));
    error = policy_new(&settings->policy, &policy);
    if (error == ERR_NONE)
        error = store_first_zones(service->store, policy);
    atomic_init(&service->policy, policy);
    if (error == ERR_NONE)
        error = start_age_clock(service);
    if (error == ERR_NONE)
        error = store_load(service->store, make_index, apply_stored, service);
    if (error == ERR_NONE)
        error = prefix_limiter_new(
            RATE_NETWORKS, policy_registration_rate(settings->policy.registrations_per_hour),
            &service->registrations);
    if (error == ERR_NONE)
        error = prefix_limiter_new(RATE_DELEGATES,
                                   policy_update_rate(settings->policy.updates_per_hour),
                                   &service->updates);
    const struct writer_settings writer = {.store = service->store,
                                           .log = settings->log,
                                           .clock = settings->clock,
                                           .apply = apply,
                                           .apply_stored = apply_stored,
                                           .reclaim = reclaim,
                                           .context = service};
    if (error == ERR_NONE)
        error = writer_new(&writer, &service->writer);
    if (error != ERR_NONE)
        snprintf(why, why_size, "%s: %s: %s", path, error_info(error)->text,
                 db_why(store_db(service->store)));
    return error;
}

enum error service_open(const struct service_settings *settings, struct service **out, char *why,
                        size_t why_size)
{
    if (sodium_init() < 0) {
        snprintf(why, why_size, "the cryptographic library could not start");
        return ERR_INTERNAL;
    }
    struct service *service = calloc(1, sizeof(*service));
    if (service == NULL)
        return ERR_MEMORY;
    service->log = settings->log;
    service->clock = *settings->clock;
    enum error error = fill_service(service, settings, why, why_size);
    if (error != ERR_NONE) {
        service_free(service);
        return error;
    }
    *out = service;
    return ERR_NONE;
}

enum error service_start(struct service *service, struct sighting_ring *const *rings,
                         size_t ring_count)
{
    enum error error = writer_start(service->writer);
    if (error == ERR_NONE)
        error = housekeeper_start(service, rings, ring_count);
    return error;
}

void service_stop(struct service *service)
{
    housekeeper_stop(service);
    writer_stop(service->writer);
}

void service_free(struct service *service)
{
    if (service == NULL)
        return;
    if (service->writer != NULL)
        writer_free(service->writer);
    index_free(service->index);
    store_close(service->store);
    prefix_limiter_free(service->registrations);
    prefix_limiter_free(service->updates);
    policy_free(atomic_load(&service->policy));
    free(service);
}

struct index *service_index(struct service *service)
{
    return service->index;
}

uint16_t service_zone_id(const struct service *service, size_t position)
{
    return service_policy(service)->zones[position].id;
}

size_t service_zone_count(const struct service *service)
{
    return service_policy(service)->zone_count;
}

const char *service_zone_name(const struct service *service, uint16_t zone)
{
    const struct zone_rules *rules = policy_zone(service_policy(service), zone);
    return rules == NULL ? NULL : rules->name;
}

/* ---- status ---- */

void service_status(struct service *service, struct service_status *out)
{
    struct writer_status writer;
    writer_status(service->writer, &writer);
    *out = (struct service_status){
        .storage = writer.failing ? STORAGE_FAILING : STORAGE_OK,
        .delegates = index_delegates(service->index),
        .keys = index_keys(service->index),
        .commits = writer.commits,
        .operations = writer.operations,
        .failures = writer.failures,
        .queue = writer.queue,
        .sequence = writer.sequence,
        .sightings_lost = housekeeper_sightings_lost(service),
    };
    snprintf(out->storage_why, sizeof(out->storage_why), "%s", writer.why);
}
