/*
 * The policy: what the configuration says of registrations and zones, immutable, replaced whole.
 */
#include <stdlib.h>

#include "service/service_private.h"

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
