/*
 * A row of the ledger as JSON: the form in which it is shown, exported and verified elsewhere.
 */
#ifndef LOCUM_FRONT_LEDGER_JSON_H
#define LOCUM_FRONT_LEDGER_JSON_H

#include <jansson.h>

#include "store/db.h"

/* ROW is of SQL_LEDGER_PAGE. NULL: out of memory. Erased fields are empty strings. */
json_t *ledger_row_json(const struct db_row *row);

#endif
