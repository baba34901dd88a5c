/*
 * Character classes of ASCII, whatever the locale (RFC 4343: names compare without the case of
 * ASCII letters, and of nothing else).
 */
#ifndef LOCUM_BASE_ASCII_H
#define LOCUM_BASE_ASCII_H

#include <stdbool.h>
#include <stdint.h>

static inline uint8_t ascii_lower(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') ? (uint8_t)(c | 0x20) : c;
}

static inline bool ascii_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static inline bool ascii_is_letter(uint8_t c)
{
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static inline bool ascii_is_alphanumeric(uint8_t c)
{
    return ascii_is_digit(c) || ascii_is_letter(c);
}

#endif
