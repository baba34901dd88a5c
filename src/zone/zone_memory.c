/*
 * Memory of a zone set (see zone_memory.h): one allocation a piece, so that the sanitizers see
 * where each one ends. Sets are small and built rarely.
 */
#include "zone/zone_memory.h"

#include <stdlib.h>

struct zone_memory_block {
    struct zone_memory_block *previous;
    max_align_t bytes[];
};

void *zone_memory_alloc(struct zone_memory *memory, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) ||
        __builtin_add_overflow(bytes, sizeof(struct zone_memory_block), &bytes))
        return NULL;
    struct zone_memory_block *block = calloc(1, bytes);
    if (block == NULL)
        return NULL;
    block->previous = memory->last;
    memory->last = block;
    return block->bytes;
}

const uint8_t *zone_memory_copy(struct zone_memory *memory, struct slice bytes)
{
    uint8_t *copy = zone_memory_alloc(memory, 1, bytes.length);
    if (copy != NULL && bytes.length > 0)
        memcpy(copy, bytes.data, bytes.length);
    return copy;
}

void zone_memory_fini(struct zone_memory *memory)
{
    while (memory->last != NULL) {
        struct zone_memory_block *block = memory->last;
        memory->last = block->previous;
        free(block);
    }
}
