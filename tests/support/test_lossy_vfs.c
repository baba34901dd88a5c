/*
 * The test build's storage keeps what was synced, loses what was not, and fails when asked to.
 * Each case kills a child process and looks at what is left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault_control.h"
#include "lossy_shadow.h"

static char folder[64];
static char database[128];
static uint32_t *faults;

static void run(sqlite3 *db, const char *sql)
{
    char *why = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fprintf(stderr, "# %s: %s\n", sql, why);
        _exit(3);
    }
}

static int number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int value = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static sqlite3 *open_database(const char *synchronous)
{
    sqlite3 *db = NULL;
    char sql[64];
    if (sqlite3_open(database, &db) != SQLITE_OK)
        _exit(4);
    run(db, "PRAGMA journal_mode=WAL");
    snprintf(sql, sizeof(sql), "PRAGMA synchronous=%s", synchronous);
    run(db, sql);
    return db;
}

/* Runs WORK in a child that then kills itself. */
static void in_killed_child(void (*work)(void))
{
    pid_t child = fork();
    if (child == 0) {
        work();
        kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static int rows_left(void)
{
    sqlite3 *db = open_database("FULL");
    int rows = number(db, "SELECT count(*) FROM row");
    assert_int_equal(number(db, "SELECT count(*) FROM pragma_integrity_check "
                                "WHERE integrity_check <> 'ok'"),
                     0);
    sqlite3_close(db);
    return rows;
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/lossy-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(database, sizeof(database), "%s/db", folder);
    memset(faults, 0, FAULT_WORDS * sizeof(uint32_t));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = {"db", "db-wal", "db-shm", "db-journal", "plain"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static void make_table(void)
{
    sqlite3 *db = open_database("FULL");
    run(db, "CREATE TABLE row(id INTEGER PRIMARY KEY, text BLOB)");
    sqlite3_close(db);
}

static void insert_rows(sqlite3 *db, int count)
{
    for (int i = 0; i < count; i++)
        run(db, "INSERT INTO row(text) VALUES (randomblob(700))");
}

static void hundred_full(void)
{
    insert_rows(open_database("FULL"), 100);
}

static void hundred_off(void)
{
    insert_rows(open_database("OFF"), 100);
}

static void commits_with_synchronous_full_survive_a_kill(void **state)
{
    (void)state;
    make_table();
    in_killed_child(hundred_full);
    assert_int_equal(rows_left(), 100);
}

static void commits_with_synchronous_off_are_lost(void **state)
{
    (void)state;
    make_table();
    in_killed_child(hundred_off);
    assert_int_equal(rows_left(), 0);
}

static void commits_are_lost_when_syncs_are_ignored(void **state)
{
    (void)state;
    make_table();
    faults[FAULT_SYNCS_IGNORED] = 1;
    in_killed_child(hundred_full);
    faults[FAULT_SYNCS_IGNORED] = 0;
    assert_int_equal(rows_left(), 0);
}

static void commits_survive_although_unsynced_writes_leak(void **state)
{
    (void)state;
    make_table();
    faults[FAULT_LEAK_PERCENT] = 50;
    in_killed_child(hundred_full);
    faults[FAULT_LEAK_PERCENT] = 0;
    assert_int_equal(rows_left(), 100);
}

static void checkpoint_in_between(void)
{
    sqlite3 *db = open_database("FULL");
    for (int i = 0; i < 5; i++) {
        insert_rows(db, 20);
        run(db, i % 2 ? "PRAGMA wal_checkpoint(TRUNCATE)" : "PRAGMA wal_checkpoint(PASSIVE)");
    }
}

static void checkpoints_lose_nothing(void **state)
{
    (void)state;
    make_table();
    in_killed_child(checkpoint_in_between);
    assert_int_equal(rows_left(), 100);
}

static void connections_see_each_other(void **state)
{
    (void)state;
    make_table();
    sqlite3 *one = open_database("OFF");
    sqlite3 *two = open_database("OFF");
    for (int i = 1; i <= 20; i++) {
        insert_rows(i % 2 ? one : two, 1);
        assert_int_equal(number(i % 2 ? two : one, "SELECT count(*) FROM row"), i);
    }
    sqlite3_close(one);
    insert_rows(two, 1);
    sqlite3_close(two);
    assert_int_equal(rows_left(), 21);
}

/* Has the next sync fail and forget its data, and commits again. */
static void commit_over_a_failed_sync(void)
{
    sqlite3 *db = open_database("FULL");
    insert_rows(db, 5);
    faults[FAULT_SYNC_DROPS] = 1;
    faults[FAULT_SYNC_FAILURES] = 1;
    if (sqlite3_exec(db, "INSERT INTO row(text) VALUES (randomblob(700))", NULL, NULL, NULL) ==
        SQLITE_OK)
        _exit(5);
    if (faults[FAULT_SYNC_FAILURES] != 0)
        _exit(6);
    run(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    insert_rows(db, 5);
}

static void a_truncating_checkpoint_mends_a_failed_sync(void **state)
{
    (void)state;
    make_table();
    in_killed_child(commit_over_a_failed_sync);
    assert_int_equal(rows_left(), 10);
}

static sqlite3_file *open_plain(char *path, size_t size)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
    snprintf(path, size, "%s/plain", folder);
    assert_int_equal(
        vfs->xOpen(vfs, path, file,
                   SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
        SQLITE_OK);
    return file;
}

static int on_disk(const char *path, void *buffer, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t found = fread(buffer, 1, size, file);
    fclose(file);
    return (int)found;
}

static void what_a_failed_sync_dropped_is_read_but_never_written(void **state)
{
    (void)state;
    char path[128], text[8] = "", disk[8] = "";
    sqlite3_file *file = open_plain(path, sizeof(path));
    assert_int_equal(file->pMethods->xWrite(file, "before", 6, 0), SQLITE_OK);
    assert_int_equal(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_int_equal(file->pMethods->xWrite(file, "after.", 6, 0), SQLITE_OK);
    faults[FAULT_SYNC_DROPS] = faults[FAULT_SYNC_FAILURES] = 1;
    assert_int_equal(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL), SQLITE_IOERR_FSYNC);
    assert_int_equal(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_int_equal(file->pMethods->xRead(file, text, 6, 0), SQLITE_OK);
    assert_string_equal(text, "after.");
    assert_int_equal(on_disk(path, disk, sizeof(disk)), 6);
    assert_string_equal(disk, "before");
    file->pMethods->xClose(file);
    free(file);
}

static void a_full_disk_refuses_writes(void **state)
{
    (void)state;
    make_table();
    sqlite3 *db = open_database("FULL");
    faults[FAULT_WRITES_FULL] = 1;
    assert_int_equal(sqlite3_exec(db, "INSERT INTO row(id) VALUES (1)", NULL, NULL, NULL),
                     SQLITE_FULL);
    faults[FAULT_WRITES_FULL] = 0;
    run(db, "INSERT INTO row(id) VALUES (1)");
    assert_int_equal(number(db, "SELECT count(*) FROM row"), 1);
    sqlite3_close(db);
}

enum { MODEL_MAX = 40000 };

/* One random step on the file and on MODEL, which is what the file has to hold. */
static void random_step(sqlite3_file *file, uint8_t *model, int *size)
{
    uint8_t bytes[9000];
    int offset = rand() % (MODEL_MAX - (int)sizeof(bytes));
    int amount = 1 + rand() % (int)sizeof(bytes);
    switch (rand() % 8) {
    case 0:
        assert_int_equal(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL), SQLITE_OK);
        break;
    case 1:
        offset = *size > 0 ? rand() % *size : 0;
        assert_int_equal(file->pMethods->xTruncate(file, offset), SQLITE_OK);
        memset(model + offset, 0, (size_t)(MODEL_MAX - offset));
        *size = offset;
        break;
    default:
        memset(bytes, rand(), sizeof(bytes));
        assert_int_equal(file->pMethods->xWrite(file, bytes, amount, offset), SQLITE_OK);
        memcpy(model + offset, bytes, (size_t)amount);
        if (offset + amount > *size)
            *size = offset + amount;
    }
}

static void a_file_reads_back_what_was_done_to_it(void **state)
{
    (void)state;
    static uint8_t model[MODEL_MAX], read_back[MODEL_MAX];
    char path[128];
    sqlite3_file *file = open_plain(path, sizeof(path));
    int size = 0;
    srand(4711);
    memset(model, 0, sizeof(model));
    for (int i = 0; i < 3000; i++) {
        random_step(file, model, &size);
        sqlite3_int64 found;
        assert_int_equal(file->pMethods->xFileSize(file, &found), SQLITE_OK);
        assert_int_equal(found, size);
        int result = file->pMethods->xRead(file, read_back, MODEL_MAX, 0);
        assert_int_equal(result, size < MODEL_MAX ? SQLITE_IOERR_SHORT_READ : SQLITE_OK);
        assert_memory_equal(read_back, model, MODEL_MAX);
    }
    assert_int_equal(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL), SQLITE_OK);
    file->pMethods->xClose(file);
    free(file);
    assert_int_equal(on_disk(path, read_back, MODEL_MAX), size);
    assert_memory_equal(read_back, model, (size_t)size);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    char control[] = "/tmp/lossy-control-XXXXXX";
    int fd = mkstemp(control);
    setenv("LOCUM_TEST_FAULTS", control, 1);
    fault_control_open();
    faults = mmap(NULL, FAULT_WORDS * sizeof(uint32_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    unlink(control);
    const struct CMUnitTest tests[] = {
        CASE(commits_with_synchronous_full_survive_a_kill),
        CASE(commits_with_synchronous_off_are_lost),
        CASE(commits_are_lost_when_syncs_are_ignored),
        CASE(commits_survive_although_unsynced_writes_leak),
        CASE(checkpoints_lose_nothing),
        CASE(connections_see_each_other),
        CASE(what_a_failed_sync_dropped_is_read_but_never_written),
        CASE(a_truncating_checkpoint_mends_a_failed_sync),
        CASE(a_full_disk_refuses_writes),
        CASE(a_file_reads_back_what_was_done_to_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
