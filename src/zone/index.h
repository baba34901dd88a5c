/*
 * The index: every delegate and API key in memory, fed by committed change records alone.
 *
 * Words: a *slot* is 64 bits of an open-addressing table, a power of two in size: 16 bits of the
 * hash (the tag) over a 48-bit pointer. A *value set* is the immutable list of a delegate's TXT
 * values with the answer records pre-built; it is replaced whole.
 *
 * Threads: one thread applies changes (the writer's). Any number of threads read, registered with
 * urcu-qsbr and online; what they find stays valid until their next quiescent state. Readers never
 * wait, lock or allocate.
 */
#ifndef LOCUM_ZONE_INDEX_H
#define LOCUM_ZONE_INDEX_H

#include <stdatomic.h>

#include "base/ip.h"
#include "base/limits.h"
#include "base/slice.h"
#include "store/change.h"

struct index;

/* One TXT record as it stands in an answer: owner pointer to the question, type, class, TTL,
 * RDLENGTH, one character-string. */
enum {
    TXT_RR_LENGTH = 2 + 2 + 2 + 4 + 2 + 1 + ACME_TXT_LENGTH, /* 56 */
    TXT_RR_TTL_OFFSET = 6, /* the TTL is 0 in the pre-built record; the answer patches it */
    TXT_RR_TEXT_OFFSET = 13,
};

struct value_set {
    uint64_t version;     /* sequence of the change that made this set */
    uint32_t count;       /* 1 to VALUES_MAX */
    uint32_t wire_length; /* count * TXT_RR_LENGTH */
    uint8_t
        wire[]; /* the records, oldest value first; then count `struct value_mark`s, unaligned */
};

struct value_mark {
    uint64_t sequence; /* of the change that brought the value: names it in the ledger */
    int64_t added_ms;  /* wall clock */
};

/* Bytes of a set of COUNT values. */
static inline size_t value_set_size(size_t count)
{
    return sizeof(struct value_set) + count * (TXT_RR_LENGTH + sizeof(struct value_mark));
}

struct delegate {
    _Atomic(const struct value_set *) values; /* NULL: none */
    uint64_t id;
    uint16_t zone; /* the store's zone id */
    uint8_t label_length;
    uint8_t key_count;  /* API keys that point here; the applying thread's */
    _Atomic(bool) used; /* has held a value or was asked for: it does not expire */
    uint8_t label[];    /* lower case, label_length bytes, at most DNS_LABEL_MAX */
};

struct api_key {
    uint8_t id[16];
    uint8_t secret_hash[SECRET_HASH_LENGTH]; /* SHA-256 of the secret's characters */
    struct delegate *delegate;
    const struct allowfrom *allowfrom; /* NULL: from everywhere */
};

struct allowfrom {
    uint32_t count;
    struct ip_prefix prefixes[];
};

/* ---- readers ---- */

static inline struct slice delegate_label(const struct delegate *delegate)
{
    return slice_of(delegate->label, delegate->label_length);
}

static inline const struct value_set *delegate_values(const struct delegate *delegate)
{
    return atomic_load_explicit(&((struct delegate *)(uintptr_t)delegate)->values,
                                memory_order_acquire);
}

static inline bool delegate_is_used(const struct delegate *delegate)
{
    return atomic_load_explicit(&((struct delegate *)(uintptr_t)delegate)->used,
                                memory_order_relaxed);
}

/* The I-th value (0 is the oldest) of SET: ACME_TXT_LENGTH characters. */
static inline struct slice value_text(const struct value_set *set, uint32_t i)
{
    return slice_of(set->wire + (size_t)i * TXT_RR_LENGTH + TXT_RR_TEXT_OFFSET, ACME_TXT_LENGTH);
}

static inline struct value_mark value_mark(const struct value_set *set, uint32_t i)
{
    struct value_mark mark;
    memcpy(&mark, set->wire + set->wire_length + (size_t)i * sizeof(mark), sizeof(mark));
    return mark;
}

/* The keyed hash (SipHash-2-4) of a delegate's name. LABEL must be in lower case. */
uint64_t index_hash(const struct index *index, uint16_t zone, struct slice label);
/* First pass over a batch: asks for the slot's cache line. */
void index_prefetch_slot(const struct index *index, uint64_t hash);
/* Second pass: reads the slot and asks for the delegate's line. */
void index_prefetch_delegate(const struct index *index, uint64_t hash);
/* The delegate, or NULL. Third pass: the caller prefetches delegate_values(). */
const struct delegate *index_find(const struct index *index, uint64_t hash, uint16_t zone,
                                  struct slice label);
/* The API key with this id, or NULL. */
const struct api_key *index_find_key(const struct index *index, const uint8_t id[16]);
/* Whether a registration token with this SHA-256 is valid now. */
bool index_has_token(const struct index *index, const uint8_t hash[SECRET_HASH_LENGTH]);
/* The zone's SOA serial. */
uint32_t index_serial(const struct index *index, uint16_t zone);
/* Delegates and keys held. */
size_t index_delegates(const struct index *index);
size_t index_keys(const struct index *index);

/* ---- the one thread that applies ---- */

/* A table with room for DELEGATES without growing. ERR_MEMORY. */
MUST_CHECK enum error index_new(size_t delegates, struct index **out);
/* Only when no reader is left. */
void index_free(struct index *index);
/* Applies a change that is committed. Applying one twice does no harm. ERR_MEMORY leaves the index
 * as it was; ERR_MALFORMED means the record can't be understood. */
MUST_CHECK enum error index_apply(struct index *index, const struct change *change);
/* Frees what earlier changes replaced, once no reader can see it. May wait for readers. */
void index_reclaim(struct index *index);

#endif
