/*
 * The index (see index.h): reading, memory, life. Applying stands in index_apply.c.
 *
 * What a change replaces is retired: freed once a grace period has passed, a few hundred at a time,
 * since waiting for readers costs more than the memory.
 */
#include "zone/index.h"

#include <sodium.h>
#include <stdlib.h>
#include <urcu/urcu-qsbr.h>

#include "crypto/secret.h"
#include "zone/index_private.h"

/* ---- readers ---- */

uint64_t index_hash(const struct index *index, uint16_t zone, struct slice label)
{
    uint8_t input[2 + DNS_LABEL_MAX], output[crypto_shorthash_BYTES];
    size_t length = label.length <= DNS_LABEL_MAX ? label.length : DNS_LABEL_MAX;
    uint64_t hash;
    memcpy(input, &zone, sizeof(zone));
    memcpy(input + 2, label.data, length);
    crypto_shorthash(output, input, 2 + length, index->hash_key);
    memcpy(&hash, output, sizeof(hash));
    return hash;
}

uint64_t index_key_hash(const struct index *index, const uint8_t id[16])
{
    uint8_t output[crypto_shorthash_BYTES];
    uint64_t hash;
    crypto_shorthash(output, id, 16, index->hash_key);
    memcpy(&hash, output, sizeof(hash));
    return hash;
}

static const struct table *delegate_table(const struct index *index)
{
    return atomic_load_explicit(&((struct index *)(uintptr_t)index)->delegates,
                                memory_order_acquire);
}

static const struct table *key_table(const struct index *index)
{
    return atomic_load_explicit(&((struct index *)(uintptr_t)index)->keys, memory_order_acquire);
}

void index_prefetch_slot(const struct index *index, uint64_t hash)
{
    const struct table *table = delegate_table(index);
    __builtin_prefetch((const void *)&table->slots[hash & table->mask]);
}

void index_prefetch_delegate(const struct index *index, uint64_t hash)
{
    size_t at = hash;
    const void *object = table_next(delegate_table(index), hash, &at);
    if (object != NULL)
        __builtin_prefetch(object);
}

static bool is_named(const struct delegate *delegate, uint16_t zone, struct slice label)
{
    return delegate->zone == zone && slice_equal(delegate_label(delegate), label);
}

const struct delegate *index_find(const struct index *index, uint64_t hash, uint16_t zone,
                                  struct slice label)
{
    const struct table *table = delegate_table(index);
    const struct delegate *delegate;
    size_t at = hash;
    while ((delegate = table_next(table, hash, &at)) != NULL) {
        if (is_named(delegate, zone, label))
            return delegate;
    }
    return NULL;
}

const struct api_key *index_find_key(const struct index *index, const uint8_t id[16])
{
    const struct table *table = key_table(index);
    const struct api_key *key;
    uint64_t hash = index_key_hash(index, id);
    size_t at = hash;
    while ((key = table_next(table, hash, &at)) != NULL) {
        if (memcmp(key->id, id, sizeof(key->id)) == 0)
            return key;
    }
    return NULL;
}

bool index_has_token(const struct index *index, const uint8_t hash[SECRET_HASH_LENGTH])
{
    const struct token_list *tokens =
        atomic_load_explicit(&((struct index *)(uintptr_t)index)->tokens, memory_order_acquire);
    bool found = false;
    for (size_t i = 0; tokens != NULL && i < tokens->count; i++)
        found |= secret_hash_equal(tokens->hashes[i], hash);
    return found;
}

uint32_t index_serial(const struct index *index, uint16_t zone)
{
    return atomic_load_explicit(&((struct index *)(uintptr_t)index)->serials[zone % ZONES_MAX],
                                memory_order_relaxed);
}

size_t index_delegates(const struct index *index)
{
    return atomic_load_explicit(&((struct table *)(uintptr_t)delegate_table(index))->count,
                                memory_order_relaxed);
}

size_t index_keys(const struct index *index)
{
    return atomic_load_explicit(&((struct table *)(uintptr_t)key_table(index))->count,
                                memory_order_relaxed);
}

/* ---- memory ---- */

static void release(struct index *index, const struct retired *retired)
{
    switch (retired->kind) {
    case RETIRED_DELEGATE:
        slab_give(&index->delegate_slab, retired->object);
        break;
    case RETIRED_KEY:
        slab_give(&index->key_slab, retired->object);
        break;
    case RETIRED_VALUES:
        slab_give(&index->value_slabs[((const struct value_set *)retired->object)->count],
                  retired->object);
        break;
    case RETIRED_MALLOC:
        free(retired->object);
        break;
    }
}

static void wait_and_release(struct index *index)
{
    if (index->retired_count == 0)
        return;
    urcu_qsbr_synchronize_rcu();
    for (size_t i = 0; i < index->retired_count; i++)
        release(index, &index->retired[i]);
    index->retired_count = 0;
}

void index_retire(struct index *index, enum retired_kind kind, const void *object)
{
    if (object == NULL)
        return;
    if (index->retired_count == RETIRED_MAX)
        wait_and_release(index);
    index->retired[index->retired_count++] = (struct retired){(void *)(uintptr_t)object, kind};
}

void index_reclaim(struct index *index)
{
    if (index->retired_count > RETIRED_MAX / 2)
        wait_and_release(index);
}

/* ---- life ---- */

enum error index_new(size_t delegates, struct index **out)
{
    struct table *delegate_slots = NULL, *key_slots = NULL;
    struct index *index = calloc(1, sizeof(*index));
    enum error error = index == NULL ? ERR_MEMORY : ERR_NONE;
    if (error == ERR_NONE)
        error = table_new(delegates, &delegate_slots);
    if (error == ERR_NONE)
        error = table_new(delegates, &key_slots);
    if (error != ERR_NONE) {
        table_free(delegate_slots);
        free(index);
        return error;
    }
    random_bytes(index->hash_key, sizeof(index->hash_key));
    atomic_init(&index->delegates, delegate_slots);
    atomic_init(&index->keys, key_slots);
    slab_init(&index->delegate_slab, (sizeof(struct delegate) + LABEL_PACKED + 7) / 8 * 8);
    slab_init(&index->key_slab, sizeof(struct api_key));
    for (size_t i = 1; i <= VALUES_MAX; i++)
        slab_init(&index->value_slabs[i], value_set_size(i));
    *out = index;
    return ERR_NONE;
}

/* Frees what the objects of a table hold outside of their slab. */
static void free_objects(struct table *table, void (*free_parts)(void *object))
{
    for (size_t i = 0; i <= table->mask; i++) {
        uint64_t slot = atomic_load_explicit(&table->slots[i], memory_order_relaxed);
        if (slot != TABLE_EMPTY && slot != TABLE_REMOVED)
            free_parts((void *)(uintptr_t)(slot & TABLE_POINTER_MASK));
    }
    table_free(table);
}

static void free_delegate_parts(void *object)
{
    struct delegate *delegate = object;
    if (delegate->label_length > LABEL_PACKED)
        free(delegate);
}

static void free_key_parts(void *object)
{
    free((void *)(uintptr_t)((struct api_key *)object)->allowfrom);
}

void index_free(struct index *index)
{
    if (index == NULL)
        return;
    for (size_t i = 0; i < index->retired_count; i++)
        release(index, &index->retired[i]);
    free_objects(atomic_load(&index->keys), free_key_parts);
    free_objects(atomic_load(&index->delegates), free_delegate_parts);
    free(atomic_load(&index->tokens));
    slab_fini(&index->delegate_slab);
    slab_fini(&index->key_slab);
    for (size_t i = 1; i <= VALUES_MAX; i++)
        slab_fini(&index->value_slabs[i]);
    free(index);
}
