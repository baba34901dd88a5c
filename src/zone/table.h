/*
 * A hash table of pointers for many readers and one writer: a power of two of 64-bit slots, probed
 * linearly. A slot holds 16 bits of the hash (the tag) over a 48-bit pointer, so that a miss rarely
 * touches an object. At most half of the slots are in use, which keeps probes short.
 *
 * The table knows nothing of its objects: the caller compares them, and hashes them when the writer
 * moves all of them to a larger table. Readers hold an RCU read section.
 */
#ifndef LOCUM_ZONE_TABLE_H
#define LOCUM_ZONE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct table {
    size_t mask;          /* slots - 1 */
    size_t used;          /* slots that are not empty, removed ones among them; the writer's */
    _Atomic size_t count; /* objects */
    uint8_t pad[40];
    _Atomic uint64_t slots[];
};

#define TABLE_POINTER_MASK ((UINT64_C(1) << 48) - 1)
#define TABLE_EMPTY UINT64_C(0)
#define TABLE_REMOVED UINT64_C(1) /* no object is at address 1 */

static inline uint64_t table_tag(uint64_t hash)
{
    return hash & ~TABLE_POINTER_MASK;
}

/* Walks the slots whose tag is HASH's, from *AT on (begin with the hash itself): the next object,
 * or NULL at the end of the chain. */
static inline void *table_next(const struct table *table, uint64_t hash, size_t *at)
{
    for (;;) {
        uint64_t slot =
            atomic_load_explicit(&table->slots[(*at)++ & table->mask], memory_order_acquire);
        if (slot == TABLE_EMPTY)
            return NULL;
        if ((slot & ~TABLE_POINTER_MASK) == table_tag(hash) && slot != TABLE_REMOVED)
            return (void *)(uintptr_t)(slot & TABLE_POINTER_MASK);
    }
}

/* An empty table for at least OBJECTS objects. ERR_MEMORY. */
MUST_CHECK enum error table_new(size_t objects, struct table **out);
void table_free(struct table *table);
/* Whether table_insert() may be called once more. */
static inline bool table_has_room(const struct table *table)
{
    return 2 * (table->used + 1) <= table->mask + 1;
}
/* Adds an object that is not in the table, which has room. */
void table_insert(struct table *table, uint64_t hash, void *object);
/* Puts FRESH into the place of OLD, which is there and has the same hash: a reader finds one of the
 * two. (Adding one and then removing the other could hide both from a reader that has gone past the
 * first place and not yet reached the second.) */
void table_replace(struct table *table, uint64_t hash, const void *old, void *fresh);
/* Takes OBJECT out, if it is there. */
void table_remove(struct table *table, uint64_t hash, const void *object);

#endif
