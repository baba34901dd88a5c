/*
 * Memory that is given back all at once: a configuration's strings and tables live in one arena.
 * One thread at a time.
 */
#ifndef LOCUM_DAEMON_ARENA_H
#define LOCUM_DAEMON_ARENA_H

#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* NULL: empty */
};

/* SIZE zeroed bytes, aligned for any type; NULL if there is no memory. */
void *arena_alloc(struct arena *arena, size_t size);
/* The bytes of TEXT with a NUL after them; NULL if there is no memory. */
char *arena_text(struct arena *arena, struct slice text);
/* Frees everything; the arena is empty again. */
void arena_fini(struct arena *arena);

#endif
