/*
 * Text encodings (see encoding.h).
 */
#include "base/encoding.h"

#include <stdio.h>
#include <time.h>

#include "base/ascii.h"

bool is_base64url(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.data[i];
        if (!ascii_is_alphanumeric(c) && c != '-' && c != '_')
            return false;
    }
    return true;
}

/* The six bits of a base64 digit of either alphabet, or -1. */
static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (ascii_is_digit(c))
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return -1;
}

enum error base64_decode(struct slice text, uint8_t *out, size_t size, size_t *length)
{
    for (int i = 0; i < 2 && text.length > 0 && text.data[text.length - 1] == '='; i++)
        text.length--;
    if (text.length % 4 == 1)
        return ERR_MALFORMED;
    if (text.length / 4 * 3 + text.length % 4 * 3 / 4 > size)
        return ERR_NO_SPACE;
    for (size_t i = 0; i < text.length; i++) {
        if (base64_digit(text.data[i]) < 0)
            return ERR_MALFORMED;
    }
    uint32_t bits = 0;
    size_t count = 0, written = 0;
    for (size_t i = 0; i < text.length; i++) {
        bits = bits << 6 | (uint32_t)base64_digit(text.data[i]);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[written++] = (uint8_t)(bits >> count);
        }
    }
    *length = written;
    return ERR_NONE;
}

void hex_encode(struct slice bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.length; i++) {
        out[2 * i] = digits[bytes.data[i] >> 4];
        out[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    out[2 * bytes.length] = '\0';
}

/* The value of a hexadecimal digit, or -1. */
static int hex_digit(uint8_t c)
{
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum error hex_decode(struct slice text, uint8_t *out, size_t length)
{
    if (text.length != 2 * length)
        return ERR_MALFORMED;
    for (size_t i = 0; i < text.length; i++) {
        if (hex_digit(text.data[i]) < 0)
            return ERR_MALFORMED;
    }
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)(hex_digit(text.data[2 * i]) << 4 | hex_digit(text.data[2 * i + 1]));
    return ERR_NONE;
}

/* Reads the canonical form with its four hyphens. */
static enum error uuid_parse_hyphens(struct slice text, uint8_t out[16])
{
    static const uint8_t hyphens[] = {8, 13, 18, 23};
    uint8_t digits[32];
    size_t count = 0;
    for (size_t i = 0; i < UUID_TEXT_LENGTH; i++) {
        if (memchr(hyphens, (int)i, sizeof(hyphens)) != NULL) {
            if (text.data[i] != '-')
                return ERR_MALFORMED;
        } else {
            digits[count++] = text.data[i];
        }
    }
    return hex_decode(slice_of(digits, count), out, 16);
}

enum error uuid_parse(struct slice text, uint8_t out[16])
{
    static const char urn[] = "urn:uuid:";
    size_t urn_length = sizeof(urn) - 1;
    switch (text.length) {
    case 32:
        return hex_decode(text, out, 16);
    case UUID_TEXT_LENGTH:
        return uuid_parse_hyphens(text, out);
    case UUID_TEXT_LENGTH + 2:
        if (text.data[0] != '{' || text.data[UUID_TEXT_LENGTH + 1] != '}')
            return ERR_MALFORMED;
        return uuid_parse_hyphens(slice_of(text.data + 1, UUID_TEXT_LENGTH), out);
    case UUID_TEXT_LENGTH + 9:
        if (!slice_equal_nocase(slice_of(text.data, urn_length), slice_text(urn)))
            return ERR_MALFORMED;
        return uuid_parse_hyphens(slice_from(text, urn_length), out);
    default:
        return ERR_MALFORMED;
    }
}

void uuid_to_text(const uint8_t uuid[16], char out[UUID_TEXT_LENGTH + 1])
{
    char digits[33];
    hex_encode(slice_of(uuid, 16), digits);
    static const uint8_t groups[] = {8, 4, 4, 4, 12};
    const char *from = digits;
    for (size_t i = 0; i < sizeof(groups); i++) {
        if (i > 0)
            *out++ = '-';
        memcpy(out, from, groups[i]);
        out += groups[i];
        from += groups[i];
    }
    *out = '\0';
}

void time_to_text(int64_t wall_ms, char out[TIME_TEXT_MAX])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    int rest_ms = (int)(wall_ms % 1000);
    if (rest_ms < 0) {
        rest_ms += 1000;
        seconds--;
    }
    struct tm utc = {0};
    char text[24]; /* of no use if the year does not fit */
    bool written = gmtime_r(&seconds, &utc) != NULL &&
                   strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc) > 0;
    (void)snprintf(out, TIME_TEXT_MAX, "%s.%03dZ", written ? text : "?", rest_ms);
}
