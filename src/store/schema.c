/*
 * The schema and its migrations (see schema.h).
 *
 * Times are milliseconds since 1970 UTC (`_ms`), or milliseconds on the age clock (`_age`, see
 * service/age_clock.h), by which things expire. Labels and names are in lower case, without a final
 * dot. Tables whose rows are found by their key alone are WITHOUT ROWID: one tree instead of two.
 */
#include "store/schema.h"

#include <stdio.h>

static const char version_1[] =
    "CREATE TABLE meta ("
    "  name TEXT PRIMARY KEY,"
    "  value TEXT NOT NULL"
    ") WITHOUT ROWID;"

    "CREATE TABLE node ("
    "  id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  created_ms INTEGER NOT NULL"
    ");"

    "CREATE TABLE zone ("
    "  id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  serial INTEGER NOT NULL,"
    "  created_ms INTEGER NOT NULL"
    ");"

    "CREATE TABLE account ("
    "  id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  created_ms INTEGER NOT NULL"
    ");"

    /* A registration token: who holds it may register. */
    "CREATE TABLE token ("
    "  id INTEGER PRIMARY KEY,"
    "  hash BLOB NOT NULL UNIQUE,"
    "  note TEXT NOT NULL,"
    "  zone_id INTEGER REFERENCES zone,"
    "  quota INTEGER,"
    "  uses INTEGER NOT NULL DEFAULT 0,"
    "  created_ms INTEGER NOT NULL,"
    "  expires_ms INTEGER,"
    "  revoked_ms INTEGER"
    ");"

    /* AUTOINCREMENT: what is kept of a delegate that was removed (sightings) must not become that
     * of the next one. */
    "CREATE TABLE delegate ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  zone_id INTEGER NOT NULL REFERENCES zone,"
    "  label TEXT NOT NULL,"
    "  account_id INTEGER REFERENCES account,"
    "  token_id INTEGER REFERENCES token,"
    "  created_ms INTEGER NOT NULL,"
    "  created_age INTEGER NOT NULL,"
    "  used INTEGER NOT NULL DEFAULT 0," /* it has held a value or was asked for */
    "  UNIQUE (zone_id, label)"
    ");"
    "CREATE INDEX delegate_unused ON delegate (created_age) WHERE used = 0;"

    /* A label that is never given out again. */
    "CREATE TABLE tombstone ("
    "  zone_id INTEGER NOT NULL,"
    "  label TEXT NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  at_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (zone_id, label)"
    ") WITHOUT ROWID;"

    /* hash_kind 0: SHA-256 of the secret; others are for imported hashes. */
    "CREATE TABLE api_key ("
    "  id INTEGER PRIMARY KEY,"
    "  key_id BLOB NOT NULL UNIQUE,"
    "  delegate_id INTEGER NOT NULL REFERENCES delegate,"
    "  hash_kind INTEGER NOT NULL DEFAULT 0,"
    "  hash BLOB NOT NULL,"
    "  allowfrom TEXT NOT NULL DEFAULT '',"
    "  created_ms INTEGER NOT NULL,"
    "  expires_ms INTEGER,"
    "  disabled_ms INTEGER"
    ");"
    "CREATE INDEX api_key_delegate ON api_key (delegate_id);"

    "CREATE TABLE tsig_key ("
    "  id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  delegate_id INTEGER NOT NULL REFERENCES delegate,"
    "  algorithm TEXT NOT NULL,"
    "  secret BLOB NOT NULL,"
    "  allowfrom TEXT NOT NULL DEFAULT '',"
    "  created_ms INTEGER NOT NULL,"
    "  expires_ms INTEGER,"
    "  disabled_ms INTEGER"
    ");"

    /* sequence: of the change that brought the value; the order of arrival. */
    "CREATE TABLE value ("
    "  delegate_id INTEGER NOT NULL,"
    "  zone_id INTEGER NOT NULL," /* the delegate's: each zone has its own lifetime of values */
    "  sequence INTEGER NOT NULL,"
    "  txt TEXT NOT NULL,"
    "  added_ms INTEGER NOT NULL,"
    "  added_age INTEGER NOT NULL,"
    "  PRIMARY KEY (delegate_id, sequence)"
    ") WITHOUT ROWID;"
    "CREATE INDEX value_age ON value (zone_id, added_age);"

    /* A user's domain, offered for a delegate; bound once its CNAME is seen there. */
    "CREATE TABLE domain ("
    "  delegate_id INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  offered_ms INTEGER NOT NULL,"
    "  bound_ms INTEGER,"
    "  PRIMARY KEY (delegate_id, name)"
    ") WITHOUT ROWID;"
    "CREATE INDEX domain_name ON domain (name);"

    /* What committed operations did, for every node's index (store/change.h). */
    "CREATE TABLE change ("
    "  sequence INTEGER PRIMARY KEY,"
    "  operation BLOB NOT NULL,"
    "  node_id INTEGER NOT NULL,"
    "  body BLOB NOT NULL"
    ");"

    /* What happened to delegates, one chain to a node (store/ledger_chain.h). */
    "CREATE TABLE ledger ("
    "  node_id INTEGER NOT NULL,"
    "  sequence INTEGER NOT NULL,"
    "  time_ms INTEGER NOT NULL,"
    "  kind TEXT NOT NULL,"
    "  zone TEXT NOT NULL,"
    "  delegate TEXT NOT NULL,"
    "  key_id TEXT NOT NULL,"
    "  detail TEXT NOT NULL,"
    "  change_sequence INTEGER NOT NULL,"
    "  operation BLOB NOT NULL,"
    "  commitment BLOB NOT NULL," /* of the address and user agent, or empty */
    "  previous BLOB NOT NULL,"
    "  hash BLOB NOT NULL,"
    "  PRIMARY KEY (node_id, sequence)"
    ") WITHOUT ROWID;"

    /* The part of the ledger that can be erased while the chain still verifies. */
    "CREATE TABLE ledger_private ("
    "  node_id INTEGER NOT NULL,"
    "  sequence INTEGER NOT NULL,"
    "  salt BLOB NOT NULL,"
    "  address TEXT NOT NULL,"
    "  user_agent TEXT NOT NULL,"
    "  PRIMARY KEY (node_id, sequence)"
    ") WITHOUT ROWID;"

    /* Which client networks asked for a value first; transport 1: UDP (may be forged), 2: TCP. */
    "CREATE TABLE sighting ("
    "  value_sequence INTEGER NOT NULL,"
    "  transport INTEGER NOT NULL,"
    "  network TEXT NOT NULL,"
    "  delegate_id INTEGER NOT NULL,"
    "  first_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (value_sequence, transport, network)"
    ") WITHOUT ROWID;"
    "CREATE INDEX sighting_delegate ON sighting (delegate_id);";

static const char *const migrations[] = {version_1};

/* The newest version that this program knows. */
enum { NEWEST_VERSION = ARRAY_LENGTH(migrations) };

static enum error take_version(void *context, const struct db_row *row)
{
    *(int64_t *)context = db_integer(row, 0);
    return ERR_NONE;
}

/* "user_version" of SQLite would do, but a row reads the same on every engine. A database without
 * the table is a new one; one with other tables is not ours. */
static enum error current_version(struct db *db, int64_t *version)
{
    struct db_value name = DB_OF_TEXT("schema");
    *version = -1;
    return db_run(db, SQL_META_GET, &name, 1, take_version, version);
}

static enum error migrate_one(struct db *db, int version)
{
    char number[16];
    snprintf(number, sizeof(number), "%d", version);
    const struct db_value values[] = {DB_OF_TEXT("schema"), DB_OF_TEXT(number)};
    enum error error = db_begin(db, true);
    if (error != ERR_NONE)
        return error;
    error = db_script(db, migrations[version - 1]);
    if (error == ERR_NONE)
        error = db_run(db, SQL_META_SET, values, ARRAY_LENGTH(values), NULL, NULL);
    if (error != ERR_NONE) {
        db_rollback(db);
        return error;
    }
    return db_commit(db);
}

enum error schema_migrate(struct db *db, char *why, size_t why_size)
{
    int64_t version = 0;
    if (!db_is_empty(db)) {
        enum error error = current_version(db, &version);
        if (error != ERR_NONE || version < 1) {
            snprintf(why, why_size, "the database is not one of locum's: %s", db_why(db));
            return error == ERR_STORAGE ? ERR_STORAGE : ERR_CONFIG;
        }
    }
    if (version > NEWEST_VERSION) {
        snprintf(why, why_size,
                 "the database has schema version %d, this locum knows %d: it was "
                 "written by a newer one",
                 (int)version, NEWEST_VERSION);
        return ERR_CONFIG;
    }
    while (version < NEWEST_VERSION) {
        enum error error = migrate_one(db, (int)++version);
        if (error != ERR_NONE) {
            snprintf(why, why_size, "migration to schema version %d failed: %s", (int)version,
                     db_why(db));
            return error;
        }
    }
    return ERR_NONE;
}
