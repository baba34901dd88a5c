/*
 * The ledger's chain: how a row is encoded and hashed, and how what may be erased is committed to.
 * Pure, so that a verifier on another machine needs nothing else.
 *
 * A row's hash is SHA-256 over version (one byte), node, sequence, time (64 bits each), the hash of
 * the row before it, and each text and blob with its 32-bit length before it. The first row's
 * `previous` is 32 zero bytes. Sequences of one node go up by one.
 *
 * A commitment is SHA-256 over version, salt, address and user agent, lengths before each. With the
 * salt erased it says nothing about the address, and the chain still verifies.
 */
#ifndef LOCUM_STORE_LEDGER_CHAIN_H
#define LOCUM_STORE_LEDGER_CHAIN_H

#include "base/slice.h"

enum { LEDGER_HASH_LENGTH = 32, LEDGER_SALT_LENGTH = 16 };

struct ledger_row {
    uint64_t node;
    uint64_t sequence; /* from 1 */
    int64_t time_ms;
    struct slice kind;       /* "register", "update", "clear", "expire", "displace", ... */
    struct slice zone;       /* name, or empty */
    struct slice delegate;   /* label, or empty */
    struct slice key_id;     /* UUID text, or empty */
    struct slice detail;     /* e.g. the value */
    uint64_t change;         /* sequence of the newest change record when the row was written */
    struct slice operation;  /* 16 bytes */
    struct slice commitment; /* LEDGER_HASH_LENGTH bytes, or empty if nobody asked (a timer) */
    uint8_t previous[LEDGER_HASH_LENGTH];
};

/* The hash of ROW. ERR_TOO_LARGE if its fields are over 64 KiB together; ERR_INTERNAL if the
 * cryptographic library fails. */
MUST_CHECK enum error ledger_row_hash(const struct ledger_row *row,
                                      uint8_t hash[LEDGER_HASH_LENGTH]);
MUST_CHECK enum error ledger_commitment(struct slice salt, struct slice address,
                                        struct slice user_agent, uint8_t hash[LEDGER_HASH_LENGTH]);

#endif
