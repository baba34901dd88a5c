/*
 * The inside of a service, shared by the files of this folder.
 */
#ifndef LOCUM_SERVICE_SERVICE_PRIVATE_H
#define LOCUM_SERVICE_SERVICE_PRIVATE_H

#include <pthread.h>

#include "base/prefix_limit.h"
#include "service/age_clock.h"
#include "service/service.h"
#include "store/writer.h"

struct zone_rules {
    char *name;  /* as configured */
    uint16_t id; /* the store's */
    uint32_t values_max;
    int64_t value_lifetime_ms;
};

/* What the configuration says: immutable, replaced whole at a reload, read under RCU. */
struct policy {
    enum registration_policy registration;
    struct ip_prefix *exempt;
    size_t exempt_count;
    int64_t unused_lifetime_ms;
    struct zone_rules *zones;
    size_t zone_count;
};

struct housekeeper; /* housekeeper.c */

struct service {
    struct store *store;
    struct index *index;
    struct writer_thread *writer;
    struct housekeeper *housekeeper;
    struct prefix_limiter *registrations;
    struct prefix_limiter *updates; /* by delegate */
    _Atomic(struct policy *) policy;
    struct age_clock age;
    struct log *log;
    struct clock clock;
};

static inline const struct policy *service_policy(const struct service *service)
{
    return atomic_load_explicit(&((struct service *)(uintptr_t)service)->policy,
                                memory_order_acquire);
}

/* Copies SETTINGS; the zones' ids are not set yet. ERR_MEMORY. */
MUST_CHECK enum error policy_new(const struct service_policy *settings, struct policy **out);
void policy_free(struct policy *policy);
/* Stores the zones that are new and gives each its id; within a transaction. */
MUST_CHECK enum error policy_store_zones(struct store *store, struct policy *policy);
struct prefix_rate policy_registration_rate(uint32_t per_hour);
struct prefix_rate policy_update_rate(uint32_t per_hour);
/* The rules of the zone with this id; NULL if it is not configured. */
const struct zone_rules *policy_zone(const struct policy *policy, uint16_t id);

/* ---- operations ---- */

/* An origin that lives as long as its operation. */
struct kept_origin {
    struct ip_address address;
    size_t user_agent_length;
    uint8_t user_agent[USER_AGENT_MAX];
    char request_id[17];
};

void origin_keep(struct kept_origin *kept, const struct origin *origin);
struct ledger_origin origin_of(const struct kept_origin *kept);

/* Gives OPERATION its id and queues it. On an error it is still the caller's. */
MUST_CHECK enum error service_submit(struct service *service, struct operation *operation);

/* ---- one delegate, within a transaction (delegates.c) ---- */

struct delegate_ref {
    uint64_t id;
    uint16_t zone;
    uint8_t label_length;
    uint8_t label[DNS_LABEL_MAX];
};

void delegate_ref_of(struct delegate_ref *ref, const struct delegate *delegate);
/* The same from a row that begins with id, zone and label. ERR_INTERNAL if the label is too long.
 */
MUST_CHECK enum error delegate_ref_of_row(struct delegate_ref *ref, const struct db_row *row);

static inline struct slice delegate_ref_label(const struct delegate_ref *ref)
{
    return slice_of(ref->label, ref->label_length);
}

/* Values in the order of arrival. */
struct value_list {
    uint32_t count;
    struct change_value values[VALUES_MAX + 1]; /* one more while a new one comes in */
};

MUST_CHECK enum error values_read(struct store *store, uint64_t delegate, struct value_list *out);
/* Takes the value at POSITION out of the table and the list. */
MUST_CHECK enum error values_drop(struct store *store, uint64_t delegate, struct value_list *list,
                                  uint32_t position);
/* Emits the change record that holds LIST whole. REF must live until the change is applied. */
MUST_CHECK enum error values_publish(struct store *store, const struct delegate_ref *ref,
                                     const struct value_list *list);
/* Marks the delegate as used: it expires no more. */
MUST_CHECK enum error delegate_mark_used(struct store *store, const struct delegate_ref *ref);

/* Takes the delegate, its API keys, values and domains away. REF must live as long. */
MUST_CHECK enum error delegate_remove(struct store *store, const struct delegate_ref *ref);
/* Leaves a tombstone: the label is never given out again. */
MUST_CHECK enum error delegate_bury(struct store *store, const struct delegate_ref *ref,
                                    const char *reason, int64_t now_ms);
/* ERR_EXISTS if the label has a tombstone. */
MUST_CHECK enum error delegate_check_buried(struct store *store, const struct delegate_ref *ref);

/* ---- housekeeping (housekeeper.c) ---- */

MUST_CHECK enum error housekeeper_start(struct service *service, struct sighting_ring *const *rings,
                                        size_t ring_count);
/* Ends the thread; stores the age clock a last time. */
void housekeeper_stop(struct service *service);
uint64_t housekeeper_sightings_lost(const struct service *service);

#endif
