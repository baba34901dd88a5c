/*
 * Walking the ledger's chain (store/ledger_chain.h): row after row, node after node, in order.
 * Pure.
 */
#ifndef LOCUM_CLI_LEDGER_VERIFY_H
#define LOCUM_CLI_LEDGER_VERIFY_H

#include "store/ledger_file.h"

struct ledger_verifier {
    uint64_t node;     /* whose chain is walked; 0 before the first row */
    uint64_t sequence; /* of the newest row; 0: none of this node yet */
    uint8_t hash[LEDGER_HASH_LENGTH];
    uint64_t rows; /* of all nodes */
    uint64_t nodes;
    uint64_t erased; /* rows whose address and user agent are gone */
};

void ledger_verifier_init(struct ledger_verifier *verifier);
/* Takes the next row; rows come by node, then sequence. Returns NULL, or what is wrong with it as
 * a sentence without subject ("does not follow row 7"); the verifier is then of no further use. */
MUST_CHECK const char *ledger_verifier_take(struct ledger_verifier *verifier,
                                            const struct ledger_record *record);

#endif
