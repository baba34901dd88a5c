/*
 * Verifying the ledger: a chain that is whole, and each way of tampering with it, through the
 * verifier, the JSON rows and the SQLite file: cli/ledger_verify.h, cli/ledger_source.h,
 * store/ledger_file.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/encoding.h"
#include "cli/ledger_source.h"

enum { ROWS = 5 };

struct chain {
    struct ledger_record records[ROWS];
    uint8_t commitments[ROWS][LEDGER_HASH_LENGTH];
};

static const uint8_t salt[LEDGER_SALT_LENGTH] = {1, 2, 3};
static const uint8_t operation[16] = {9, 8, 7};

/* Makes row INDEX, whose previous row has the hash PREVIOUS. */
static void make_record(struct chain *chain, size_t index,
                        const uint8_t previous[LEDGER_HASH_LENGTH])
{
    struct ledger_record *record = &chain->records[index];
    *record = (struct ledger_record){
        .row = {.node = 1,
                .sequence = index + 1,
                .time_ms = 1000 + (int64_t)index,
                .kind = slice_text("update"),
                .zone = slice_text("auth.example.org"),
                .delegate = slice_text("label"),
                .key_id = slice_text("0f4a7a1c-3f5b-4a8e-9a53-b0a6f1d9c0de"),
                .detail = slice_text("value"),
                .change = index + 1,
                .operation = slice_of(operation, sizeof(operation)),
                .commitment = slice_of(chain->commitments[index], LEDGER_HASH_LENGTH)},
        .has_private = true,
        .salt = slice_of(salt, sizeof(salt)),
        .address = slice_text("192.0.2.1"),
        .user_agent = slice_text("certbot"),
    };
    memcpy(record->row.previous, previous, LEDGER_HASH_LENGTH);
    assert_int_equal(ledger_commitment(record->salt, record->address, record->user_agent,
                                       chain->commitments[index]),
                     ERR_NONE);
    assert_int_equal(ledger_row_hash(&record->row, record->hash), ERR_NONE);
}

static void make_chain(struct chain *chain)
{
    uint8_t previous[LEDGER_HASH_LENGTH] = {0};
    for (size_t i = 0; i < ROWS; i++) {
        make_record(chain, i, previous);
        memcpy(previous, chain->records[i].hash, sizeof(previous));
    }
}

/* The sequence of the first row that is wrong, 0 if none is. */
static uint64_t first_fault(const struct chain *chain, struct ledger_verifier *verifier)
{
    ledger_verifier_init(verifier);
    for (size_t i = 0; i < ROWS; i++) {
        if (ledger_verifier_take(verifier, &chain->records[i]) != NULL)
            return i + 1;
    }
    return 0;
}

static void a_whole_chain_verifies(void **state)
{
    (void)state;
    struct chain chain;
    struct ledger_verifier verifier;
    make_chain(&chain);
    assert_int_equal(first_fault(&chain, &verifier), 0);
    assert_int_equal(verifier.rows, ROWS);
    assert_int_equal(verifier.erased, 0);
    assert_memory_equal(verifier.hash, chain.records[ROWS - 1].hash, LEDGER_HASH_LENGTH);
}

static void it_verifies_with_addresses_erased(void **state)
{
    (void)state;
    struct chain chain;
    struct ledger_verifier verifier;
    make_chain(&chain);
    chain.records[2].has_private = false;
    chain.records[2].salt = slice_of(NULL, 0);
    assert_int_equal(first_fault(&chain, &verifier), 0);
    assert_int_equal(verifier.erased, 1);
}

static void a_changed_row_is_found(void **state)
{
    (void)state;
    struct ledger_verifier verifier;
    struct chain chain;
    make_chain(&chain);
    chain.records[2].row.detail = slice_text("other");
    assert_int_equal(first_fault(&chain, &verifier), 3);
    make_chain(&chain);
    chain.records[3].row.time_ms++;
    assert_int_equal(first_fault(&chain, &verifier), 4);
    make_chain(&chain);
    chain.records[1].address = slice_text("198.51.100.1");
    assert_int_equal(first_fault(&chain, &verifier), 2);
    make_chain(&chain);
    chain.records[0].row.previous[0] = 1;
    assert_int_equal(first_fault(&chain, &verifier), 1);
}

/* Changing a row and its hash breaks the link of the next. */
static void a_row_hashed_anew_breaks_the_next(void **state)
{
    (void)state;
    struct ledger_verifier verifier;
    struct chain chain;
    make_chain(&chain);
    chain.records[1].row.detail = slice_text("other");
    assert_int_equal(ledger_row_hash(&chain.records[1].row, chain.records[1].hash), ERR_NONE);
    assert_int_equal(first_fault(&chain, &verifier), 3);
}

static void missing_and_repeated_rows_are_found(void **state)
{
    (void)state;
    struct ledger_verifier verifier;
    struct chain chain;
    make_chain(&chain);
    ledger_verifier_init(&verifier);
    assert_null(ledger_verifier_take(&verifier, &chain.records[0]));
    assert_non_null(ledger_verifier_take(&verifier, &chain.records[2]));
    ledger_verifier_init(&verifier);
    assert_null(ledger_verifier_take(&verifier, &chain.records[0]));
    assert_non_null(ledger_verifier_take(&verifier, &chain.records[0]));
    ledger_verifier_init(&verifier);
    assert_non_null(ledger_verifier_take(&verifier, &chain.records[1]));
}

/* Whoever can hash anew can hide a row, but not its number. */
static void a_gap_is_found_even_if_the_hashes_link(void **state)
{
    (void)state;
    struct ledger_verifier verifier;
    struct chain chain;
    make_chain(&chain);
    chain.records[1].row.sequence = 3;
    assert_int_equal(ledger_row_hash(&chain.records[1].row, chain.records[1].hash), ERR_NONE);
    ledger_verifier_init(&verifier);
    assert_null(ledger_verifier_take(&verifier, &chain.records[0]));
    assert_non_null(ledger_verifier_take(&verifier, &chain.records[1]));
}

static void each_node_has_a_chain(void **state)
{
    (void)state;
    struct ledger_verifier verifier;
    struct chain chain;
    make_chain(&chain);
    const uint8_t nothing[LEDGER_HASH_LENGTH] = {0};
    chain.records[3].row.node = 2;
    chain.records[3].row.sequence = 1;
    memcpy(chain.records[3].row.previous, nothing, sizeof(nothing));
    assert_int_equal(ledger_row_hash(&chain.records[3].row, chain.records[3].hash), ERR_NONE);
    ledger_verifier_init(&verifier);
    for (size_t i = 0; i < 4; i++)
        assert_null(ledger_verifier_take(&verifier, &chain.records[i]));
    assert_int_equal(verifier.nodes, 2);
    assert_non_null(ledger_verifier_take(&verifier, &chain.records[2]));
}

static json_t *json_of(const struct ledger_record *record)
{
    char texts[5][2 * LEDGER_HASH_LENGTH + 1];
    const struct ledger_row *row = &record->row;
    hex_encode(row->operation, texts[0]);
    hex_encode(slice_of(row->previous, LEDGER_HASH_LENGTH), texts[1]);
    hex_encode(slice_of(record->hash, LEDGER_HASH_LENGTH), texts[2]);
    hex_encode(row->commitment, texts[3]);
    hex_encode(record->salt, texts[4]);
    return json_pack("{s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s,"
                     " s:s}",
                     "node", (json_int_t)row->node, "sequence", (json_int_t)row->sequence,
                     "time_ms", (json_int_t)row->time_ms, "kind", row->kind.data, "zone",
                     row->zone.data, "delegate", row->delegate.data, "key", row->key_id.data,
                     "detail", row->detail.data, "change", (json_int_t)row->change, "operation",
                     texts[0], "previous", texts[1], "hash", texts[2], "commitment", texts[3],
                     "salt", texts[4], "address", record->address.data, "user_agent",
                     record->user_agent.data);
}

static void rows_come_through_json_unchanged(void **state)
{
    (void)state;
    struct chain chain;
    struct ledger_verifier verifier;
    uint8_t bytes[LEDGER_ROW_BYTES];
    struct ledger_record read;
    make_chain(&chain);
    ledger_verifier_init(&verifier);
    json_t *row = json_of(&chain.records[0]);
    assert_true(ledger_record_of_json(row, bytes, &read));
    assert_true(read.has_private);
    assert_null(ledger_verifier_take(&verifier, &read));
    (void)json_object_set_new(row, "hash", json_string("00"));
    assert_false(ledger_record_of_json(row, bytes, &read));
    json_decref(row);
    assert_false(ledger_record_of_json(NULL, bytes, &read));
}

static void run_sql(sqlite3 *db, const char *sql)
{
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void insert(sqlite3 *db, const struct ledger_record *record)
{
    char sql[4096];
    char texts[5][2 * LEDGER_HASH_LENGTH + 1];
    hex_encode(record->row.operation, texts[0]);
    hex_encode(record->row.commitment, texts[1]);
    hex_encode(slice_of(record->row.previous, LEDGER_HASH_LENGTH), texts[2]);
    hex_encode(slice_of(record->hash, LEDGER_HASH_LENGTH), texts[3]);
    hex_encode(record->salt, texts[4]);
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO ledger VALUES (%d, %d, %d, '%s', '%s', '%s', '%s', '%s', %d, x'%s',"
                   " x'%s', x'%s', x'%s');"
                   "INSERT INTO ledger_private VALUES (%d, %d, x'%s', '%s', '%s');",
                   (int)record->row.node, (int)record->row.sequence, (int)record->row.time_ms,
                   record->row.kind.data, record->row.zone.data, record->row.delegate.data,
                   record->row.key_id.data, record->row.detail.data, (int)record->row.change,
                   texts[0], texts[1], texts[2], texts[3], (int)record->row.node,
                   (int)record->row.sequence, texts[4], record->address.data,
                   record->user_agent.data);
    run_sql(db, sql);
}

struct walk {
    struct ledger_verifier verifier;
    const char *fault;
};

static bool take(void *context, const struct ledger_record *record)
{
    struct walk *walk = context;
    walk->fault = ledger_verifier_take(&walk->verifier, record);
    return walk->fault == NULL;
}

/* A folder of its own with a database of the whole CHAIN in it; DB is its writer. */
struct database {
    char folder[64];
    char path[80];
    sqlite3 *db;
};

static void make_database(const struct chain *chain, struct database *out)
{
    (void)snprintf(out->folder, sizeof(out->folder), "/tmp/locum ledger?%%#-XXXXXX");
    assert_non_null(mkdtemp(out->folder));
    (void)snprintf(out->path, sizeof(out->path), "%s/a.db", out->folder);
    assert_int_equal(sqlite3_open(out->path, &out->db), SQLITE_OK);
    run_sql(out->db, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
                     "CREATE TABLE ledger (node_id, sequence, time_ms, kind, zone, delegate,"
                     " key_id, detail, change_sequence, operation, commitment, previous, hash);"
                     "CREATE TABLE ledger_private (node_id, sequence, salt, address, user_agent);");
    for (size_t i = 0; i < ROWS; i++)
        insert(out->db, &chain->records[i]);
}

static void remove_database(struct database *database)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LENGTH(ends); i++) {
        char path[96];
        (void)snprintf(path, sizeof(path), "%s%s", database->path, ends[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(database->folder), 0);
}

static enum error walk_file(const struct database *database, struct walk *walk)
{
    char why[256];
    *walk = (struct walk){.fault = NULL};
    ledger_verifier_init(&walk->verifier);
    return ledger_file_walk(database->path, take, walk, why, sizeof(why));
}

/* The writer stays open, as locumd would: rows in the -wal file count. */
static void the_sqlite_file_is_read_while_it_is_written(void **state)
{
    (void)state;
    struct chain chain;
    struct walk walk;
    struct database database;
    make_chain(&chain);
    make_database(&chain, &database);
    assert_int_equal(walk_file(&database, &walk), ERR_NONE);
    assert_null(walk.fault);
    assert_int_equal(walk.verifier.rows, ROWS);
    run_sql(database.db, "DELETE FROM ledger_private WHERE sequence < 3;"
                         "UPDATE ledger SET detail = 'other' WHERE sequence = 4;");
    assert_int_equal(walk_file(&database, &walk), ERR_NONE);
    assert_non_null(walk.fault);
    assert_int_equal(walk.verifier.sequence, 3);
    assert_int_equal(walk.verifier.erased, 2);
    (void)sqlite3_close(database.db);
    remove_database(&database);
}

/* Root may write everywhere, so a child without rights does the reading. */
static void a_backup_in_a_folder_of_others_is_read(void **state)
{
    (void)state;
    struct chain chain;
    struct database database;
    int status = -1;
    make_chain(&chain);
    make_database(&chain, &database);
    assert_int_equal(sqlite3_close(database.db), SQLITE_OK);
    assert_int_equal(chmod(database.path, 0444), 0);
    assert_int_equal(chmod(database.folder, 0555), 0);
    pid_t child = fork();
    if (child == 0) {
        struct walk walk;
        bool read = (geteuid() != 0 || setuid(65534) == 0) &&
                    walk_file(&database, &walk) == ERR_NONE && walk.verifier.rows == ROWS;
        _exit(read ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(database.folder, 0700), 0);
    remove_database(&database);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_chain_verifies),
        cmocka_unit_test(it_verifies_with_addresses_erased),
        cmocka_unit_test(a_changed_row_is_found),
        cmocka_unit_test(a_row_hashed_anew_breaks_the_next),
        cmocka_unit_test(missing_and_repeated_rows_are_found),
        cmocka_unit_test(a_gap_is_found_even_if_the_hashes_link),
        cmocka_unit_test(each_node_has_a_chain),
        cmocka_unit_test(rows_come_through_json_unchanged),
        cmocka_unit_test(the_sqlite_file_is_read_while_it_is_written),
        cmocka_unit_test(a_backup_in_a_folder_of_others_is_read),
    };
    return cmocka_run_group_tests_name("cli ledger", tests, NULL, NULL);
}
