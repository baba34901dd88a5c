/*
 * Packed objects of one size (see slab.h).
 */
#include "zone/slab.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The first block is small, for small servers. Later ones are a huge page, where the kernel gives
 * them: that spares most misses of the address cache. */
enum { FIRST_BLOCK_BYTES = 64 * 1024, BLOCK_BYTES = 2 * 1024 * 1024 };

/* ThreadSanitizer does not see that liburcu has waited for every reader, and would take the use of
 * an object by its next owner for a race with them: in its builds none is used twice. */
#if defined(__SANITIZE_THREAD__)
#define REUSES_OBJECTS false
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define REUSES_OBJECTS false
#endif
#endif
#ifndef REUSES_OBJECTS
#define REUSES_OBJECTS true
#endif

struct slab_block {
    struct slab_block *next;
    size_t objects_in_it;
    uint8_t pad[48];
    uint8_t objects[];
};

void slab_init(struct slab *slab, size_t object_size)
{
    *slab = (struct slab){.object_size = object_size};
}

static bool grow(struct slab *slab)
{
    size_t bytes = slab->blocks == NULL ? FIRST_BLOCK_BYTES : BLOCK_BYTES;
    struct slab_block *block = aligned_alloc(bytes, bytes);
    if (block == NULL)
        return false;
    if (bytes == BLOCK_BYTES)
        madvise(block, bytes, MADV_HUGEPAGE); /* a wish, no more */
    block->next = slab->blocks;
    block->objects_in_it = (bytes - sizeof(*block)) / slab->object_size;
    slab->blocks = block;
    slab->fresh = block->objects_in_it;
    return true;
}

void *slab_take(struct slab *slab)
{
    void *object = slab->free_list;
    if (REUSES_OBJECTS && object != NULL) {
        memcpy(&slab->free_list, object, sizeof(slab->free_list));
        return object;
    }
    if (slab->fresh == 0 && !grow(slab))
        return NULL;
    size_t at = slab->blocks->objects_in_it - slab->fresh--;
    return slab->blocks->objects + at * slab->object_size;
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
