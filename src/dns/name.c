/*
 * Domain names (see name.h).
 */
#include "dns/name.h"

#include "base/ascii.h"
#include "dns/protocol.h"

/* Copies LENGTH bytes in lower case, eight at a time: a byte is an upper-case letter exactly if
 * adding 0x3F sets its top bit, adding 0x25 does not, and its top bit was not set before. */
static void copy_lower(uint8_t *to, const uint8_t *from, size_t length)
{
    const uint64_t low = 0x7F7F7F7F7F7F7F7F;
    const uint64_t ones = 0x0101010101010101;
    size_t i = 0;
    for (; i + 8 <= length; i += 8) {
        uint64_t word;
        memcpy(&word, from + i, sizeof(word));
        uint64_t from_a = (word & low) + ones * (0x80 - 'A');
        uint64_t past_z = (word & low) + ones * (0x80 - 'Z' - 1);
        uint64_t upper = (from_a & ~past_z & ~word) & ~low;
        word |= upper >> 2;
        memcpy(to + i, &word, sizeof(word));
    }
    for (; i < length; i++)
        to[i] = ascii_lower(from[i]);
}

bool dns_name_read(struct reader *reader, struct dns_name *name)
{
    const uint8_t *start = reader->at;
    size_t left = reader_left(reader);
    size_t limit = left < DNS_NAME_MAX ? left : DNS_NAME_MAX;
    size_t at = 0;
    unsigned labels = 0;
    for (;;) {
        if (at >= limit || start[at] > DNS_LABEL_MAX)
            return false;
        name->at[labels] = (uint8_t)at;
        if (start[at] == 0)
            break;
        at += (size_t)start[at] + 1;
        labels++;
    }
    at++;
    copy_lower(name->bytes, start, at);
    name->length = (uint8_t)at;
    name->labels = (uint8_t)labels;
    reader->at += at;
    return true;
}

bool dns_name_skip(struct reader *reader, const uint8_t *message)
{
    size_t start = (size_t)(reader->at - message);
    for (size_t length = 0; length < DNS_NAME_MAX;) {
        uint8_t first = read_u8(reader);
        if (reader->failed)
            return false;
        if (first == 0)
            return true;
        if (first >= DNS_POINTER >> 8) {
            size_t target = (size_t)(first & 0x3F) << 8 | read_u8(reader);
            return !reader->failed && target >= DNS_HEADER_LENGTH && target < start;
        }
        if (first > DNS_LABEL_MAX)
            return false;
        (void)read_bytes(reader, first);
        length += (size_t)first + 1;
    }
    return false;
}

bool dns_name_unpack(struct reader *reader, const uint8_t *message, struct dns_name *name)
{
    uint8_t plain[DNS_NAME_MAX];
    struct writer writer = writer_of(plain, sizeof(plain));
    struct reader walk = *reader;
    bool jumped = false;
    size_t bound = (size_t)(reader->at - message); /* each pointer goes below the one before */
    for (;;) {
        uint8_t first = read_u8(&walk);
        if (first >= DNS_POINTER >> 8) {
            size_t target = (size_t)(first & 0x3F) << 8 | read_u8(&walk);
            if (walk.failed || target < DNS_HEADER_LENGTH || target >= bound)
                return false;
            if (!jumped)
                reader->at = walk.at;
            jumped = true;
            bound = target;
            walk.at = message + target;
            continue;
        }
        write_u8(&writer, first);
        write_bytes(&writer, read_bytes(&walk, first));
        if (walk.failed || writer.failed || first > DNS_LABEL_MAX)
            return false;
        if (first == 0)
            break;
    }
    if (!jumped)
        reader->at = walk.at;
    struct reader whole = reader_of(writer_slice(&writer));
    return dns_name_read(&whole, name);
}

/* Takes one character of a name's text: *ESCAPED tells a dot that is data from one that ends a
 * label. ERR_MALFORMED if there is none, or none that may stand in a name. */
static enum error take_character(struct reader *text, uint8_t *out, bool *escaped)
{
    uint8_t c = read_u8(text);
    *escaped = c == '\\';
    if (text->failed || c <= ' ' || c > '~')
        return ERR_MALFORMED;
    if (c != '\\') {
        *out = c;
        return ERR_NONE;
    }
    c = read_u8(text);
    if (text->failed || c <= ' ' || c > '~')
        return ERR_MALFORMED;
    if (!ascii_is_digit(c)) {
        *out = c;
        return ERR_NONE;
    }
    struct slice rest = read_bytes(text, 2);
    if (text->failed || !ascii_is_digit(rest.data[0]) || !ascii_is_digit(rest.data[1]))
        return ERR_MALFORMED;
    int value = (c - '0') * 100 + (rest.data[0] - '0') * 10 + (rest.data[1] - '0');
    if (value > 255)
        return ERR_MALFORMED;
    *out = (uint8_t)value;
    return ERR_NONE;
}

/* Takes one label of a name's text and the dot behind it, if there is one. */
static enum error take_label(struct reader *text, struct writer *wire)
{
    uint8_t label[DNS_LABEL_MAX];
    uint8_t length = 0;
    while (reader_left(text) > 0) {
        uint8_t c;
        bool escaped;
        enum error error = take_character(text, &c, &escaped);
        if (error != ERR_NONE)
            return error;
        if (c == '.' && !escaped)
            break;
        if (length == DNS_LABEL_MAX)
            return ERR_MALFORMED;
        label[length++] = c;
    }
    if (length == 0)
        return ERR_MALFORMED;
    write_u8(wire, length);
    write_bytes(wire, slice_of(label, length));
    return wire->failed ? ERR_MALFORMED : ERR_NONE;
}

enum error dns_name_from_text(struct slice text, struct dns_name *name, uint8_t *case_kept)
{
    uint8_t bytes[DNS_NAME_MAX];
    struct writer wire = writer_of(bytes, sizeof(bytes));
    if (text.length == 0)
        return ERR_MALFORMED;
    struct reader reader = reader_of(text);
    if (slice_is(text, "."))
        reader.at = reader.end;
    while (reader_left(&reader) > 0) {
        enum error error = take_label(&reader, &wire);
        if (error != ERR_NONE)
            return error;
    }
    write_u8(&wire, 0);
    struct reader whole = reader_of(writer_slice(&wire));
    if (wire.failed || !dns_name_read(&whole, name))
        return ERR_MALFORMED;
    if (case_kept != NULL)
        memcpy(case_kept, bytes, name->length);
    return ERR_NONE;
}

bool dns_name_is_under(const struct dns_name *name, struct slice suffix)
{
    if (suffix.length > name->length)
        return false;
    size_t start = name->length - suffix.length;
    if (memcmp(name->bytes + start, suffix.data, suffix.length) != 0)
        return false;
    for (unsigned i = 0; i <= name->labels && name->at[i] <= start; i++) {
        if (name->at[i] == start)
            return true;
    }
    return false;
}

uint64_t dns_name_hash(struct slice name)
{
    uint64_t hash = name.length;
    for (size_t i = 0; i < name.length; i += 8) {
        uint64_t word = 0;
        size_t left = name.length - i;
        if (left >= 8)
            memcpy(&word, name.data + i, 8);
        else
            memcpy(&word, name.data + i, left);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15;
        hash ^= hash >> 32;
    }
    return hash;
}
