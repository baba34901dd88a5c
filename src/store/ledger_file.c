/*
 * The ledger's rows out of the SQLite file: see ledger_file.h.
 */
#include "store/ledger_file.h"

#include <limits.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/ascii.h"

enum { BUSY_WAIT_MS = 10000 };

/* Columns in the order of read_record(). */
static const char query[] =
    "SELECT l.node_id, l.sequence, l.time_ms, l.kind, l.zone, l.delegate, l.key_id, l.detail,"
    " l.change_sequence, l.operation, l.commitment, l.previous, l.hash,"
    " p.salt, p.address, p.user_agent FROM ledger l"
    " LEFT JOIN ledger_private p ON p.node_id = l.node_id AND p.sequence = l.sequence"
    " ORDER BY l.node_id, l.sequence";

/* Text or blob, byte for byte. */
static struct slice column(sqlite3_stmt *statement, int index)
{
    const void *data = sqlite3_column_blob(statement, index);
    return slice_of(data, (size_t)sqlite3_column_bytes(statement, index));
}

static bool copy_hash(sqlite3_stmt *statement, int index, uint8_t out[LEDGER_HASH_LENGTH])
{
    struct slice hash = column(statement, index);
    if (hash.length != LEDGER_HASH_LENGTH)
        return false;
    memcpy(out, hash.data, hash.length);
    return true;
}

/* A hash of a wrong length stays all zeros, and the row does not verify. */
static void read_record(sqlite3_stmt *statement, struct ledger_record *record)
{
    *record = (struct ledger_record){
        .row = {.node = (uint64_t)sqlite3_column_int64(statement, 0),
                .sequence = (uint64_t)sqlite3_column_int64(statement, 1),
                .time_ms = sqlite3_column_int64(statement, 2),
                .kind = column(statement, 3),
                .zone = column(statement, 4),
                .delegate = column(statement, 5),
                .key_id = column(statement, 6),
                .detail = column(statement, 7),
                .change = (uint64_t)sqlite3_column_int64(statement, 8),
                .operation = column(statement, 9),
                .commitment = column(statement, 10)},
        .has_private = sqlite3_column_type(statement, 13) != SQLITE_NULL,
        .salt = column(statement, 13),
        .address = column(statement, 14),
        .user_agent = column(statement, 15),
    };
    if (!copy_hash(statement, 11, record->row.previous))
        memset(record->row.previous, 0xff, sizeof(record->row.previous));
    (void)copy_hash(statement, 12, record->hash);
}

/* What the SQLite result CODE means to whoever gave the file. */
static enum error error_of(int code)
{
    int kind = code & 0xff;
    if (kind == SQLITE_OK)
        return ERR_NONE;
    /* SQLITE_ERROR: the tables are not there. */
    if (kind == SQLITE_NOTADB || kind == SQLITE_CORRUPT || kind == SQLITE_ERROR)
        return ERR_MALFORMED;
    return ERR_STORAGE;
}

static int walk(sqlite3 *db, ledger_taker *take, void *context)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, query, -1, &statement, NULL);
    if (code != SQLITE_OK)
        return code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct ledger_record record;
        read_record(statement, &record);
        if (!take(context, &record)) {
            code = SQLITE_DONE;
            break;
        }
    }
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Writes "file:PATH?immutable=1", PATH escaped as RFC 3986 wants it. */
static bool immutable_uri(const char *path, char *out, size_t size)
{
    struct writer writer = writer_of(out, size);
    write_text(&writer, "file:");
    for (const char *at = path; *at != 0; at++) {
        char escaped[4] = {*at, 0, 0, 0};
        if (!ascii_is_alphanumeric((uint8_t)*at) && strchr("/-_.~", *at) == NULL)
            (void)snprintf(escaped, sizeof(escaped), "%%%02X", (uint8_t)*at);
        write_text(&writer, escaped);
    }
    write_text(&writer, "?immutable=1");
    write_u8(&writer, 0);
    return !writer.failed;
}

static bool has_wal(const char *path)
{
    char wal[PATH_MAX];
    int length = snprintf(wal, sizeof(wal), "%s-wal", path);
    return length < 0 || (size_t)length >= sizeof(wal) || access(wal, F_OK) == 0;
}

/* Opens NAME and walks; *DB is the caller's to close whatever comes. */
static int open_and_walk(const char *name, int flags, sqlite3 **db, ledger_taker *take,
                         void *context)
{
    int code = sqlite3_open_v2(name, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | flags, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(*db, BUSY_WAIT_MS);
    return code == SQLITE_OK ? walk(*db, take, context) : code;
}

enum error ledger_file_walk(const char *path, ledger_taker *take, void *context, char *why,
                            size_t why_size)
{
    char uri[3 * PATH_MAX + 32];
    sqlite3 *db = NULL;
    if (access(path, F_OK) != 0)
        return ERR_NOT_FOUND;
    int code = open_and_walk(path, 0, &db, take, context);
    /* Reading needs a -shm file, which can't be made in a folder that can't be written (a backup).
     * Without a -wal nobody writes and all is in the file, which may be read without it. */
    bool no_shm = (code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_READONLY;
    if (no_shm && !has_wal(path) && immutable_uri(path, uri, sizeof(uri))) {
        (void)sqlite3_close(db);
        code = open_and_walk(uri, SQLITE_OPEN_URI, &db, take, context);
    }
    if (code != SQLITE_OK)
        (void)snprintf(why, why_size, "%s", sqlite3_errmsg(db));
    (void)sqlite3_close(db);
    return error_of(code);
}
