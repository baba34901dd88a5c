/*
 * The policy: what the configuration says of registrations, updates and zones, immutable, replaced
 * whole; and what follows from it: rates, and the zones' ids in the store.
 */
#include <stdlib.h>

#include "base/ascii.h"
#include "service/service_private.h"

enum { BURST_DIVISOR = 4, BURST_MIN = 10 };

void policy_free(struct policy *policy)
{
    if (policy == NULL)
        return;
    for (size_t i = 0; i < policy->zone_count; i++)
        free(policy->zones[i].name);
    free(policy->zones);
    free(policy->exempt);
    free(policy);
}

const struct zone_rules *policy_zone(const struct policy *policy, uint16_t id)
{
    for (size_t i = 0; i < policy->zone_count; i++) {
        if (policy->zones[i].id == id)
            return &policy->zones[i];
    }
    return NULL;
}

static enum error copy_zones(const struct service_policy *from, struct policy *policy)
{
    policy->zones = calloc(from->zone_count, sizeof(*policy->zones));
    if (policy->zones == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < from->zone_count; i++) {
        struct zone_rules *zone = &policy->zones[i];
        policy->zone_count = i + 1;
        zone->values_max = from->zones[i].values_max;
        zone->value_lifetime_ms = from->zones[i].value_lifetime_ms;
        zone->name = strdup(from->zones[i].name);
        if (zone->name == NULL)
            return ERR_MEMORY;
    }
    return ERR_NONE;
}

enum error policy_new(const struct service_policy *from, struct policy **out)
{
    struct policy *policy = calloc(1, sizeof(*policy));
    if (policy == NULL)
        return ERR_MEMORY;
    policy->registration = from->registration;
    policy->unused_lifetime_ms = from->unused_lifetime_ms;
    policy->exempt_count = from->exempt_count;
    policy->exempt = calloc(from->exempt_count + 1, sizeof(*policy->exempt));
    enum error error = policy->exempt == NULL ? ERR_MEMORY : copy_zones(from, policy);
    if (error != ERR_NONE) {
        policy_free(policy);
        return error;
    }
    if (from->exempt_count > 0)
        memcpy(policy->exempt, from->exempt, from->exempt_count * sizeof(*policy->exempt));
    *out = policy;
    return ERR_NONE;
}

/* The burst lets an installer register a handful of domains at once, but never more than an hour's.
 */
struct prefix_rate policy_registration_rate(uint32_t per_hour)
{
    uint32_t burst = per_hour / BURST_DIVISOR;
    if (burst < BURST_MIN)
        burst = BURST_MIN;
    return (struct prefix_rate){.per_hour = per_hour, .burst = burst < per_hour ? burst : per_hour};
}

/* An hour's updates may come at once: one certificate of a hundred names. */
struct prefix_rate policy_update_rate(uint32_t per_hour)
{
    return (struct prefix_rate){.per_hour = per_hour, .burst = per_hour};
}

/* Zone names are stored in lower case without a final dot. */
static enum error stored_name(const char *name, char *out, size_t size)
{
    enum error error = slice_to_text(slice_text(name), out, size);
    if (error != ERR_NONE)
        return error;
    size_t length = strlen(out);
    if (length > 1 && out[length - 1] == '.')
        out[--length] = '\0';
    for (size_t i = 0; i < length; i++)
        out[i] = (char)ascii_lower((uint8_t)out[i]);
    return ERR_NONE;
}

enum error policy_store_zones(struct store *store, struct policy *policy)
{
    char name[DNS_NAME_TEXT_MAX];
    for (size_t i = 0; i < policy->zone_count; i++) {
        enum error error = stored_name(policy->zones[i].name, name, sizeof(name));
        if (error == ERR_NONE)
            error = store_zone(store, name, &policy->zones[i].id);
        if (error != ERR_NONE)
            return error;
    }
    return ERR_NONE;
}
