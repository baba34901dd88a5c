/*
 * Applying change records to the index (see index.h). What a change replaces is published first,
 * then retired: a reader finds the old or the new, never neither.
 */
#include <stdlib.h>

#include "crypto/secret.h"
#include "dns/protocol.h"
#include "zone/index_private.h"

static void retire_delegate(struct index *index, struct delegate *delegate)
{
    bool packed = delegate->label_length <= LABEL_PACKED;
    index_retire(index, RETIRED_VALUES, delegate_values(delegate));
    index_retire(index, packed ? RETIRED_DELEGATE : RETIRED_MALLOC, delegate);
}

/* ---- growing ---- */

static uint64_t hash_of_delegate(const struct index *index, const void *object)
{
    const struct delegate *delegate = object;
    return index_hash(index, delegate->zone, delegate_label(delegate));
}

static uint64_t hash_of_key(const struct index *index, const void *object)
{
    return index_key_hash(index, ((const struct api_key *)object)->id);
}

/* Makes sure that the table at PLACE can take one more object: a fresh one of double size (or of
 * the same, rid of removed slots) takes its place if not. */
static enum error make_room(struct index *index, _Atomic(struct table *) *place,
                            uint64_t (*hash_of)(const struct index *index, const void *object))
{
    struct table *old = atomic_load_explicit(place, memory_order_relaxed), *fresh;
    if (table_has_room(old))
        return ERR_NONE;
    enum error error = table_new(2 * old->count, &fresh);
    if (error != ERR_NONE)
        return error;
    for (size_t i = 0; i <= old->mask; i++) {
        uint64_t slot = atomic_load_explicit(&old->slots[i], memory_order_relaxed);
        void *object = (void *)(uintptr_t)(slot & TABLE_POINTER_MASK);
        if (slot != TABLE_EMPTY && slot != TABLE_REMOVED)
            table_insert(fresh, hash_of(index, object), object);
    }
    atomic_store_explicit(place, fresh, memory_order_release);
    index_retire(index, RETIRED_MALLOC, old);
    return ERR_NONE;
}

/* ---- applying ---- */

static struct delegate *find_to_change(struct index *index, const struct change *change)
{
    uint64_t hash = index_hash(index, change->zone, change->label);
    return (struct delegate *)(uintptr_t)index_find(index, hash, change->zone, change->label);
}

static struct delegate *new_delegate(struct index *index, const struct change *change)
{
    struct delegate *delegate = change->label.length <= LABEL_PACKED
                                    ? slab_take(&index->delegate_slab)
                                    : malloc(sizeof(struct delegate) + change->label.length);
    if (delegate == NULL)
        return NULL;
    atomic_init(&delegate->values, NULL);
    delegate->id = change->delegate;
    delegate->zone = change->zone;
    delegate->label_length = (uint8_t)change->label.length;
    delegate->key_count = 0;
    atomic_init(&delegate->used, change->used);
    memcpy(delegate->label, change->label.data, change->label.length);
    return delegate;
}

static enum error apply_delegate_added(struct index *index, const struct change *change)
{
    struct delegate *delegate = find_to_change(index, change);
    if (delegate != NULL) {
        if (change->used)
            atomic_store_explicit(&delegate->used, true, memory_order_relaxed);
        return ERR_NONE;
    }
    if (change->label.length == 0 || change->label.length > DNS_LABEL_MAX)
        return ERR_MALFORMED;
    enum error error = make_room(index, &index->delegates, hash_of_delegate);
    if (error != ERR_NONE)
        return error;
    delegate = new_delegate(index, change);
    if (delegate == NULL)
        return ERR_MEMORY;
    table_insert(atomic_load_explicit(&index->delegates, memory_order_relaxed),
                 hash_of_delegate(index, delegate), delegate);
    return ERR_NONE;
}

static enum error apply_delegate_removed(struct index *index, const struct change *change)
{
    struct delegate *delegate = find_to_change(index, change);
    if (delegate == NULL)
        return ERR_NONE;
    if (delegate->key_count != 0)
        return ERR_MALFORMED; /* a key would be left pointing to nothing */
    table_remove(atomic_load_explicit(&index->delegates, memory_order_relaxed),
                 hash_of_delegate(index, delegate), delegate);
    retire_delegate(index, delegate);
    return ERR_NONE;
}

/* Parses the prefixes of an API key, one space between. */
static enum error parse_allowfrom(struct slice text, struct allowfrom **out)
{
    *out = NULL;
    if (text.length == 0)
        return ERR_NONE;
    struct allowfrom *list = malloc(sizeof(*list) + ALLOWFROM_MAX * sizeof(struct ip_prefix));
    if (list == NULL)
        return ERR_MEMORY;
    list->count = 0;
    while (text.length > 0) {
        size_t end = slice_find(text, ' ');
        if (list->count == ALLOWFROM_MAX ||
            ip_parse_prefix(slice_of(text.data, end), &list->prefixes[list->count++]) != ERR_NONE) {
            free(list);
            return ERR_MALFORMED;
        }
        text = slice_from(text, end + 1);
    }
    struct allowfrom *fitted =
        realloc(list, sizeof(*list) + list->count * sizeof(struct ip_prefix));
    *out = fitted == NULL ? list : fitted;
    return ERR_NONE;
}

static struct table *key_table(struct index *index)
{
    return atomic_load_explicit(&index->keys, memory_order_relaxed);
}

/* KEY is not in the table any more. */
static void retire_key(struct index *index, const struct api_key *key)
{
    key->delegate->key_count--;
    index_retire(index, RETIRED_MALLOC, key->allowfrom);
    index_retire(index, RETIRED_KEY, key);
}

static enum error apply_key_removed(struct index *index, const struct change *change)
{
    const struct api_key *key = index_find_key(index, change->key_id);
    if (key == NULL)
        return ERR_NONE;
    table_remove(key_table(index), hash_of_key(index, key), key);
    retire_key(index, key);
    return ERR_NONE;
}

static enum error apply_key_set(struct index *index, const struct change *change)
{
    struct delegate *delegate = find_to_change(index, change);
    struct allowfrom *allowfrom;
    if (delegate == NULL)
        return ERR_MALFORMED;
    enum error error = make_room(index, &index->keys, hash_of_key);
    if (error == ERR_NONE)
        error = parse_allowfrom(change->allowfrom, &allowfrom);
    if (error != ERR_NONE)
        return error;
    struct api_key *key = slab_take(&index->key_slab);
    if (key == NULL) {
        free(allowfrom);
        return ERR_MEMORY;
    }
    *key = (struct api_key){.delegate = delegate, .allowfrom = allowfrom};
    memcpy(key->id, change->key_id, sizeof(key->id));
    memcpy(key->secret_hash, change->hash, sizeof(key->secret_hash));
    const struct api_key *old = index_find_key(index, change->key_id);
    delegate->key_count++;
    if (old == NULL) {
        table_insert(key_table(index), hash_of_key(index, key), key);
        return ERR_NONE;
    }
    table_replace(key_table(index), hash_of_key(index, key), old, key);
    retire_key(index, old);
    return ERR_NONE;
}

static void write_record(struct writer *writer, const struct change_value *value)
{
    write_u16(writer, DNS_POINTER | DNS_HEADER_LENGTH); /* the owner: the question's name */
    write_u16(writer, DNS_TYPE_TXT);
    write_u16(writer, DNS_CLASS_IN);
    write_u32(writer, 0); /* TTL */
    write_u16(writer, 1 + ACME_TXT_LENGTH);
    write_u8(writer, ACME_TXT_LENGTH);
    write_bytes(writer, slice_of(value->text, ACME_TXT_LENGTH));
}

static struct value_set *new_value_set(struct index *index, const struct change *change)
{
    size_t count = change->value_count, wire = count * TXT_RR_LENGTH;
    size_t size = value_set_size(count);
    struct value_set *set = slab_take(&index->value_slabs[count]);
    if (set == NULL)
        return NULL;
    set->version = change->sequence;
    set->count = (uint32_t)count;
    set->wire_length = (uint32_t)wire;
    struct writer writer = writer_of(set->wire, size - sizeof(*set));
    for (size_t i = 0; i < count; i++)
        write_record(&writer, &change->values[i]);
    for (size_t i = 0; i < count; i++) {
        struct value_mark mark = {change->values[i].sequence, change->values[i].added_ms};
        write_bytes(&writer, slice_of(&mark, sizeof(mark)));
    }
    return set;
}

static enum error apply_values_set(struct index *index, const struct change *change)
{
    struct delegate *delegate = find_to_change(index, change);
    if (delegate == NULL)
        return ERR_NONE; /* its removal came first */
    struct value_set *set = NULL;
    if (change->value_count > VALUES_MAX)
        return ERR_MALFORMED;
    if (change->value_count > 0) {
        set = new_value_set(index, change);
        if (set == NULL)
            return ERR_MEMORY;
    }
    const struct value_set *old =
        atomic_exchange_explicit(&delegate->values, set, memory_order_acq_rel);
    atomic_store_explicit(&delegate->used, true, memory_order_relaxed);
    index_retire(index, RETIRED_VALUES, old);
    return ERR_NONE;
}

/* Publishes the list of tokens without HASH, and with it at the end if ADD. */
static enum error apply_token(struct index *index, const struct change *change, bool add)
{
    struct token_list *old = atomic_load_explicit(&index->tokens, memory_order_relaxed);
    size_t count = old == NULL ? 0 : old->count;
    struct token_list *list = malloc(sizeof(*list) + (count + 1) * SECRET_HASH_LENGTH);
    if (list == NULL)
        return ERR_MEMORY;
    list->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!secret_hash_equal(old->hashes[i], change->hash))
            memcpy(list->hashes[list->count++], old->hashes[i], SECRET_HASH_LENGTH);
    }
    if (add)
        memcpy(list->hashes[list->count++], change->hash, SECRET_HASH_LENGTH);
    atomic_store_explicit(&index->tokens, list, memory_order_release);
    index_retire(index, RETIRED_MALLOC, old);
    return ERR_NONE;
}

enum error index_apply(struct index *index, const struct change *change)
{
    switch (change->kind) {
    case CHANGE_DELEGATE_ADDED:
        return apply_delegate_added(index, change);
    case CHANGE_DELEGATE_REMOVED:
        return apply_delegate_removed(index, change);
    case CHANGE_KEY_SET:
        return apply_key_set(index, change);
    case CHANGE_KEY_REMOVED:
        return apply_key_removed(index, change);
    case CHANGE_VALUES_SET:
        return apply_values_set(index, change);
    case CHANGE_TOKEN_SET:
        return apply_token(index, change, true);
    case CHANGE_TOKEN_REMOVED:
        return apply_token(index, change, false);
    case CHANGE_ZONE_SERIAL:
        atomic_store_explicit(&index->serials[change->zone % ZONES_MAX], change->serial,
                              memory_order_relaxed);
        return ERR_NONE;
    }
    return ERR_MALFORMED;
}
