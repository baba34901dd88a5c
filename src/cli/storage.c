/*
 * The credentials file: see storage.h.
 */
#include "cli/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LOCK_TRIES = 1200, /* a minute: longer than the registration another process waits for */
    LOCK_PAUSE_NS = 50 * 1000 * 1000,
    ENTRY_ROOM = 8192, /* bytes that one more entry takes at most */
    FILE_SIZE_MAX = 64 * 1024 * 1024,
};

static enum exit_code storage_trouble(const struct output *output, const char *doing,
                                      const char *path)
{
    return output_fail(output, EXIT_UNREACHABLE, "storage",
                       "cannot %s the credentials file %s (%s); mend that or give another one with "
                       "--storage.",
                       doing, path, strerror(errno));
}

enum exit_code storage_default_path(const struct output *output, char out[PATH_MAX])
{
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int length;
    if (geteuid() == 0)
        length = snprintf(out, PATH_MAX, "/etc/locum/credentials.json");
    else if (config != NULL && config[0] == '/')
        length = snprintf(out, PATH_MAX, "%s/locum/credentials.json", config);
    else if (home != NULL && home[0] == '/')
        length = snprintf(out, PATH_MAX, "%s/.config/locum/credentials.json", home);
    else
        return output_fail(output, EXIT_USAGE, "storage",
                           "there is no HOME to keep credentials in; give a file with --storage.");
    if (length < 0 || length >= PATH_MAX)
        return output_fail(output, EXIT_USAGE, "storage",
                           "the path of the credentials file is too long; give one with "
                           "--storage.");
    return EXIT_DONE;
}

/* Reads the whole of FD. NULL with errno set on failure. */
static json_t *read_json(int fd, off_t size, json_error_t *error)
{
    if (size == 0)
        return json_object(); /* made by touch(1) */
    int copy = dup(fd);
    if (copy < 0)
        return NULL;
    FILE *file = fdopen(copy, "r");
    if (file == NULL) {
        (void)close(copy);
        return NULL;
    }
    json_t *json = json_loadf(file, JSON_REJECT_DUPLICATES, error);
    (void)fclose(file);
    return json;
}

static void warn_if_open_to_others(const struct storage *storage, mode_t mode)
{
    if ((mode & 077) != 0)
        output_warn(storage->output, "storage_mode",
                    "other users can read %s, which holds secrets; run \"chmod 600\" on it.",
                    storage->path);
}

static enum exit_code parse_file(struct storage *storage, int fd, const struct stat *status)
{
    json_error_t error = {.line = -1};
    if (!S_ISREG(status->st_mode) || status->st_size > FILE_SIZE_MAX)
        return output_fail(storage->output, EXIT_FAILED, "storage_malformed",
                           "%s is no credentials file; give another one with --storage.",
                           storage->path);
    json_t *json = read_json(fd, status->st_size, &error);
    if (!json_is_object(json)) {
        json_decref(json);
        /* Not json_error_t.text: it may quote what stands in the file. */
        return output_fail(storage->output, EXIT_FAILED, "storage_malformed",
                           "the credentials file %s is not a JSON object (line %d), and is left as "
                           "it is; mend it or give another one with --storage.",
                           storage->path, error.line > 0 ? error.line : 1);
    }
    storage->entries = json;
    storage->owner = status->st_uid;
    storage->group = status->st_gid;
    warn_if_open_to_others(storage, status->st_mode);
    return EXIT_DONE;
}

static enum exit_code read_file(struct storage *storage)
{
    struct stat status;
    int fd = open(storage->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        storage->entries = json_object();
        return storage->entries != NULL ? EXIT_DONE : output_no_memory(storage->output);
    }
    if (fd < 0)
        return storage_trouble(storage->output, "read", storage->path);
    enum exit_code result = fstat(fd, &status) == 0
                                ? parse_file(storage, fd, &status)
                                : storage_trouble(storage->output, "read", storage->path);
    (void)close(fd);
    return result;
}

/* Starts OUT as the unlocked storage at PATH, with nothing read. */
static enum exit_code start(const char *path, const struct output *output, struct storage *out)
{
    *out = (struct storage){.output = output,
                            .temporary_fd = -1,
                            .lock_fd = -1,
                            .owner = geteuid(),
                            .group = getegid()};
    /* A link is written through, not replaced. */
    if (realpath(path, out->path) != NULL)
        return EXIT_DONE;
    if (strlen(path) + sizeof(".lock.XXXXXX") > PATH_MAX)
        return output_fail(output, EXIT_USAGE, "storage", "the --storage path is too long.");
    memcpy(out->path, path, strlen(path) + 1);
    return EXIT_DONE;
}

enum exit_code storage_open(const char *path, const struct output *output, struct storage *out)
{
    enum exit_code result = start(path, output, out);
    if (result == EXIT_DONE)
        result = read_file(out);
    if (result != EXIT_DONE)
        storage_close(out);
    return result;
}

/* Creates the folders above PATH: for their owner alone, but those that root makes hold the
 * daemon's configuration too. */
static bool make_folders(const char *path)
{
    char folder[PATH_MAX];
    memcpy(folder, path, strlen(path) + 1);
    for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(folder, geteuid() == 0 ? 0755 : 0700) != 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return true;
}

static enum exit_code take_lock(struct storage *storage)
{
    char path[PATH_MAX + 8];
    (void)snprintf(path, sizeof(path), "%s.lock", storage->path);
    storage->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (storage->lock_fd < 0)
        return storage_trouble(storage->output, "lock", storage->path);
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(storage->lock_fd, LOCK_EX | LOCK_NB) == 0)
            return EXIT_DONE;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return storage_trouble(storage->output, "lock", storage->path);
        (void)nanosleep(&pause, NULL);
    }
    return output_fail(storage->output, EXIT_UNREACHABLE, "storage_locked",
                       "another program holds %s; try again when it has ended.", path);
}

/* Makes the temporary file beside the real one, and has the disk set room aside for it. */
static enum exit_code reserve_room(struct storage *storage)
{
    size_t size = json_dumpb(storage->entries, NULL, 0, JSON_INDENT(2)) + ENTRY_ROOM;
    (void)snprintf(storage->temporary, sizeof(storage->temporary), "%s", storage->path);
    size_t length = strlen(storage->temporary);
    (void)snprintf(storage->temporary + length, sizeof(storage->temporary) - length, ".XXXXXX");
    storage->temporary_fd = mkostemp(storage->temporary, O_CLOEXEC);
    if (storage->temporary_fd < 0) {
        storage->temporary[0] = 0;
        return storage_trouble(storage->output, "write", storage->path);
    }
    int error = posix_fallocate(storage->temporary_fd, 0, (off_t)size);
    if (error != 0 && error != EOPNOTSUPP && error != EINVAL) {
        errno = error;
        return storage_trouble(storage->output, "write", storage->path);
    }
    return EXIT_DONE;
}

enum exit_code storage_open_for_writing(const char *path, const struct output *output,
                                        struct storage *out)
{
    enum exit_code result = start(path, output, out);
    if (result == EXIT_DONE && !make_folders(out->path))
        result = storage_trouble(output, "make the folder of", out->path);
    if (result == EXIT_DONE)
        result = take_lock(out);
    if (result == EXIT_DONE)
        result = read_file(out);
    if (result == EXIT_DONE)
        result = reserve_room(out);
    if (result != EXIT_DONE)
        storage_close(out);
    return result;
}

json_t *storage_find(const struct storage *storage, const char *domain)
{
    json_t *exact = json_object_get(storage->entries, domain);
    if (exact != NULL)
        return exact;
    const char *key;
    json_t *entry;
    json_object_foreach(storage->entries, key, entry)
    {
        char normalised[DOMAIN_TEXT_MAX];
        if (domain_normalise(key, normalised) == NULL && strcmp(normalised, domain) == 0)
            return entry;
    }
    return NULL;
}

/* Has the folder that holds PATH remember the rename. */
static bool sync_folder(const char *path)
{
    char folder[PATH_MAX];
    memcpy(folder, path, strlen(path) + 1);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = 0;
    int fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool synced = fsync(fd) == 0 || errno == EINVAL;
    (void)close(fd);
    return synced;
}

static bool write_whole(int fd, const char *text, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t count = pwrite(fd, text + done, length - done, (off_t)done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        done += (size_t)count;
    }
    return ftruncate(fd, (off_t)length) == 0;
}

/* Puts the temporary file, holding TEXT, into the real one's place. */
static bool replace_file(struct storage *storage, const char *text, size_t length)
{
    int fd = storage->temporary_fd;
    if (!write_whole(fd, text, length))
        return false;
    if (geteuid() == 0 && fchown(fd, storage->owner, storage->group) != 0)
        return false;
    if (fsync(fd) != 0 || rename(storage->temporary, storage->path) != 0)
        return false;
    storage->temporary[0] = 0;
    return sync_folder(storage->path);
}

enum exit_code storage_add(struct storage *storage, const char *domain, json_t *entry)
{
    if (json_object_set_new(storage->entries, domain, entry) != 0)
        return output_no_memory(storage->output);
    char *text = json_dumps(storage->entries, JSON_INDENT(2));
    if (text == NULL)
        return output_no_memory(storage->output);
    bool written = replace_file(storage, text, strlen(text));
    explicit_bzero(text, strlen(text));
    free(text);
    return written ? EXIT_DONE : storage_trouble(storage->output, "write", storage->path);
}

void storage_close(struct storage *storage)
{
    if (storage->temporary[0] != 0)
        (void)unlink(storage->temporary);
    if (storage->temporary_fd >= 0)
        (void)close(storage->temporary_fd);
    if (storage->lock_fd >= 0)
        (void)close(storage->lock_fd);
    json_decref(storage->entries);
    storage->temporary[0] = 0;
    storage->temporary_fd = -1;
    storage->lock_fd = -1;
    storage->entries = NULL;
}
