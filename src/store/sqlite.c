/*
 * A connection to SQLite (see db.h). WAL mode with synchronous=FULL: a commit returns after the
 * write-ahead log is on disk. Checkpoints are ours, so that they happen between batches.
 *
 * What can't be trusted after a failed fsync: the kernel may have dropped the dirty pages and
 * forgotten it (so a second fsync proves nothing). Therefore every I/O failure of a commit asks for
 * db_recover(), which writes and syncs everything anew through a truncating checkpoint.
 */
#include "store/db.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    BUSY_TIMEOUT_MS = 1000, /* another process holds the lock: longer waits stall every update */
    CACHE_KIB = 16 * 1024,
    WAL_PAGES_MAX = 4096, /* 16 MiB: then it is copied into the database */
    WHY_MAX = 256,
};

struct db {
    sqlite3 *handle;
    sqlite3_stmt *statements[SQL_COUNT]; /* prepared at first use */
    bool writing;
    bool needs_recovery;
    bool must_empty_log; /* it holds what was erased */
    bool log_is_known, log_is_lost;
    dev_t log_device; /* with log_inode: which file the write-ahead log is */
    ino_t log_inode;
    char *path;
    enum db_mode mode;
    int wal_pages; /* after the last commit, as the WAL hook tells */
    char why[WHY_MAX];
};

struct db_row {
    sqlite3_stmt *statement;
};

/* Keeps the reason. ERR_STORAGE, whatever SQLite's code was, since no caller can do more about a
 * broken disk than about a full one; but ERR_INTERNAL where the statement was at fault. */
static enum error failed(struct db *db, const char *doing)
{
    int code = sqlite3_errcode(db->handle) & 0xff;
    snprintf(db->why, sizeof(db->why), "%s: %s (SQLite code %d)", doing, sqlite3_errmsg(db->handle),
             sqlite3_extended_errcode(db->handle));
    return code == SQLITE_CONSTRAINT || code == SQLITE_MISMATCH || code == SQLITE_RANGE
               ? ERR_INTERNAL
               : ERR_STORAGE;
}

static enum error failed_because(struct db *db, const char *why)
{
    snprintf(db->why, sizeof(db->why), "%s", why);
    return ERR_STORAGE;
}

const char *db_why(const struct db *db)
{
    return db->why;
}

const char *db_library_version(void)
{
    return sqlite3_libversion();
}

static int note_wal_pages(void *context, sqlite3 *handle UNUSED, const char *name UNUSED, int pages)
{
    ((struct db *)context)->wal_pages = pages;
    return SQLITE_OK;
}

static enum error configure(struct db *db, enum db_mode mode)
{
    char script[256];
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    if (mode == DB_READ_ONLY)
        return ERR_NONE;
    snprintf(script, sizeof(script),
             "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
             "PRAGMA cache_size=-%d; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
             /* what is erased from the ledger must be gone from the file as well */
             "PRAGMA secure_delete=ON;",
             CACHE_KIB);
    enum error error = db_script(db, script);
    /* Last: setting wal_autocheckpoint takes away what hook there is. */
    sqlite3_wal_hook(db->handle, note_wal_pages, db);
    return error;
}

static enum error open_handle(struct db *db)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= db->mode == DB_READ_ONLY ? SQLITE_OPEN_READONLY
                                      : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2(db->path, &db->handle, flags, NULL) != SQLITE_OK)
        return failed(db, "open");
    return configure(db, db->mode);
}

static void close_handle(struct db *db)
{
    for (size_t i = 0; i < SQL_COUNT; i++) {
        sqlite3_finalize(db->statements[i]);
        db->statements[i] = NULL;
    }
    sqlite3_close(db->handle);
    db->handle = NULL;
}

enum error db_open(const char *path, enum db_mode mode, struct db **out, char *why, size_t why_size)
{
    struct db *db = calloc(1, sizeof(*db));
    if (db == NULL)
        return ERR_MEMORY;
    db->mode = mode;
    db->path = strdup(path);
    enum error error = db->path == NULL ? ERR_MEMORY : open_handle(db);
    if (error != ERR_NONE) {
        snprintf(why, why_size, "%s: %s", path, db->why);
        db_close(db);
        return error;
    }
    *out = db;
    return ERR_NONE;
}

void db_close(struct db *db)
{
    if (db == NULL)
        return;
    close_handle(db);
    free(db->path);
    free(db);
}

/* ---- statements ---- */

static enum error prepare(struct db *db, enum statement id, sqlite3_stmt **out)
{
    if (db->statements[id] == NULL &&
        sqlite3_prepare_v3(db->handle, statement_text(id), -1, SQLITE_PREPARE_PERSISTENT,
                           &db->statements[id], NULL) != SQLITE_OK)
        return failed(db, "prepare");
    *out = db->statements[id];
    return ERR_NONE;
}

/* An empty slice may have no address, which SQLite would take for NULL. */
static int bind_bytes(sqlite3_stmt *statement, int at, const struct db_value *value)
{
    const void *data = value->bytes.data == NULL ? "" : (const void *)value->bytes.data;
    if (value->type == DB_BLOB)
        return sqlite3_bind_blob64(statement, at, data, value->bytes.length, SQLITE_STATIC);
    return sqlite3_bind_text64(statement, at, data, value->bytes.length, SQLITE_STATIC,
                               SQLITE_UTF8);
}

static int bind(sqlite3_stmt *statement, int at, const struct db_value *value)
{
    switch (value->type) {
    case DB_INTEGER:
        return sqlite3_bind_int64(statement, at, value->integer);
    case DB_TEXT:
    case DB_BLOB:
        return bind_bytes(statement, at, value);
    case DB_NULL:
        break;
    }
    return sqlite3_bind_null(statement, at);
}

enum error db_run(struct db *db, enum statement id, const struct db_value *values, size_t count,
                  db_row_function *row, void *context)
{
    sqlite3_stmt *statement = NULL;
    enum error error = prepare(db, id, &statement);
    if (error != ERR_NONE)
        return error;
    for (size_t i = 0; i < count; i++) {
        if (bind(statement, (int)i + 1, &values[i]) != SQLITE_OK)
            error = failed(db, "bind");
    }
    int step = SQLITE_ROW;
    while (error == ERR_NONE && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        const struct db_row current = {statement};
        if (row != NULL)
            error = row(context, &current);
    }
    if (error == ERR_NONE && step != SQLITE_DONE)
        error = failed(db, "statement");
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return error;
}

enum error db_script(struct db *db, const char *sql)
{
    if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        return failed(db, "script");
    return ERR_NONE;
}

int64_t db_changes(const struct db *db)
{
    return sqlite3_changes64(db->handle);
}

bool db_is_empty(struct db *db)
{
    int found = -1;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db->handle, "SELECT count(*) FROM sqlite_schema", -1, &statement,
                           NULL) != SQLITE_OK)
        return false;
    if (sqlite3_step(statement) == SQLITE_ROW)
        found = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return found == 0;
}

int64_t db_integer(const struct db_row *row, int column)
{
    return sqlite3_column_int64(row->statement, column);
}

struct slice db_bytes(const struct db_row *row, int column)
{
    const void *data = sqlite3_column_blob(row->statement, column);
    int length = sqlite3_column_bytes(row->statement, column);
    return slice_of(data, data == NULL ? 0 : (size_t)length);
}

bool db_is_null(const struct db_row *row, int column)
{
    return sqlite3_column_type(row->statement, column) == SQLITE_NULL;
}

/* ---- transactions ---- */

/* Whether the write-ahead log under its name is the one that this connection writes to. Known from
 * the first look on: before that there may be none yet. */
static bool log_is_in_place(struct db *db)
{
    struct stat now;
    if (stat(sqlite3_filename_wal(sqlite3_db_filename(db->handle, "main")), &now) != 0)
        return !db->log_is_known;
    if (!db->log_is_known) {
        db->log_is_known = true;
        db->log_device = now.st_dev;
        db->log_inode = now.st_ino;
    }
    return now.st_dev == db->log_device && now.st_ino == db->log_inode;
}

static bool database_has_moved(struct db *db)
{
    int moved = 0;
    return sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
           moved != 0;
}

/* A database or log that was removed, renamed or replaced takes writes gladly and loses them. */
static enum error check_files(struct db *db)
{
    if (database_has_moved(db))
        return failed_because(db, "the database file is not in its place any more: it was removed, "
                                  "renamed or replaced; put it back, or restart locumd to take the "
                                  "new one");
    if (log_is_in_place(db))
        return ERR_NONE;
    db->needs_recovery = true;
    db->log_is_lost = true;
    return failed_because(db, "the database's write-ahead log (-wal) was removed or replaced");
}

enum error db_begin(struct db *db, bool writes)
{
    if (writes && db->needs_recovery)
        return failed_because(db, "an earlier write to the disk failed, and the database has not "
                                  "been synced since");
    if (sqlite3_exec(db->handle, writes ? "BEGIN IMMEDIATE" : "BEGIN", NULL, NULL, NULL) !=
        SQLITE_OK)
        return failed(db, "begin");
    db->writing = writes;
    return ERR_NONE;
}

enum error db_commit(struct db *db)
{
    enum error error = db->writing ? check_files(db) : ERR_NONE;
    if (error == ERR_NONE && sqlite3_exec(db->handle, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
        int code = sqlite3_errcode(db->handle) & 0xff;
        error = failed(db, "commit");
        db->needs_recovery = code != SQLITE_BUSY && code != SQLITE_FULL;
    }
    if (error != ERR_NONE)
        db_rollback(db);
    return error;
}

void db_rollback(struct db *db)
{
    /* Keeps db->why: the reason of the rollback is worth more than that of its own failure. */
    if (sqlite3_get_autocommit(db->handle) == 0)
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

/* The log's name leads to nothing, or to another file; what is in ours has been copied into the
 * database. SQLite makes a new one when it opens the database anew. */
static enum error reopen(struct db *db)
{
    close_handle(db);
    enum error error = open_handle(db);
    if (error == ERR_NONE)
        db->log_is_known = db->log_is_lost = false;
    else
        close_handle(db); /* also one that failed leaves a handle, on which checkpoints "succeed" */
    return error;
}

enum error db_recover(struct db *db)
{
    if (db->handle == NULL) { /* an earlier attempt could not open it */
        enum error error = reopen(db);
        if (error != ERR_NONE)
            return error;
    }
    if (database_has_moved(db) || (!log_is_in_place(db) && !db->log_is_lost))
        return check_files(db);
    if (!db->needs_recovery)
        return ERR_NONE;
    int code =
        sqlite3_wal_checkpoint_v2(db->handle, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (code != SQLITE_OK)
        return failed(db, "checkpoint");
    enum error error = db->log_is_lost ? reopen(db) : ERR_NONE;
    if (error != ERR_NONE)
        return error;
    db->wal_pages = 0;
    db->needs_recovery = false;
    return ERR_NONE;
}

void db_forget_erased(struct db *db)
{
    db->must_empty_log = true;
}

/* Truncates the log, unless someone reads it: then the next checkpoint tries again. */
static void empty_log(struct db *db)
{
    sqlite3_busy_timeout(db->handle, 0);
    int code =
        sqlite3_wal_checkpoint_v2(db->handle, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    if ((code & 0xff) == SQLITE_IOERR)
        db->needs_recovery = true; /* as below */
    if (code != SQLITE_OK)
        return;
    db->must_empty_log = false;
    db->wal_pages = 0;
}

void db_checkpoint(struct db *db, bool idle)
{
    if (db->must_empty_log && !db->needs_recovery)
        empty_log(db);
    if (db->needs_recovery || db->wal_pages == 0 || (!idle && db->wal_pages < WAL_PAGES_MAX))
        return;
    int left = 0, copied = 0;
    int code =
        sqlite3_wal_checkpoint_v2(db->handle, "main", SQLITE_CHECKPOINT_PASSIVE, &left, &copied);
    if ((code & 0xff) == SQLITE_IOERR)
        db->needs_recovery = true; /* a sync of the database failed: as bad as one of the log */
    else if (code == SQLITE_OK && left == copied)
        db->wal_pages = 0; /* the next commit begins the log anew */
}
