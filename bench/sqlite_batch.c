/*
 * What SQLite alone commits on this disk: the rows of an /update (value, change record, ledger row
 * with its private part), written by the store's own statements under the store's own pragmas, so
 * many in one transaction, with nothing around it. What the daemon adds to this is its own.
 *
 *   sqlite_batch DATABASE BATCH SECONDS
 *
 * DATABASE: of locum's schema, with delegates, and no daemon on it. Prints one JSON object.
 */
#include <sqlite3.h>

#include "options.h"
#include "store/statements.h"

enum { BODY = 500 /* a change record with seven values */, WAL_PAGES_MAX = 4096 };

struct run {
    sqlite3 *db;
    sqlite3_stmt *value, *change, *ledger, *secret, *serial;
    sqlite3_int64 delegates, next;
    uint64_t random;
    int wal_pages;
};

static void script(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die("%s: %s", sql, sqlite3_errmsg(db));
}

static sqlite3_int64 integer(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        die("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_int64 value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static sqlite3_stmt *prepare(struct run *run, enum statement id)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v3(run->db, statement_text(id), -1, SQLITE_PREPARE_PERSISTENT, &statement,
                           NULL) != SQLITE_OK)
        die("%s: %s", statement_text(id), sqlite3_errmsg(run->db));
    return statement;
}

static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static void bind_random(struct run *run, sqlite3_stmt *statement, int at, int length)
{
    static uint8_t bytes[16][BODY]; /* one for each parameter, alive until the step */
    for (int i = 0; i < length; i += 8) {
        uint64_t random = random_next(&run->random);
        memcpy(bytes[at] + i, &random, length - i < 8 ? (size_t)(length - i) : 8);
    }
    sqlite3_bind_blob(statement, at, bytes[at], length, SQLITE_STATIC);
}

static void step(struct run *run, sqlite3_stmt *statement)
{
    if (sqlite3_step(statement) != SQLITE_DONE)
        die("step: %s", sqlite3_errmsg(run->db));
    sqlite3_reset(statement);
}

static void add_change(struct run *run, int body)
{
    sqlite3_bind_int64(run->change, 1, ++run->next);
    bind_random(run, run->change, 2, 16);
    sqlite3_bind_int(run->change, 3, 1);
    bind_random(run, run->change, 4, body);
    step(run, run->change);
}

static void add_ledger(struct run *run)
{
    sqlite3_stmt *row = run->ledger;
    sqlite3_bind_int(row, 1, 99); /* a node of its own: the daemon's chain stays whole */
    sqlite3_bind_int64(row, 2, run->next);
    sqlite3_bind_int64(row, 3, 1800000000000);
    bind_text(row, 4, "update");
    bind_text(row, 5, "auth.example.org");
    bind_text(row, 6, "0b4f5c5e-58b0-4d3a-9a5c-6e1f5f3d8a11");
    bind_text(row, 7, "5a0b7d1e-3a52-44c7-8f43-0f1d51d0c9e7");
    bind_text(row, 8, "LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo");
    sqlite3_bind_int64(row, 9, run->next);
    bind_random(run, row, 10, 16);
    bind_random(run, row, 11, 32);
    bind_random(run, row, 12, 32);
    bind_random(run, row, 13, 32);
    step(run, row);
    sqlite3_bind_int(run->secret, 1, 99);
    sqlite3_bind_int64(run->secret, 2, run->next);
    bind_random(run, run->secret, 3, 16);
    bind_text(run->secret, 4, "127.0.0.1");
    bind_text(run->secret, 5, "");
    step(run, run->secret);
}

static void one_update(struct run *run)
{
    add_change(run, BODY);
    sqlite3_bind_int64(run->value, 1,
                       1 + (sqlite3_int64)(random_next(&run->random) % (uint64_t)run->delegates));
    sqlite3_bind_int(run->value, 2, 1);
    sqlite3_bind_int64(run->value, 3, run->next);
    bind_text(run->value, 4, "LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo");
    sqlite3_bind_int64(run->value, 5, 1800000000000);
    sqlite3_bind_int64(run->value, 6, run->next);
    step(run, run->value);
    add_ledger(run);
}

static void one_transaction(struct run *run, long batch)
{
    script(run->db, "BEGIN IMMEDIATE");
    for (long i = 0; i < batch; i++)
        one_update(run);
    sqlite3_bind_int64(run->serial, 1, run->next);
    sqlite3_bind_int(run->serial, 2, 1);
    step(run, run->serial);
    add_change(run, 32);
    script(run->db, "COMMIT");
    if (run->wal_pages > WAL_PAGES_MAX)
        sqlite3_wal_checkpoint_v2(run->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static int note_wal_pages(void *context, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct run *)context)->wal_pages = pages;
    return SQLITE_OK;
}

int main(int argc, char **argv)
{
    struct run run = {.random = (uint64_t)now_ns()};
    if (argc != 4)
        die("usage: sqlite_batch DATABASE BATCH SECONDS");
    long batch = number_option(argv[2], 1, 4096), seconds = number_option(argv[3], 1, 60);
    if (sqlite3_open_v2(argv[1], &run.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        die("%s: %s", argv[1], sqlite3_errmsg(run.db));
    script(run.db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
                   "PRAGMA cache_size=-16384; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY");
    sqlite3_wal_hook(run.db, note_wal_pages, &run);
    run.delegates = integer(run.db, "SELECT max(id) FROM delegate");
    run.next = integer(run.db, "SELECT 1000000000 + coalesce(max(sequence), 0) FROM change");
    run.value = prepare(&run, SQL_VALUE_ADD);
    run.change = prepare(&run, SQL_CHANGE_ADD);
    run.ledger = prepare(&run, SQL_LEDGER_ADD);
    run.secret = prepare(&run, SQL_LEDGER_ADD_PRIVATE);
    run.serial = prepare(&run, SQL_ZONE_SET_SERIAL);
    int64_t start = now_ns(), end = start + seconds * 1000000000;
    long done = 0;
    while (now_ns() < end) {
        one_transaction(&run, batch);
        done += batch;
    }
    printf("{\"done\": %ld, \"seconds\": %.6f}\n", done, (double)(now_ns() - start) / 1e9);
    return 0;
}
