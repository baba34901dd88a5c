/*
 * The stored form of change records (see change.h). One encoding for every kind: fields that a kind
 * does not use are empty and cost a few bytes.
 */
#include "store/change.h"

enum { CHANGE_VERSION = 1 };

void change_encode(const struct change *change, struct writer *writer)
{
    bool has_key = change->kind == CHANGE_KEY_SET || change->kind == CHANGE_KEY_REMOVED;
    bool has_hash = change->kind == CHANGE_KEY_SET || change->kind == CHANGE_TOKEN_SET ||
                    change->kind == CHANGE_TOKEN_REMOVED;
    write_u8(writer, CHANGE_VERSION);
    write_u8(writer, (uint8_t)change->kind);
    write_u16(writer, change->zone);
    write_u64(writer, change->delegate);
    write_counted(writer, change->label);
    if (change->kind == CHANGE_DELEGATE_ADDED)
        write_u8(writer, change->used);
    if (has_key)
        write_bytes(writer, slice_of(change->key_id, sizeof(change->key_id)));
    if (has_hash)
        write_bytes(writer, slice_of(change->hash, sizeof(change->hash)));
    if (change->kind == CHANGE_KEY_SET)
        write_counted(writer, change->allowfrom);
    if (change->kind == CHANGE_ZONE_SERIAL)
        write_u32(writer, change->serial);
    if (change->kind != CHANGE_VALUES_SET)
        return;
    write_u32(writer, change->value_count);
    for (uint32_t i = 0; i < change->value_count; i++) {
        write_bytes(writer, slice_of(change->values[i].text, ACME_TXT_LENGTH));
        write_u64(writer, change->values[i].sequence);
        write_u64(writer, (uint64_t)change->values[i].added_ms);
    }
}

static void read_into(struct reader *reader, uint8_t *out, size_t length)
{
    struct slice bytes = read_bytes(reader, length);
    if (bytes.length == length)
        memcpy(out, bytes.data, length);
}

static void decode_values(struct reader *reader, struct change *change)
{
    change->value_count = read_u32(reader);
    if (change->value_count > VALUES_MAX) {
        reader->failed = true;
        return;
    }
    for (uint32_t i = 0; i < change->value_count; i++) {
        read_into(reader, change->values[i].text, ACME_TXT_LENGTH);
        change->values[i].sequence = read_u64(reader);
        change->values[i].added_ms = (int64_t)read_u64(reader);
    }
}

enum error change_decode(struct slice input, struct change *out)
{
    struct change change;
    memset(&change, 0, sizeof(change));
    struct reader reader = reader_of(input);
    if (read_u8(&reader) != CHANGE_VERSION)
        return ERR_MALFORMED;
    change.kind = read_u8(&reader);
    change.zone = read_u16(&reader);
    change.delegate = read_u64(&reader);
    change.label = read_counted(&reader);
    if (change.kind == CHANGE_DELEGATE_ADDED)
        change.used = read_u8(&reader) != 0;
    if (change.kind == CHANGE_KEY_SET || change.kind == CHANGE_KEY_REMOVED)
        read_into(&reader, change.key_id, sizeof(change.key_id));
    if (change.kind == CHANGE_KEY_SET || change.kind == CHANGE_TOKEN_SET ||
        change.kind == CHANGE_TOKEN_REMOVED)
        read_into(&reader, change.hash, sizeof(change.hash));
    if (change.kind == CHANGE_KEY_SET)
        change.allowfrom = read_counted(&reader);
    if (change.kind == CHANGE_ZONE_SERIAL)
        change.serial = read_u32(&reader);
    if (change.kind == CHANGE_VALUES_SET)
        decode_values(&reader, &change);
    if (reader.failed || reader_left(&reader) != 0 || change.kind < CHANGE_DELEGATE_ADDED ||
        change.kind > CHANGE_ZONE_SERIAL || change.label.length > DNS_LABEL_MAX)
        return ERR_MALFORMED;
    *out = change;
    return ERR_NONE;
}
