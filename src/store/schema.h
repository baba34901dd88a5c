/*
 * The schema, as numbered migrations: migration N takes a database from version N-1 to N, in one
 * transaction of its own. A migration that was released never changes.
 */
#ifndef LOCUM_STORE_SCHEMA_H
#define LOCUM_STORE_SCHEMA_H

#include "store/db.h"

/* Brings DB to the newest version. ERR_CONFIG if the database is of a newer locum; ERR_CONFIG or
 * ERR_STORAGE if it is not ours at all; ERR_STORAGE if it fails. WHY gets a sentence. */
MUST_CHECK enum error schema_migrate(struct db *db, char *why, size_t why_size);

#endif
