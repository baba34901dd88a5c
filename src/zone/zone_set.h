/*
 * The zones this server is authoritative for, with their static records: built from the
 * configuration, immutable, published whole by RCU. Delegates are not in here (see index.h).
 */
#ifndef LOCUM_ZONE_ZONE_SET_H
#define LOCUM_ZONE_ZONE_SET_H

#include "base/slice.h"

struct zone_settings {
    uint16_t id;                    /* the store's id; unique */
    const char *name;               /* "auth.example.org", any case, final dot or not */
    const char *const *nameservers; /* each "ns1.example.net", or "ns1.auth.example.org ADDRESS..."
                                       for a name inside the zone */
    size_t nameserver_count;        /* at least 1 */
    const char *contact;            /* "hostmaster@example.org" */
    const char *records;            /* master-file text, or NULL */
    uint32_t txt_ttl;               /* seconds; of delegates' TXT records */
    uint32_t negative_ttl;          /* seconds; SOA TTL and MINIMUM (RFC 2308, RFC 9077) */
};

struct zone;
struct zone_set;

/* Why a zone is refused: WHICH setting of WHICH zone, and the line inside `records` if it is there.
 */
struct zone_refusal {
    size_t zone;         /* position in the settings */
    const char *setting; /* "name", "nameservers", "contact", "records" */
    size_t item;         /* nameservers: position; records: line, from 1 */
    char why[256];       /* what is wrong and what was meant */
};

/* Builds the set. ERR_CONFIG with REFUSAL filled in, or ERR_MEMORY. */
MUST_CHECK enum error zone_set_new(const struct zone_settings *settings, size_t count,
                                   struct zone_set **out, struct zone_refusal *refusal);
/* The version of the library that reads records (ldns), e.g. "1.8.3". */
const char *zone_set_library_version(void);
/* Only when no reader is left. */
void zone_set_free(struct zone_set *set);

#endif
