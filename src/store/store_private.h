/*
 * The inside of a store, shared by store.c and store_load.c.
 */
#ifndef LOCUM_STORE_STORE_PRIVATE_H
#define LOCUM_STORE_STORE_PRIVATE_H

#include "base/encoding.h"
#include "store/store.h"

/* Where the growing things stand: as committed, and as the open transaction will leave them. */
struct store_heads {
    uint64_t sequence; /* of the newest change */
    uint64_t ledger_sequence;
    uint8_t ledger_hash[LEDGER_HASH_LENGTH];
    uint32_t serials[ZONES_MAX];
};

struct store {
    struct db *db;
    char *path;
    bool is_new;
    uint64_t node;
    struct clock clock;
    struct store_heads committed, pending;
    char *zone_names[ZONES_MAX]; /* by id; owned */
    uint8_t operation[16];
    bool touched[ZONES_MAX];
    struct change *changes; /* of the open transaction */
    size_t change_count, change_room;
};

MUST_CHECK enum error store_read_heads(struct store *store);

#endif
