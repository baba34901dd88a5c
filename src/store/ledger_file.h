/*
 * The ledger's rows straight out of the SQLite file, for a verifier that asks no daemon. Any
 * thread; nothing is written.
 */
#ifndef LOCUM_STORE_LEDGER_FILE_H
#define LOCUM_STORE_LEDGER_FILE_H

#include "store/ledger_chain.h"

/* A row as it is stored, with its own hash, and what its commitment is about. */
struct ledger_record {
    struct ledger_row row; /* slices borrowed */
    uint8_t hash[LEDGER_HASH_LENGTH];
    bool has_private; /* the three below were not erased */
    struct slice salt;
    struct slice address;
    struct slice user_agent;
};

/* Takes one row; false ends the walk, which is no failure. */
typedef bool ledger_taker(void *context, const struct ledger_record *record);

/* Hands every row of the ledger in the SQLite file at PATH to TAKE, by node and sequence, from one
 * snapshot. The file is opened for reading only, also while locumd writes to it, after a crash
 * left a -wal file, and in a folder that can't be written. ERR_NOT_FOUND: no such file;
 * ERR_MALFORMED: damaged, or no database of locum's; ERR_STORAGE: can't be read now or by this
 * user. The last two with a reason of SQLite's in WHY. */
MUST_CHECK enum error ledger_file_walk(const char *path, ledger_taker *take, void *context,
                                       char *why, size_t why_size);

#endif
