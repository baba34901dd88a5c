/*
 * Packed objects of one size (see slab.h).
 */
#include "zone/slab.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* 2 MiB: one huge page, where the kernel gives them, spares most misses of the address cache. */
enum { BLOCK_BYTES = 2 * 1024 * 1024 };

struct slab_block {
    struct slab_block *next;
    uint8_t pad[56];
    uint8_t objects[];
};

void slab_init(struct slab *slab, size_t object_size)
{
    *slab = (struct slab){.object_size = object_size};
}

static bool grow(struct slab *slab)
{
    struct slab_block *block = aligned_alloc(BLOCK_BYTES, BLOCK_BYTES);
    if (block == NULL)
        return false;
    madvise(block, BLOCK_BYTES, MADV_HUGEPAGE); /* a wish, no more */
    block->next = slab->blocks;
    slab->blocks = block;
    slab->fresh = (BLOCK_BYTES - sizeof(*block)) / slab->object_size;
    return true;
}

void *slab_take(struct slab *slab)
{
    void *object = slab->free_list;
    if (object != NULL) {
        memcpy(&slab->free_list, object, sizeof(slab->free_list));
        return object;
    }
    if (slab->fresh == 0 && !grow(slab))
        return NULL;
    size_t in_block = (BLOCK_BYTES - sizeof(struct slab_block)) / slab->object_size;
    return slab->blocks->objects + (in_block - slab->fresh--) * slab->object_size;
}

void slab_give(struct slab *slab, void *object)
{
    memcpy(object, &slab->free_list, sizeof(slab->free_list));
    slab->free_list = object;
}

void slab_fini(struct slab *slab)
{
    for (struct slab_block *block = slab->blocks, *next; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    *slab = (struct slab){.object_size = slab->object_size};
}
