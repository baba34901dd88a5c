/*
 * Slices, the reader and the writer (see slice.h).
 */
#include "base/slice.h"

#include "base/ascii.h"

bool slice_equal_nocase(struct slice a, struct slice b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
            return false;
    }
    return true;
}

bool slice_is(struct slice a, const char *text)
{
    return slice_equal(a, slice_text(text));
}

bool slice_starts(struct slice a, const char *prefix)
{
    size_t length = strlen(prefix);
    return a.length >= length && (length == 0 || memcmp(a.data, prefix, length) == 0);
}

struct slice slice_trim(struct slice a)
{
    while (a.length > 0 && (a.data[0] == ' ' || a.data[0] == '\t'))
        a = slice_from(a, 1);
    while (a.length > 0 && (a.data[a.length - 1] == ' ' || a.data[a.length - 1] == '\t'))
        a.length--;
    return a;
}

struct slice slice_from(struct slice a, size_t from)
{
    if (from >= a.length)
        return (struct slice){NULL, 0};
    return slice_of(a.data + from, a.length - from);
}

size_t slice_find(struct slice a, uint8_t byte)
{
    const uint8_t *found = a.length == 0 ? NULL : memchr(a.data, byte, a.length);
    return found == NULL ? a.length : (size_t)(found - a.data);
}

enum error slice_to_text(struct slice a, char *out, size_t size)
{
    if (a.length >= size)
        return ERR_NO_SPACE;
    if (slice_find(a, 0) != a.length)
        return ERR_MALFORMED;
    if (a.length > 0)
        memcpy(out, a.data, a.length);
    out[a.length] = '\0';
    return ERR_NONE;
}

/* Takes LENGTH bytes off the reader, or NULL and the reader has failed. */
static const uint8_t *take(struct reader *reader, size_t length)
{
    if (reader->failed || reader_left(reader) < length) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *bytes = reader->at;
    reader->at += length;
    return bytes;
}

static uint64_t read_integer(struct reader *reader, size_t length)
{
    const uint8_t *bytes = take(reader, length);
    uint64_t value = 0;
    for (size_t i = 0; bytes != NULL && i < length; i++)
        value = value << 8 | bytes[i];
    return value;
}

uint8_t read_u8(struct reader *reader)
{
    return (uint8_t)read_integer(reader, 1);
}

uint16_t read_u16(struct reader *reader)
{
    return (uint16_t)read_integer(reader, 2);
}

uint32_t read_u32(struct reader *reader)
{
    return (uint32_t)read_integer(reader, 4);
}

uint64_t read_u64(struct reader *reader)
{
    return read_integer(reader, 8);
}

struct slice read_bytes(struct reader *reader, size_t length)
{
    const uint8_t *bytes = take(reader, length);
    return bytes == NULL ? (struct slice){NULL, 0} : slice_of(bytes, length);
}

struct slice read_counted(struct reader *reader)
{
    uint32_t length = read_u32(reader);
    return read_bytes(reader, length);
}

/* Room for LENGTH bytes in the writer, or NULL and the writer has failed. */
static uint8_t *room(struct writer *writer, size_t length)
{
    if (writer->failed || (size_t)(writer->end - writer->at) < length) {
        writer->failed = true;
        return NULL;
    }
    uint8_t *bytes = writer->at;
    writer->at += length;
    return bytes;
}

static void write_integer(struct writer *writer, uint64_t value, size_t length)
{
    uint8_t *bytes = room(writer, length);
    if (bytes == NULL)
        return;
    for (size_t i = length; i > 0; i--) {
        bytes[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

void write_u8(struct writer *writer, uint8_t value)
{
    write_integer(writer, value, 1);
}

void write_u16(struct writer *writer, uint16_t value)
{
    write_integer(writer, value, 2);
}

void write_u32(struct writer *writer, uint32_t value)
{
    write_integer(writer, value, 4);
}

void write_u64(struct writer *writer, uint64_t value)
{
    write_integer(writer, value, 8);
}

void write_bytes(struct writer *writer, struct slice bytes)
{
    uint8_t *to = room(writer, bytes.length);
    if (to != NULL && bytes.length > 0)
        memcpy(to, bytes.data, bytes.length);
}

void write_text(struct writer *writer, const char *text)
{
    write_bytes(writer, slice_text(text));
}

void write_counted(struct writer *writer, struct slice bytes)
{
    if (bytes.length > UINT32_MAX) {
        writer->failed = true;
        return;
    }
    write_u32(writer, (uint32_t)bytes.length);
    write_bytes(writer, bytes);
}
