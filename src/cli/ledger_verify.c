/*
 * Walking the ledger's chain: see ledger_verify.h.
 */
#include "cli/ledger_verify.h"

void ledger_verifier_init(struct ledger_verifier *verifier)
{
    *verifier = (struct ledger_verifier){0};
}

/* A node's chain begins anew: from sequence 0 and 32 zero bytes. */
static const char *begin_node(struct ledger_verifier *verifier, uint64_t node)
{
    if (verifier->nodes > 0 && node < verifier->node)
        return "is of a node whose rows were over";
    verifier->node = node;
    verifier->sequence = 0;
    memset(verifier->hash, 0, sizeof(verifier->hash));
    verifier->nodes++;
    return NULL;
}

static const char *check_private(const struct ledger_record *record)
{
    if (!record->has_private)
        return NULL;
    if (record->row.commitment.length == 0)
        return "has an address but no commitment to it";
    uint8_t commitment[LEDGER_HASH_LENGTH];
    if (ledger_commitment(record->salt, record->address, record->user_agent, commitment) !=
            ERR_NONE ||
        !slice_equal(record->row.commitment, slice_of(commitment, sizeof(commitment))))
        return "has another address or user agent than was committed to";
    return NULL;
}

static const char *check_row(const struct ledger_verifier *verifier,
                             const struct ledger_record *record)
{
    uint8_t hash[LEDGER_HASH_LENGTH];
    if (record->row.sequence != verifier->sequence + 1)
        return record->row.sequence > verifier->sequence ? "comes after rows that are missing"
                                                         : "is there twice";
    if (memcmp(record->row.previous, verifier->hash, sizeof(verifier->hash)) != 0)
        return "does not hold the hash of the row before it";
    if (ledger_row_hash(&record->row, hash) != ERR_NONE ||
        memcmp(record->hash, hash, sizeof(hash)) != 0)
        return "was changed: its hash is another one";
    return check_private(record);
}

const char *ledger_verifier_take(struct ledger_verifier *verifier,
                                 const struct ledger_record *record)
{
    const char *fault = NULL;
    if (verifier->nodes == 0 || record->row.node != verifier->node)
        fault = begin_node(verifier, record->row.node);
    if (fault == NULL)
        fault = check_row(verifier, record);
    if (fault != NULL)
        return fault;
    verifier->sequence = record->row.sequence;
    memcpy(verifier->hash, record->hash, sizeof(verifier->hash));
    verifier->rows++;
    if (!record->has_private && record->row.commitment.length > 0)
        verifier->erased++;
    return NULL;
}
