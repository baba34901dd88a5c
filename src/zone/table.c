/*
 * The table's writer side (see table.h).
 */
#include "zone/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 * 1024 * 1024 };

enum error table_new(size_t objects, struct table **out)
{
    size_t slots = 64;
    while (slots < 2 * (objects + 1))
        slots *= 2;
    size_t bytes = sizeof(struct table) + slots * sizeof(uint64_t);
    size_t align = bytes >= HUGE_PAGE ? HUGE_PAGE : 64;
    struct table *table = aligned_alloc(align, (bytes + 63) / 64 * 64);
    if (table == NULL)
        return ERR_MEMORY;
    if (align == HUGE_PAGE)
        madvise(table, bytes, MADV_HUGEPAGE); /* a wish, no more */
    memset(table, 0, bytes);
    table->mask = slots - 1;
    *out = table;
    return ERR_NONE;
}

void table_free(struct table *table)
{
    free(table);
}

void table_insert(struct table *table, uint64_t hash, void *object)
{
    size_t at = hash & table->mask;
    for (;; at = (at + 1) & table->mask) {
        uint64_t slot = atomic_load_explicit(&table->slots[at], memory_order_relaxed);
        if (slot == TABLE_EMPTY || slot == TABLE_REMOVED) {
            table->used += slot == TABLE_EMPTY;
            break;
        }
    }
    uint64_t slot = table_tag(hash) | (uint64_t)(uintptr_t)object;
    atomic_store_explicit(&table->slots[at], slot, memory_order_release);
    atomic_fetch_add_explicit(&table->count, 1, memory_order_relaxed);
}

void table_replace(struct table *table, uint64_t hash, const void *old, void *fresh)
{
    uint64_t wanted = table_tag(hash) | (uint64_t)(uintptr_t)old;
    uint64_t slot = table_tag(hash) | (uint64_t)(uintptr_t)fresh;
    size_t at = hash & table->mask;
    while (atomic_load_explicit(&table->slots[at], memory_order_relaxed) != wanted)
        at = (at + 1) & table->mask;
    atomic_store_explicit(&table->slots[at], slot, memory_order_release);
}

void table_remove(struct table *table, uint64_t hash, const void *object)
{
    uint64_t wanted = table_tag(hash) | (uint64_t)(uintptr_t)object;
    for (size_t at = hash & table->mask;; at = (at + 1) & table->mask) {
        uint64_t slot = atomic_load_explicit(&table->slots[at], memory_order_relaxed);
        if (slot == TABLE_EMPTY)
            return;
        if (slot == wanted) {
            /* Not emptied: a chain that runs over this slot must stay whole. */
            atomic_store_explicit(&table->slots[at], TABLE_REMOVED, memory_order_release);
            atomic_fetch_sub_explicit(&table->count, 1, memory_order_relaxed);
            return;
        }
    }
}
