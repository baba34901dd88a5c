/*
 * The ledger's rows as locumd's socket gives them. (From the SQLite file itself:
 * store/ledger_file.h.)
 */
#ifndef LOCUM_CLI_LEDGER_SOURCE_H
#define LOCUM_CLI_LEDGER_SOURCE_H

#include "cli/http_client.h"
#include "cli/ledger_verify.h"
#include "cli/options.h"

enum { LEDGER_PAGE = 1000 }; /* rows of one answer of locumd */

/* Hands the rows of locumd's own node to TAKE, page by page. */
MUST_CHECK enum exit_code ledger_walk_admin(struct http_client *http, ledger_taker *take,
                                            void *context);
/* Reads one row of locumd's JSON. Slices point into ROW's strings or into BYTES. */
enum { LEDGER_ROW_BYTES = 16 + LEDGER_HASH_LENGTH + 256 };
MUST_CHECK bool ledger_record_of_json(json_t *row, uint8_t bytes[LEDGER_ROW_BYTES],
                                      struct ledger_record *out);

#endif
