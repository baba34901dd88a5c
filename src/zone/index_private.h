/*
 * The inside of the index, shared by index.c and index_apply.c.
 */
#ifndef LOCUM_ZONE_INDEX_PRIVATE_H
#define LOCUM_ZONE_INDEX_PRIVATE_H

#include <sodium.h>

#include "store/store.h"
#include "zone/index.h"
#include "zone/slab.h"
#include "zone/table.h"

enum {
    RETIRED_MAX = 512,               /* then readers are waited for */
    LABEL_PACKED = UUID_TEXT_LENGTH, /* longer labels get an allocation of their own */
};

enum retired_kind { RETIRED_MALLOC, RETIRED_DELEGATE, RETIRED_KEY, RETIRED_VALUES };

struct retired {
    void *object;
    enum retired_kind kind;
};

struct token_list {
    size_t count;
    uint8_t hashes[][SECRET_HASH_LENGTH];
};

struct index {
    uint8_t hash_key[crypto_shorthash_KEYBYTES];
    _Atomic(struct table *) delegates;
    _Atomic(struct table *) keys;
    _Atomic(struct token_list *) tokens;
    _Atomic uint32_t serials[ZONES_MAX];
    /* the applying thread's */
    struct slab delegate_slab, key_slab;
    struct slab value_slabs[VALUES_MAX + 1]; /* by the number of values in a set */
    struct retired retired[RETIRED_MAX];
    size_t retired_count;
};

/* The keyed hash of an API key's id. */
uint64_t index_key_hash(const struct index *index, const uint8_t id[16]);
/* Frees OBJECT (may be NULL) once no reader can see it. */
void index_retire(struct index *index, enum retired_kind kind, const void *object);

#endif
