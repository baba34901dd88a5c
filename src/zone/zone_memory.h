/*
 * Memory of a zone set: allocated piece by piece while it is built, freed all at once.
 */
#ifndef LOCUM_ZONE_ZONE_MEMORY_H
#define LOCUM_ZONE_ZONE_MEMORY_H

#include "base/slice.h"

struct zone_memory_block;

struct zone_memory {
    struct zone_memory_block *last;
};

/* COUNT times SIZE zeroed bytes, aligned for any type; NULL if there is no memory. */
void *zone_memory_alloc(struct zone_memory *memory, size_t count, size_t size);
/* A copy of BYTES; NULL if there is no memory. */
const uint8_t *zone_memory_copy(struct zone_memory *memory, struct slice bytes);
void zone_memory_fini(struct zone_memory *memory);

#endif
