/*
 * Hashes of the ledger (see ledger_chain.h).
 */
#include "store/ledger_chain.h"

#include "crypto/secret.h"

enum { LEDGER_VERSION = 1, COMMITMENT_VERSION = 1, ENCODED_MAX = 64 * 1024 };

static enum error hash_written(const struct writer *writer, uint8_t hash[LEDGER_HASH_LENGTH])
{
    if (writer->failed)
        return ERR_TOO_LARGE;
    return sha256(writer_slice(writer), hash);
}

enum error ledger_row_hash(const struct ledger_row *row, uint8_t hash[LEDGER_HASH_LENGTH])
{
    uint8_t buffer[ENCODED_MAX];
    struct writer writer = writer_of(buffer, sizeof(buffer));
    write_u8(&writer, LEDGER_VERSION);
    write_u64(&writer, row->node);
    write_u64(&writer, row->sequence);
    write_u64(&writer, (uint64_t)row->time_ms);
    write_bytes(&writer, slice_of(row->previous, sizeof(row->previous)));
    write_counted(&writer, row->kind);
    write_counted(&writer, row->zone);
    write_counted(&writer, row->delegate);
    write_counted(&writer, row->key_id);
    write_counted(&writer, row->detail);
    write_u64(&writer, row->change);
    write_counted(&writer, row->operation);
    write_counted(&writer, row->commitment);
    return hash_written(&writer, hash);
}

enum error ledger_commitment(struct slice salt, struct slice address, struct slice user_agent,
                             uint8_t hash[LEDGER_HASH_LENGTH])
{
    uint8_t buffer[4096];
    struct writer writer = writer_of(buffer, sizeof(buffer));
    write_u8(&writer, COMMITMENT_VERSION);
    write_counted(&writer, salt);
    write_counted(&writer, address);
    write_counted(&writer, user_agent);
    return hash_written(&writer, hash);
}
