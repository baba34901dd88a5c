/*
 * What a zone set is made of. Inside the zone layer only: built by zone_set.c, read by answer.c.
 *
 * Words: a *node* is a name of a zone that exists by configuration: the apex, the owner of a static
 * record, or an *empty non-terminal*, a name without records that has one below it (RFC 8020: it
 * exists, so it is never NXDOMAIN). Nodes of a zone stand in one open-addressing table.
 *
 * Everything is immutable once built, lives in the set's memory and is freed with it.
 */
#ifndef LOCUM_ZONE_ZONE_H
#define LOCUM_ZONE_ZONE_H

#include "base/arena.h"
#include "dns/name.h"
#include "zone/zone_set.h"

/* All records of one type at a node. RDATA holds `count` times a 16-bit length and that many bytes;
 * names in it are not compressed and keep the operator's letters. */
struct rrset {
    uint16_t type;
    uint16_t count;
    uint32_t ttl;
    uint32_t length; /* bytes of rdata */
    const uint8_t *rdata;
};

struct node {
    struct slice name;
    const struct rrset *rrsets; /* by rising type */
    size_t rrset_count;         /* 0: an empty non-terminal */
};

struct zone {
    uint16_t id;
    uint8_t labels;
    uint32_t txt_ttl;
    uint32_t negative_ttl;
    struct slice name; /* lower case, wire form */
    /* The SOA record from its owner on. Owner and serial are filled in by the answer. */
    struct slice soa;
    const struct node **slots;
    uint64_t mask; /* slots - 1 */
    const struct node *apex;
    const struct node **glue; /* nameservers inside the zone */
    size_t glue_count;
};

enum { SOA_SERIAL_FROM_END = 20 }; /* serial, refresh, retry, expire, minimum: four bytes each */

struct zone_set {
    struct arena memory;
    struct zone *zones; /* in the order of the settings */
    size_t count;
    struct zone **slots; /* open-addressing table by name */
    uint64_t mask;
    uint8_t labels_min; /* fewest and most labels of a zone's name: */
    uint8_t labels_max; /* longer and shorter suffixes need not be looked up */
};

/* The zone with the longest name that NAME is or is below; NULL if there is none. */
const struct zone *zone_set_find(const struct zone_set *set, const struct dns_name *name);
/* The node with this name; NULL if there is none. */
const struct node *zone_find_node(const struct zone *zone, struct slice name);
/* The records of TYPE at NODE; NULL if there are none. */
const struct rrset *node_find(const struct node *node, uint16_t type);

#endif
