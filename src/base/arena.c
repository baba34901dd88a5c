/*
 * The arena (see arena.h): a list of single allocations.
 */
#include "base/arena.h"

#include <stdlib.h>

struct arena_block {
    struct arena_block *next;
    max_align_t data[];
};

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *block;
    size_t bytes;

    if (__builtin_add_overflow(size, sizeof(*block), &bytes))
        return NULL;
    block = calloc(1, bytes);
    if (block == NULL)
        return NULL;
    block->next = arena->blocks;
    arena->blocks = block;
    return block->data;
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(count, size, &bytes) ? NULL : arena_alloc(arena, bytes);
}

char *arena_text(struct arena *arena, struct slice text)
{
    char *copy = arena_alloc(arena, text.length + 1);

    if (copy != NULL && text.length > 0)
        memcpy(copy, text.data, text.length);
    return copy;
}

const uint8_t *arena_copy(struct arena *arena, struct slice bytes)
{
    uint8_t *copy = arena_alloc(arena, bytes.length);

    if (copy != NULL && bytes.length > 0)
        memcpy(copy, bytes.data, bytes.length);
    return copy;
}

void arena_fini(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *block = arena->blocks;

        arena->blocks = block->next;
        free(block);
    }
}
