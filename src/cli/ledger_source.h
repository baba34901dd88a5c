/*
 * Where `locum ledger verify` has its rows from: locumd's socket, or the SQLite file itself.
 */
#ifndef LOCUM_CLI_LEDGER_SOURCE_H
#define LOCUM_CLI_LEDGER_SOURCE_H

#include "cli/http_client.h"
#include "cli/ledger_verify.h"
#include "cli/options.h"

enum { LEDGER_PAGE = 1000 }; /* rows of one answer of locumd */

/* Takes one row; false ends the walk, which is no failure. */
typedef bool (*ledger_taker)(void *context, const struct ledger_record *record);

/* Hands every row of the ledger in the SQLite file at PATH to TAKE, by node and sequence, from one
 * snapshot. The file is opened for reading only, also while locumd writes to it, or after a crash
 * left a -wal file. */
MUST_CHECK enum exit_code ledger_walk_database(const char *path, const struct output *output,
                                               ledger_taker take, void *context);
/* The same from locumd, page by page: the rows of its own node. */
MUST_CHECK enum exit_code ledger_walk_admin(struct http_client *http, ledger_taker take,
                                            void *context);
/* Reads one row of locumd's JSON. Slices point into ROW's strings or into BYTES. */
enum { LEDGER_ROW_BYTES = 16 + LEDGER_HASH_LENGTH + 256 };
MUST_CHECK bool ledger_record_of_json(json_t *row, uint8_t bytes[LEDGER_ROW_BYTES],
                                      struct ledger_record *out);

#endif
