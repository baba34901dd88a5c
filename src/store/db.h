/*
 * One connection to the database: transactions and the prepared statements of statements.c. SQL and
 * its values only; what they mean stands in store.c. Implemented by sqlite.c.
 *
 * A connection is used by one thread at a time. Every function logs nothing: the reason of a
 * failure is kept and read with db_why().
 */
#ifndef LOCUM_STORE_DB_H
#define LOCUM_STORE_DB_H

#include "base/slice.h"
#include "store/statements.h"

struct db;
struct db_row;

enum db_type { DB_NULL, DB_INTEGER, DB_TEXT, DB_BLOB };

struct db_value {
    enum db_type type;
    int64_t integer;
    struct slice bytes; /* borrowed for the time of the call */
};

#define DB_OF_INT(n) ((struct db_value){.type = DB_INTEGER, .integer = (int64_t)(n)})
#define DB_OF_SLICE(s) ((struct db_value){.type = DB_TEXT, .bytes = (s)})
#define DB_OF_TEXT(t) DB_OF_SLICE(slice_text(t))
#define DB_OF_BLOB(data, length)                                                                   \
    ((struct db_value){.type = DB_BLOB, .bytes = slice_of((data), (length))})
#define DB_OF_NULL ((struct db_value){.type = DB_NULL})

/* Called for each row; the row is valid during the call. An error ends the statement. */
typedef enum error db_row_function(void *context, const struct db_row *row);

int64_t db_integer(const struct db_row *row, int column);
struct slice db_bytes(const struct db_row *row, int column);
bool db_is_null(const struct db_row *row, int column);

enum db_mode {
    DB_READ_WRITE, /* made if it is not there; WAL, synchronous=FULL */
    DB_READ_ONLY,
};

/* Opens the database file. ERR_STORAGE with a sentence in WHY. */
MUST_CHECK enum error db_open(const char *path, enum db_mode mode, struct db **out, char *why,
                              size_t why_size);
void db_close(struct db *db);
/* The sentence about the last failure on this connection. */
const char *db_why(const struct db *db);
/* The version of the SQLite library in use, e.g. "3.40.1". */
const char *db_library_version(void);

/* Runs one statement, ROW for each of its rows (may be NULL). ERR_STORAGE, or ROW's error. */
MUST_CHECK enum error db_run(struct db *db, enum statement statement, const struct db_value *values,
                             size_t count, db_row_function *row, void *context);
/* Runs a script of several statements without values: the schema. ERR_STORAGE. */
MUST_CHECK enum error db_script(struct db *db, const char *sql);
/* Whether the database has no table at all: a new one. */
bool db_is_empty(struct db *db);
/* Rows that the last INSERT, UPDATE or DELETE touched. */
int64_t db_changes(const struct db *db);

/* Begins a transaction that may write, or one that only reads one snapshot. */
MUST_CHECK enum error db_begin(struct db *db, bool writes);
/* ERR_NONE: it is on disk. Otherwise it was rolled back here, and may still be found on disk after
 * a crash: the outcome is unknown. Also refuses (ERR_STORAGE) to write to a file that was removed
 * or replaced under us: nobody would ever see it again. */
MUST_CHECK enum error db_commit(struct db *db);
void db_rollback(struct db *db);

/* After a commit that failed in a way that leaves the state of the disk unknown, db_begin() refuses
 * to write until this has brought the whole database to the disk by a truncating checkpoint. */
MUST_CHECK enum error db_recover(struct db *db);
/* Copies the write-ahead log into the database if it has grown over its limit, or, if IDLE, when
 * there is anything in it. Failing is no error: it is tried again later. */
void db_checkpoint(struct db *db, bool idle);
/* What this transaction erased must not stay readable in the write-ahead log either: checkpoints
 * from now on empty the log, until one has succeeded. */
void db_forget_erased(struct db *db);

#endif
