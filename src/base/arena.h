/*
 * Memory that is given back all at once: a configuration, a zone set. One allocation a piece, so
 * that memory checkers see where each one ends; what lives in arenas is small and built rarely.
 * One thread at a time.
 */
#ifndef LOCUM_BASE_ARENA_H
#define LOCUM_BASE_ARENA_H

#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* NULL: empty */
};

/* SIZE zeroed bytes, aligned for any type; NULL if there is no memory. */
void *arena_alloc(struct arena *arena, size_t size);
/* COUNT times SIZE zeroed bytes; NULL if there is no memory, or the product is too large. */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size);
/* The bytes of TEXT with a NUL after them; NULL if there is no memory. */
char *arena_text(struct arena *arena, struct slice text);
/* A copy of BYTES; NULL if there is no memory. */
const uint8_t *arena_copy(struct arena *arena, struct slice bytes);
/* Frees everything; the arena is empty again. */
void arena_fini(struct arena *arena);

#endif
