/*
 * Building one zone: records are gathered in a list, then made into nodes. Inside the zone layer.
 * A refusal fills `why` and `item` of struct zone_refusal; the caller knows zone and setting.
 */
#ifndef LOCUM_ZONE_ZONE_BUILD_H
#define LOCUM_ZONE_ZONE_BUILD_H

#include "zone/zone.h"

enum { STATIC_TTL_DEFAULT = 3600 }; /* seconds; of records without a TTL of their own */

struct record {
    struct record *next;
    struct slice owner; /* lower case, wire form */
    struct slice rdata;
    uint32_t ttl;
    uint16_t type;
    size_t line; /* in the setting `records`; 0: from `nameservers` */
};

struct zone_builder {
    struct arena *memory;       /* of the set */
    const struct zone_set *set; /* with every zone's name: records may belong to another one */
    struct zone *zone;
    const char *zone_name; /* as the operator wrote it */
    struct record *records;
    size_t record_count;
    struct zone_refusal *refusal;
};

/* Writes why into the builder's refusal. Returns ERR_CONFIG. */
enum error zone_refuse(struct zone_builder *builder, size_t item, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Adds a record of ours or of the operator's; copies what it needs. ERR_MEMORY. */
MUST_CHECK enum error zone_add_record(struct zone_builder *builder, struct slice owner,
                                      uint16_t type, uint32_t ttl, struct slice rdata, size_t line);
/* Parses master-file text (RFC 1035, section 5) and adds its records. ERR_CONFIG, ERR_MEMORY. */
MUST_CHECK enum error zone_add_static_records(struct zone_builder *builder, const char *text);
/* Makes nodes of the records, once all are there. ERR_CONFIG, ERR_MEMORY. */
MUST_CHECK enum error zone_build_nodes(struct zone_builder *builder);

#endif
