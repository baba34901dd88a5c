/*
 * What the layers below take of a configuration (see config.h): zones and policy in their forms.
 */
#include "daemon/config.h"

static enum error complain_records(const struct config *config, const struct config_zone *zone,
                                   const struct zone_refusal *refusal, char why[COMPLAINT_MAX])
{
    struct complaint complaint = {config->file, why, COMPLAINT_MAX};
    struct mark mark = zone->records_start;

    if (zone->records_path != NULL)
        complaint.file = zone->records_path;
    if (refusal->item == 0)
        mark = zone->records_path != NULL ? (struct mark){1, 1} : zone->records.mark;
    else
        mark.line += refusal->item - 1;
    return complain(&complaint, mark, "%s", refusal->why);
}

static enum error complain_zone(const struct config *config, const struct zone_refusal *refusal,
                                char why[COMPLAINT_MAX])
{
    const struct config_zone *zone = &config->zones.items[refusal->zone];
    struct mark mark = zone->name.mark;

    if (strcmp(refusal->setting, "records") == 0)
        return complain_records(config, zone, refusal, why);
    if (strcmp(refusal->setting, "nameservers") == 0 && refusal->item < zone->nameservers.count)
        mark = zone->nameservers.items[refusal->item].mark;
    else if (strcmp(refusal->setting, "contact") == 0)
        mark = zone->contact.mark;
    return config_complain(config, mark, why, "%s", refusal->why);
}

/* The nameservers as the zone set wants them; NULL if there is no memory. */
static const char **nameserver_names(const struct config_zone *zone, struct arena *arena)
{
    const char **names = arena_alloc(arena, zone->nameservers.count * sizeof(*names));

    for (size_t i = 0; names != NULL && i < zone->nameservers.count; i++)
        names[i] = zone->nameservers.items[i].text;
    return names;
}

enum error config_zone_set(const struct config *config, const uint16_t *ids, struct zone_set **out,
                           char why[COMPLAINT_MAX])
{
    struct arena arena = {0};
    struct zone_refusal refusal = {0};
    size_t count = config->zones.count;
    struct zone_settings *settings = arena_alloc(&arena, count * sizeof(*settings));
    enum error error = settings != NULL ? ERR_NONE : ERR_MEMORY;

    for (size_t i = 0; i < count && error == ERR_NONE; i++) {
        const struct config_zone *zone = &config->zones.items[i];
        const char **names = nameserver_names(zone, &arena);

        settings[i] = (struct zone_settings){
            .id = ids[i],
            .name = zone->name.text,
            .nameservers = names,
            .nameserver_count = zone->nameservers.count,
            .contact = zone->contact.text,
            .records = zone->records.text,
            .txt_ttl = zone->txt_ttl,
            .negative_ttl = zone->negative_ttl,
        };
        if (names == NULL)
            error = ERR_MEMORY;
    }
    if (error == ERR_NONE)
        error = zone_set_new(settings, count, out, &refusal);
    if (error == ERR_CONFIG)
        error = complain_zone(config, &refusal, why);
    else if (error != ERR_NONE)
        snprintf(why, COMPLAINT_MAX, "%s: %s", config->file, error_info(error)->text);
    arena_fini(&arena);
    return error;
}

void config_policy(const struct config *config, struct service_zone *zones,
                   struct service_policy *policy)
{
    for (size_t i = 0; i < config->zones.count; i++) {
        const struct config_zone *zone = &config->zones.items[i];

        zones[i] = (struct service_zone){zone->name.text, zone->values, zone->value_lifetime_ms};
    }
    *policy = (struct service_policy){
        .registration = config->registration.policy,
        .registrations_per_hour = config->registration.limit,
        .updates_per_hour = config->api.updates_per_hour,
        .exempt = config->registration.exempt.items,
        .exempt_count = config->registration.exempt.count,
        .unused_lifetime_ms = config->registration.unused_lifetime_ms,
        .zones = zones,
        .zone_count = config->zones.count,
    };
}
