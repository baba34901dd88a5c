/*
 * Text encodings: hexadecimal, base64 (RFC 4648), UUIDs (RFC 9562), times (RFC 3339). Pure; any
 * thread.
 */
#ifndef LOCUM_BASE_ENCODING_H
#define LOCUM_BASE_ENCODING_H

#include "base/limits.h"
#include "base/slice.h"

/* Whether every byte is of A-Z a-z 0-9 - _ (RFC 4648, section 5, without padding). */
bool is_base64url(struct slice text);
/* Decodes standard or URL-safe base64, padded or not (clients send all four in HTTP Basic).
 * ERR_MALFORMED for any other byte or length; ERR_NO_SPACE if OUT of SIZE bytes is too small. */
MUST_CHECK enum error base64_decode(struct slice text, uint8_t *out, size_t size, size_t *length);
/* Writes 2 * bytes.length lower-case digits and a NUL to OUT. */
void hex_encode(struct slice bytes, char *out);
/* Decodes exactly LENGTH bytes from hexadecimal digits of either case. ERR_MALFORMED otherwise. */
MUST_CHECK enum error hex_decode(struct slice text, uint8_t *out, size_t length);
/* Parses a UUID in the forms that acme-dns accepts: canonical, upper case, {in braces}, with
 * urn:uuid: before it, or as 32 bare digits. ERR_MALFORMED otherwise. */
MUST_CHECK enum error uuid_parse(struct slice text, uint8_t out[16]);
/* Writes the canonical lower-case form and a NUL. */
void uuid_to_text(const uint8_t uuid[16], char out[UUID_TEXT_LENGTH + 1]);

enum { TIME_TEXT_MAX = 40 };

/* Writes milliseconds since 1970 as "2026-11-22T10:00:00.123Z" and a NUL. */
void time_to_text(int64_t wall_ms, char out[TIME_TEXT_MAX]);

#endif
