/*
 * The store and the writer over a real database: migrations, change records, the ledger's chain,
 * and that one bad operation fails alone. Run under ThreadSanitizer as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driven_clock.h"
#include "store/schema.h"
#include "store/writer.h"

struct world {
    char folder[64], path[96];
    struct driven_clock driven;
    struct clock clock;
    struct log log;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    snprintf(world->folder, sizeof(world->folder), "/tmp/locum-store-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->path, sizeof(world->path), "%s/locum.db", world->folder);
    world->driven.wall_ms = 1800000000000;
    world->clock = driven_clock_of(&world->driven);
    log_init(&world->log, STDERR_FILENO, "test");
    atomic_store(&world->log.level, LOG_LEVEL_ERROR);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", world->folder);
    free(world);
    return system(command);
}

static struct store *open_store(struct world *world)
{
    struct store *store = NULL;
    char why[256] = "";
    const struct store_settings settings = {world->path, "test", &world->clock};
    enum error error = store_open(&settings, &store, why, sizeof(why));
    assert_string_equal(why, "");
    assert_int_equal(error, ERR_NONE);
    return store;
}

/* Runs SQL on the file, beside locum. */
static void run_sql(struct world *world, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void expect_refused(struct world *world, const char *expected)
{
    struct store *store;
    char why[256];
    const struct store_settings settings = {world->path, "test", &world->clock};
    assert_int_equal(store_open(&settings, &store, why, sizeof(why)), ERR_CONFIG);
    assert_non_null(strstr(why, expected));
}

static void a_new_database_gets_the_newest_schema(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 2; i++) {
        struct store *store = open_store(world);
        assert_int_equal(store_node(store), 1);
        store_close(store);
    }
}

static void a_newer_or_foreign_database_is_refused(void **state)
{
    struct world *world = *state;
    store_close(open_store(world));
    run_sql(world, "UPDATE meta SET value = '99' WHERE name = 'schema'");
    expect_refused(world, "newer");
    run_sql(world, "UPDATE meta SET value = 'x' WHERE name = 'schema'");
    expect_refused(world, "not one of locum's");
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    struct world *world = *state;
    struct store *store;
    char why[256];
    FILE *file = fopen(world->path, "w");
    assert_non_null(file);
    for (int i = 0; i < 500; i++)
        fputs("this is no database\n", file);
    fclose(file);
    const struct store_settings settings = {world->path, "test", &world->clock};
    assert_int_equal(store_open(&settings, &store, why, sizeof(why)), ERR_STORAGE);
    assert_non_null(strstr(why, "not a database"));
}

static long size_of_file(const char *path)
{
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    return (long)about.st_size;
}

static void the_log_is_copied_and_used_again(void **state)
{
    struct world *world = *state;
    char log_path[112];
    struct store *store = open_store(world);
    snprintf(log_path, sizeof(log_path), "%s-wal", world->path);
    long size = size_of_file(world->path), log_size = 0;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(store_probe(store), ERR_NONE);
        db_checkpoint(store_db(store), true);
        if (i == 0)
            log_size = size_of_file(log_path);
    }
    assert_true(size_of_file(world->path) > size);
    assert_int_equal(size_of_file(log_path), log_size);
    store_close(store);
}

static void change_records_survive_their_encoding(void **state UNUSED)
{
    for (enum change_kind kind = CHANGE_DELEGATE_ADDED; kind <= CHANGE_ZONE_SERIAL; kind++) {
        uint8_t buffer[4096];
        struct change change = {.kind = kind,
                                .zone = 7,
                                .delegate = 1234567890123,
                                .label = slice_text("label"),
                                .used = kind == CHANGE_DELEGATE_ADDED,
                                .value_count = kind == CHANGE_VALUES_SET ? 2 : 0,
                                .serial = kind == CHANGE_ZONE_SERIAL ? 99 : 0};
        for (uint32_t i = 0; i < change.value_count; i++) {
            memset(change.values[i].text, 'a' + (int)i, ACME_TXT_LENGTH);
            change.values[i].sequence = i;
            change.values[i].added_ms = -5;
        }
        struct writer writer = writer_of(buffer, sizeof(buffer));
        change_encode(&change, &writer);
        assert_false(writer.failed);
        struct change back;
        assert_int_equal(change_decode(writer_slice(&writer), &back), ERR_NONE);
        assert_int_equal(back.kind, kind);
        assert_int_equal(back.delegate, change.delegate);
        assert_int_equal(back.used, change.used);
        assert_int_equal(back.serial, change.serial);
        assert_int_equal(back.value_count, change.value_count);
        assert_memory_equal(back.values, change.values, sizeof(back.values));
        for (size_t cut = 0; cut < writer_length(&writer); cut++)
            assert_int_equal(change_decode(slice_of(buffer, cut), &back), ERR_MALFORMED);
    }
}

/* Statements that run for every update, or by timer, must not cost more as the tables grow. */
static void frequent_statements_never_walk_a_table(void **state)
{
    static const enum statement frequent[] = {SQL_VALUES_OLD,
                                              SQL_DELEGATES_UNUSED,
                                              SQL_CHANGES_PRUNE,
                                              SQL_VALUES_OF_DELEGATE,
                                              SQL_KEY_IS_VALID,
                                              SQL_VALUE_REMOVE,
                                              SQL_ZONE_SET_SERIAL,
                                              SQL_DELEGATE_MARK_USED,
                                              SQL_TOKEN_FIND_HASH,
                                              SQL_LEDGER_HEAD,
                                              SQL_CHANGE_LAST,
                                              SQL_CHANGES_FROM,
                                              SQL_KEYS_OF_DELEGATE,
                                              SQL_DELEGATE_BY_ID,
                                              SQL_DELEGATE_FIND,
                                              SQL_DOMAINS_REMOVE,
                                              SQL_SIGHTING_COUNT_OF_VALUE};
    struct world *world = *state;
    sqlite3 *db;
    store_close(open_store(world));
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    for (size_t i = 0; i < ARRAY_LENGTH(frequent); i++) {
        char sql[1024];
        sqlite3_stmt *plan;
        snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", statement_text(frequent[i]));
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &plan, NULL), SQLITE_OK);
        while (sqlite3_step(plan) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(plan, 3);
            bool walks = strncmp(step, "SCAN", 4) == 0 && strstr(step, "USING") == NULL;
            if (walks || strstr(step, "TEMP B-TREE") != NULL)
                fail_msg("%s: %s", statement_text(frequent[i]), step);
        }
        sqlite3_finalize(plan);
    }
    sqlite3_close(db);
}

/* ---- the ledger ---- */

struct walk {
    uint64_t rows;
    uint8_t previous[LEDGER_HASH_LENGTH];
};

static enum error check_row(void *context, const struct db_row *row)
{
    struct walk *walk = context;
    uint8_t hash[LEDGER_HASH_LENGTH];
    struct ledger_row ledger = {.node = (uint64_t)db_integer(row, 0),
                                .sequence = (uint64_t)db_integer(row, 1),
                                .time_ms = db_integer(row, 2),
                                .kind = db_bytes(row, 3),
                                .zone = db_bytes(row, 4),
                                .delegate = db_bytes(row, 5),
                                .key_id = db_bytes(row, 6),
                                .detail = db_bytes(row, 7),
                                .change = (uint64_t)db_integer(row, 8),
                                .operation = db_bytes(row, 9),
                                .commitment = db_bytes(row, 10)};
    memcpy(ledger.previous, walk->previous, sizeof(ledger.previous));
    assert_int_equal(ledger.sequence, ++walk->rows);
    assert_memory_equal(db_bytes(row, 11).data, walk->previous, LEDGER_HASH_LENGTH);
    assert_int_equal(ledger_row_hash(&ledger, hash), ERR_NONE);
    assert_memory_equal(db_bytes(row, 12).data, hash, LEDGER_HASH_LENGTH);
    if (ledger.commitment.length > 0) {
        uint8_t commitment[LEDGER_HASH_LENGTH];
        assert_int_equal(
            ledger_commitment(db_bytes(row, 13), db_bytes(row, 14), db_bytes(row, 15), commitment),
            ERR_NONE);
        assert_memory_equal(ledger.commitment.data, commitment, LEDGER_HASH_LENGTH);
    }
    memcpy(walk->previous, hash, sizeof(hash));
    return ERR_NONE;
}

static void append(struct store *store, const char *kind, bool with_origin)
{
    const struct ledger_entry entry = {
        .kind = kind,
        .label = slice_text("label"),
        .detail = slice_text("detail"),
        .origin = {with_origin, {4, {192, 0, 2, 1}}, slice_text("agent\xff")}};
    assert_int_equal(store_ledger(store, &entry), ERR_NONE);
}

static void the_ledger_is_one_chain_whatever_was_rolled_back(void **state)
{
    struct world *world = *state;
    struct store *store = open_store(world);
    const struct change *changes;
    size_t count;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(store_begin(store), ERR_NONE);
        append(store, "one", true);
        append(store, "two", false);
        if (i % 3 == 1) {
            store_rollback(store);
        } else {
            assert_int_equal(store_commit(store, &changes, &count), ERR_NONE);
        }
        if (i == 3) {
            store_close(store);
            store = open_store(world);
        }
    }
    struct walk walk = {0};
    const struct db_value values[] = {DB_OF_INT(1), DB_OF_INT(0), DB_OF_INT(1000)};
    assert_int_equal(db_run(store_db(store), SQL_LEDGER_PAGE, values, 3, check_row, &walk),
                     ERR_NONE);
    assert_int_equal(walk.rows, 8);
    store_close(store);
}

/* ---- the writer ---- */

struct test_operation {
    struct operation operation;
    enum error fails_with;
    int runs;
    int finished;
    enum error result;
    int *left; /* operations whose end is awaited */
    pthread_mutex_t *mutex;
    pthread_cond_t *ended;
};

static enum error run_change(struct operation *operation, struct store *store)
{
    struct test_operation *test = CONTAINER_OF(operation, struct test_operation, operation);
    const struct change change = {.kind = CHANGE_ZONE_SERIAL, .zone = 9, .serial = 1};
    test->runs++;
    if (test->fails_with == ERR_FORBIDDEN)
        return ERR_FORBIDDEN;
    enum error error = store_change(store, &change, false);
    return error == ERR_NONE ? test->fails_with : error;
}

static void test_done(struct operation *operation, enum error error)
{
    struct test_operation *test = CONTAINER_OF(operation, struct test_operation, operation);
    pthread_mutex_lock(test->mutex);
    test->result = error;
    test->finished++;
    if (--*test->left == 0)
        pthread_cond_signal(test->ended);
    pthread_mutex_unlock(test->mutex);
}

static enum error count_applied(void *context, const struct change *change UNUSED)
{
    ++*(int *)context;
    return ERR_NONE;
}

static void reclaim_nothing(void *context UNUSED) {}

static void one_bad_operation_fails_alone(void **state)
{
    enum { COUNT = 20, BAD = 7, REFUSED = 11 };
    struct world *world = *state;
    struct store *store = open_store(world);
    struct writer_thread *writer;
    struct test_operation operations[COUNT];
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
    int left = COUNT, applied = 0;
    const struct writer_settings settings = {.store = store,
                                             .log = &world->log,
                                             .clock = &world->clock,
                                             .apply = count_applied,
                                             .apply_stored = count_applied,
                                             .reclaim = reclaim_nothing,
                                             .context = &applied};
    assert_int_equal(writer_new(&settings, &writer), ERR_NONE);
    for (int i = 0; i < COUNT; i++) { /* queued before the thread runs: one batch */
        operations[i] = (struct test_operation){.operation = {.run = run_change, .done = test_done},
                                                .left = &left,
                                                .mutex = &mutex,
                                                .ended = &ended};
        operations[i].operation.id[0] = (uint8_t)i;
        if (i == BAD)
            operations[i].fails_with = ERR_INTERNAL;
        if (i == REFUSED)
            operations[i].fails_with = ERR_FORBIDDEN;
        assert_int_equal(writer_submit(writer, &operations[i].operation), ERR_NONE);
    }
    assert_int_equal(writer_start(writer), ERR_NONE);
    pthread_mutex_lock(&mutex);
    while (left > 0)
        pthread_cond_wait(&ended, &mutex);
    pthread_mutex_unlock(&mutex);
    writer_stop(writer);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(operations[i].result, operations[i].fails_with);
        assert_int_equal(operations[i].finished, 1);
    }
    assert_int_equal(applied, COUNT - 2);
    assert_int_equal(store_sequence(store), COUNT - 2);
    assert_int_equal(writer_submit(writer, &operations[0].operation), ERR_STORAGE);
    writer_free(writer);
    store_close(store);
}

/* An operation that adds a zone; the store refuses it once the row is written. */
static enum error run_add_zone(struct operation *operation UNUSED, struct store *store)
{
    uint16_t id;
    return store_zone(store, "one.too.many.example", &id);
}

static void a_zone_too_many_leaves_nothing_behind(void **state)
{
    struct world *world = *state;
    store_close(open_store(world));
    run_sql(world, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 255)"
                   " INSERT INTO zone (name, serial, created_ms) SELECT 'z' || i, 1, 1 FROM n");
    struct store *store = open_store(world);
    struct writer_thread *writer;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
    int left = 1, applied = 0;
    const struct writer_settings settings = {.store = store,
                                             .log = &world->log,
                                             .clock = &world->clock,
                                             .apply = count_applied,
                                             .apply_stored = count_applied,
                                             .reclaim = reclaim_nothing,
                                             .context = &applied};
    struct test_operation test = {.operation = {.run = run_add_zone, .done = test_done},
                                  .left = &left,
                                  .mutex = &mutex,
                                  .ended = &ended};
    assert_int_equal(writer_new(&settings, &writer), ERR_NONE);
    assert_int_equal(writer_submit(writer, &test.operation), ERR_NONE);
    assert_int_equal(writer_start(writer), ERR_NONE);
    writer_stop(writer);
    assert_int_equal(test.finished, 1);
    assert_int_equal(test.result, ERR_TOO_LARGE);
    assert_int_equal(applied, 0);
    writer_free(writer);
    store_close(store);
    store_close(
        open_store(world)); /* as before: an id beyond the tables would refuse every start */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_database_gets_the_newest_schema, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_or_foreign_database_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_database_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_log_is_copied_and_used_again, set_up, tear_down),
        cmocka_unit_test(change_records_survive_their_encoding),
        cmocka_unit_test_setup_teardown(frequent_statements_never_walk_a_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_ledger_is_one_chain_whatever_was_rolled_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_bad_operation_fails_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_zone_too_many_leaves_nothing_behind, set_up, tear_down),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
