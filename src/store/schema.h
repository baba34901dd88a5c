/*
 * The schema, as numbered migrations: migration N takes a database from version N-1 to N, in one
 * transaction of its own. A migration that was released never changes.
 */
#ifndef LOCUM_STORE_SCHEMA_H
#define LOCUM_STORE_SCHEMA_H

#include "store/db.h"

/* Brings DB to the newest version. ERR_STORAGE, or ERR_CONFIG if the database is of a newer locum
 * or is not ours at all; WHY gets a sentence. */
MUST_CHECK enum error schema_migrate(struct db *db, char *why, size_t why_size);
/* The newest version this program knows. */
int schema_version(void);

#endif
