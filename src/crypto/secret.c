/*
 * Secrets (see secret.h), by libsodium.
 */
#include "crypto/secret.h"

#include <sodium.h>

enum error sha256(struct slice input, uint8_t out[32])
{
    if (crypto_hash_sha256(out, input.data, input.length) != 0)
        return ERR_INTERNAL;
    return ERR_NONE;
}

void random_bytes(void *out, size_t length)
{
    randombytes_buf(out, length);
}

void uuid_random(uint8_t out[16])
{
    random_bytes(out, 16);
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x40);
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
}

void uuid_ordered(int64_t wall_ms, uint8_t out[16])
{
    uuid_random(out);
    for (int i = 0; i < 6; i++)
        out[i] = (uint8_t)(wall_ms >> (8 * (5 - i)));
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x70);
}

void secret_random(char out[SECRET_LENGTH + 1])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t bits[SECRET_LENGTH];
    random_bytes(bits, sizeof(bits));
    for (size_t i = 0; i < sizeof(bits); i++)
        out[i] = alphabet[bits[i] & 63];
    out[SECRET_LENGTH] = '\0';
    secret_wipe(bits, sizeof(bits));
}

bool secret_hash_equal(const uint8_t a[SECRET_HASH_LENGTH], const uint8_t b[SECRET_HASH_LENGTH])
{
    return sodium_memcmp(a, b, SECRET_HASH_LENGTH) == 0;
}

void secret_wipe(void *memory, size_t length)
{
    sodium_memzero(memory, length);
}
