/*
 * Borrowed bytes with their length, and the only two things that walk over bytes: a reader, which
 * never goes past the end of its input, and a writer, which never goes past the end of its buffer.
 * None of them owns memory. All integers are big-endian (network order).
 *
 * Both fail sticky: after the first failure every later call fails too and changes nothing, so a
 * caller may read or write a whole structure and look at `failed` once.
 */
#ifndef LOCUM_BASE_SLICE_H
#define LOCUM_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attributes.h"
#include "base/error.h"

struct slice {
    const uint8_t *data; /* may be NULL if length is 0 */
    size_t length;       /* bytes */
};

/* A slice of a string literal or of a NUL-terminated string; the NUL is not part of it. */
static inline struct slice slice_text(const char *text)
{
    return (struct slice){(const uint8_t *)text, strlen(text)};
}

static inline struct slice slice_of(const void *data, size_t length)
{
    return (struct slice){data, length};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* Whether both are the same but for the case of ASCII letters. */
bool slice_equal_nocase(struct slice a, struct slice b);
/* Whether A is exactly the text TEXT. */
bool slice_is(struct slice a, const char *text);
/* Whether A begins with the text PREFIX. */
bool slice_starts(struct slice a, const char *prefix);
/* A without leading and trailing spaces and horizontal tabs. */
struct slice slice_trim(struct slice a);
/* The part of A from byte FROM on; empty if FROM is past the end. */
struct slice slice_from(struct slice a, size_t from);
/* Position of BYTE in A, or A.length if it is not there. */
size_t slice_find(struct slice a, uint8_t byte);
/* Copies A and a terminating NUL to OUT of SIZE bytes. ERR_NO_SPACE if it does not fit, and
 * ERR_MALFORMED if A holds a NUL. */
MUST_CHECK enum error slice_to_text(struct slice a, char *out, size_t size);

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline struct reader reader_of(struct slice input)
{
    return (struct reader){input.data, input.data + input.length, false};
}

static inline size_t reader_left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* Each returns the value read, or 0 (an empty slice) and sets `failed` if too few bytes are left.
 */
uint8_t read_u8(struct reader *reader);
uint16_t read_u16(struct reader *reader);
uint32_t read_u32(struct reader *reader);
uint64_t read_u64(struct reader *reader);
struct slice read_bytes(struct reader *reader, size_t length);
/* Reads what write_counted() wrote: a 32-bit length and that many bytes. */
struct slice read_counted(struct reader *reader);

struct writer {
    uint8_t *start;
    uint8_t *at;
    uint8_t *end;
    bool failed;
};

static inline struct writer writer_of(void *buffer, size_t size)
{
    return (struct writer){buffer, buffer, (uint8_t *)buffer + size, false};
}

static inline size_t writer_length(const struct writer *writer)
{
    return (size_t)(writer->at - writer->start);
}

static inline struct slice writer_slice(const struct writer *writer)
{
    return slice_of(writer->start, writer_length(writer));
}

void write_u8(struct writer *writer, uint8_t value);
void write_u16(struct writer *writer, uint16_t value);
void write_u32(struct writer *writer, uint32_t value);
void write_u64(struct writer *writer, uint64_t value);
void write_bytes(struct writer *writer, struct slice bytes);
void write_text(struct writer *writer, const char *text);
/* A 32-bit length, then the bytes: the encoding of variable fields that are hashed or stored. */
void write_counted(struct writer *writer, struct slice bytes);

#endif
