/*
 * Objects of one size, packed: no header before each, freed ones reused. The arena grows by large
 * blocks that are never given back, since delegates that left are soon followed by others. Used by
 * one thread.
 */
#ifndef LOCUM_ZONE_SLAB_H
#define LOCUM_ZONE_SLAB_H

#include <stddef.h>

#include "base/attributes.h"

struct slab_block;

struct slab {
    size_t object_size; /* bytes, a multiple of 8, at least 8 */
    struct slab_block *blocks;
    void *free_list;
    size_t fresh; /* objects never used in the newest block */
};

void slab_init(struct slab *slab, size_t object_size);
/* Uninitialized memory of object_size bytes, aligned to 8; NULL if there is none. */
MUST_CHECK void *slab_take(struct slab *slab);
void slab_give(struct slab *slab, void *object);
/* Frees every object. */
void slab_fini(struct slab *slab);

#endif
