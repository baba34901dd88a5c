/*
 * The credentials file on a real file system: cli/storage.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/storage.h"

struct fixture {
    char folder[32];
    char path[64];
    char *said;
    size_t said_length;
    struct output output;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    (void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/locum-storage-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/credentials.json", fixture->folder);
    fixture->output.err = open_memstream(&fixture->said, &fixture->said_length);
    fixture->output.out = fixture->output.err;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char name[512];
    DIR *folder = opendir(fixture->folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        (void)snprintf(name, sizeof(name), "%s/%s", fixture->folder, entry->d_name);
        (void)unlink(name);
    }
    (void)closedir(folder);
    (void)rmdir(fixture->folder);
    (void)fclose(fixture->output.err);
    free(fixture->said);
    free(fixture);
    return 0;
}

static void write_file(struct fixture *fixture, const char *text, mode_t mode)
{
    int fd = open(fixture->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static void assert_file_is(struct fixture *fixture, const char *text)
{
    char found[4096] = "";
    int fd = open(fixture->path, O_RDONLY);
    assert_true(fd >= 0);
    assert_true(read(fd, found, sizeof(found) - 1) >= 0);
    (void)close(fd);
    assert_string_equal(found, text);
}

static size_t files_in_folder(struct fixture *fixture)
{
    size_t count = 0;
    DIR *folder = opendir(fixture->folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    (void)closedir(folder);
    return count;
}

static json_t *entry_of(const char *fulldomain)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "fulldomain", fulldomain, "subdomain", "label",
                     "username", "id", "password", "secret", "server_url", "https://a.example");
}

static void add(struct fixture *fixture, const char *domain, const char *fulldomain)
{
    struct storage storage;
    assert_int_equal(storage_open_for_writing(fixture->path, &fixture->output, &storage),
                     EXIT_DONE);
    assert_int_equal(storage_add(&storage, domain, entry_of(fulldomain)), EXIT_DONE);
    storage_close(&storage);
}

static void what_was_added_is_found_again(void **state)
{
    struct fixture *fixture = *state;
    struct storage storage;
    struct credentials credentials;
    struct stat status;
    add(fixture, "example.com", "label.auth.example.org");
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(storage_open(fixture->path, &fixture->output, &storage), EXIT_DONE);
    assert_null(credentials_read(storage_find(&storage, "example.com"), &credentials));
    assert_string_equal(credentials.fulldomain, "label.auth.example.org");
    assert_string_equal(credentials.password, "secret");
    assert_null(storage_find(&storage, "example.org"));
    storage_close(&storage);
    assert_int_equal(files_in_folder(fixture), 2); /* with the lock, without temporary files */
}

static void keys_compare_as_domains(void **state)
{
    struct fixture *fixture = *state;
    struct storage storage;
    write_file(fixture, "{\"Example.COM.\": {\"fulldomain\": \"x\"}}", 0600);
    assert_int_equal(storage_open(fixture->path, &fixture->output, &storage), EXIT_DONE);
    assert_non_null(storage_find(&storage, "example.com"));
    storage_close(&storage);
}

static void what_others_wrote_is_kept(void **state)
{
    struct fixture *fixture = *state;
    struct storage storage;
    write_file(fixture,
               "{\"other.example\": {\"fulldomain\": \"o\", \"note\": [1, 2.5, null]}, \"x\": 7}",
               0600);
    add(fixture, "example.com", "label.auth.example.org");
    assert_int_equal(storage_open(fixture->path, &fixture->output, &storage), EXIT_DONE);
    json_t *note = json_object_get(storage_find(&storage, "other.example"), "note");
    assert_int_equal(json_array_size(note), 3);
    assert_int_equal(json_integer_value(storage_find(&storage, "x")), 7);
    assert_non_null(storage_find(&storage, "example.com"));
    storage_close(&storage);
}

static void a_file_that_is_no_json_object_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    static const char *const wrong[] = {"{\"example.com\": {\"password\": \"secret\"", "[1]", "x",
                                        "{\"a\": {}, \"a\": {}}", "\"secret\""};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct storage storage;
        write_file(fixture, wrong[i], 0600);
        assert_int_equal(storage_open(fixture->path, &fixture->output, &storage), EXIT_FAILED);
        assert_int_equal(storage_open_for_writing(fixture->path, &fixture->output, &storage),
                         EXIT_FAILED);
        assert_file_is(fixture, wrong[i]);
    }
    (void)fflush(fixture->output.err);
    assert_non_null(strstr(fixture->said, "is not a JSON object"));
    assert_null(strstr(fixture->said, "secret"));
    assert_int_equal(files_in_folder(fixture), 2);
}

static void an_empty_file_is_an_empty_storage(void **state)
{
    struct fixture *fixture = *state;
    write_file(fixture, "", 0600);
    add(fixture, "example.com", "label.auth.example.org");
    struct storage storage;
    assert_int_equal(storage_open(fixture->path, &fixture->output, &storage), EXIT_DONE);
    assert_non_null(storage_find(&storage, "example.com"));
    storage_close(&storage);
}

static void a_file_open_to_others_is_warned_of(void **state)
{
    struct fixture *fixture = *state;
    struct storage storage;
    write_file(fixture, "{}", 0640);
    assert_int_equal(storage_open(fixture->path, &fixture->output, &storage), EXIT_DONE);
    storage_close(&storage);
    (void)fflush(fixture->output.err);
    assert_non_null(strstr(fixture->said, "chmod 600"));
}

static void a_link_is_written_through(void **state)
{
    struct fixture *fixture = *state;
    char target[64];
    struct stat status;
    (void)snprintf(target, sizeof(target), "%s/target.json", fixture->folder);
    write_file(fixture, "{}", 0600);
    assert_int_equal(rename(fixture->path, target), 0);
    assert_int_equal(symlink(target, fixture->path), 0);
    add(fixture, "example.com", "label.auth.example.org");
    assert_int_equal(lstat(fixture->path, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
}

static void missing_folders_are_made(void **state)
{
    struct fixture *fixture = *state;
    struct storage storage;
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/a/b/credentials.json", fixture->folder);
    assert_int_equal(storage_open_for_writing(path, &fixture->output, &storage), EXIT_DONE);
    assert_int_equal(storage_add(&storage, "example.com", entry_of("x")), EXIT_DONE);
    assert_int_equal(unlink(storage.path), 0);
    storage_close(&storage);
    (void)snprintf(path, sizeof(path), "%s/a/b/credentials.json.lock", fixture->folder);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof(path), "%s/a/b", fixture->folder);
    assert_int_equal(rmdir(path), 0);
    (void)snprintf(path, sizeof(path), "%s/a", fixture->folder);
    assert_int_equal(rmdir(path), 0);
}

/* A file size limit stands in for the full disk: both fail when room is asked for. */
static void no_room_is_found_before_it_is_needed(void **state)
{
    struct fixture *fixture = *state;
    struct storage storage;
    struct rlimit old;
    write_file(fixture, "{\"a\": {}}", 0600);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    const struct rlimit small = {1024, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum exit_code result = storage_open_for_writing(fixture->path, &fixture->output, &storage);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(result, EXIT_UNREACHABLE);
    assert_file_is(fixture, "{\"a\": {}}");
    assert_int_equal(files_in_folder(fixture), 2);
}

static void one_writer_holds_the_lock(void **state)
{
    struct fixture *fixture = *state;
    struct storage storage;
    char path[96];
    assert_int_equal(storage_open_for_writing(fixture->path, &fixture->output, &storage),
                     EXIT_DONE);
    (void)snprintf(path, sizeof(path), "%s.lock", fixture->path);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
    storage_close(&storage);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    (void)close(fd);
}

/* They become HTTP header lines. */
static void credentials_with_control_characters_are_refused(void **state)
{
    (void)state;
    struct credentials credentials;
    json_t *entry = entry_of("label.auth.example.org");
    (void)json_object_set_new(entry, "password", json_string("a\r\nX-Evil:1"));
    assert_string_equal(credentials_read(entry, &credentials), "password");
    (void)json_object_set_new(entry, "fulldomain", json_string("a\x1b[2Jb"));
    assert_string_equal(credentials_read(entry, &credentials), "fulldomain");
    json_decref(entry);
    assert_string_equal(credentials_read(NULL, &credentials), "fulldomain");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_added_is_found_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_compare_as_domains, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_others_wrote_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_json_object_is_left_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_empty_file_is_an_empty_storage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_open_to_others_is_warned_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_link_is_written_through, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_folders_are_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_room_is_found_before_it_is_needed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_writer_holds_the_lock, set_up, tear_down),
        cmocka_unit_test(credentials_with_control_characters_are_refused),
    };
    return cmocka_run_group_tests_name("cli storage", tests, NULL, NULL);
}
