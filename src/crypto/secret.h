/*
 * Secrets: made at random, stored as their SHA-256 (they have 240 bits, so a slow hash would add
 * nothing), compared in constant time. Pure but for the system's random source; any thread.
 */
#ifndef LOCUM_CRYPTO_SECRET_H
#define LOCUM_CRYPTO_SECRET_H

#include "base/limits.h"
#include "base/slice.h"

/* ERR_INTERNAL if the library fails. */
MUST_CHECK enum error sha256(struct slice input, uint8_t out[32]);
/* A random UUID, version 4 (RFC 9562). */
void uuid_random(uint8_t out[16]);
/* A UUID whose order is that of its making, version 7: for keys of tables that only grow. */
void uuid_ordered(int64_t wall_ms, uint8_t out[16]);
/* SECRET_LENGTH random characters of the base64url alphabet, and a NUL. */
void secret_random(char out[SECRET_LENGTH + 1]);
void random_bytes(void *out, size_t length);
/* Whether both hashes are the same, in time that does not depend on where they differ. */
bool secret_hash_equal(const uint8_t a[SECRET_HASH_LENGTH], const uint8_t b[SECRET_HASH_LENGTH]);
/* Overwrites memory that held a secret, whatever the optimizer thinks of it. */
void secret_wipe(void *memory, size_t length);

#endif
