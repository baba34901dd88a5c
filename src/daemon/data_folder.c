/*
 * The daemon's folders (see data_folder.h).
 */
#include "daemon/data_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/holder.h"

/* Makes the folder or sees that it is one. */
static enum error make_folder(const struct config *config, const struct config_text *folder,
                              const char *name, mode_t mode, char why[COMPLAINT_MAX])
{
    struct stat about;

    /* The umask is narrower than some modes; chmod() is not bound by it. */
    if (mkdir(folder->text, mode) == 0 && chmod(folder->text, mode) == 0)
        return ERR_NONE;
    if (errno != EEXIST)
        return config_complain(config, folder->mark, why, "the %s folder %s can't be made: %s",
                               name, folder->text, strerror(errno));
    if (stat(folder->text, &about) != 0)
        return config_complain(config, folder->mark, why, "the %s folder %s can't be used: %s",
                               name, folder->text, strerror(errno));
    if (!S_ISDIR(about.st_mode))
        return config_complain(config, folder->mark, why,
                               "the %s folder %s is no folder; choose another path", name,
                               folder->text);
    /* They could put a database or a socket of their own in the place of ours. */
    if ((about.st_mode & S_IWOTH) != 0)
        return config_complain(config, folder->mark, why,
                               "everybody may write in the %s folder %s; chmod it to %03o", name,
                               folder->text, (unsigned)mode);
    return ERR_NONE;
}

/* What the holder of the lock wrote into it: its process id, or 0. */
static long read_holder(int fd)
{
    char text[32];
    ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

    if (length <= 0)
        return 0;
    text[length] = '\0';
    return strtol(text, NULL, 10);
}

static void write_holder(int fd)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    /* Only a help for people: the lock holds without it. */
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)length, 0) != length)
        return;
}

enum error data_folder_lock(const struct config *config, int *lock, char why[COMPLAINT_MAX])
{
    const struct config_text *folder = &config->server.data;
    char path[4096], holder[HOLDER_MAX];
    enum error error = make_folder(config, folder, "data", 0700, why);
    int fd;

    if (error != ERR_NONE)
        return error;
    if ((size_t)snprintf(path, sizeof(path), "%s/locum.lock", folder->text) >= sizeof(path))
        return config_complain(config, folder->mark, why,
                               "the path of the data folder is too long");
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        return config_complain(config, folder->mark, why, "the data folder %s can't be written: %s",
                               folder->text, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        write_holder(fd);
        *lock = fd;
        return ERR_NONE;
    }
    if (errno == EWOULDBLOCK) {
        process_name(read_holder(fd), holder);
        error = config_complain(config, folder->mark, why,
                                "the data folder %s is in use by %s; stop it or choose another "
                                "folder",
                                folder->text, holder);
    } else {
        error = config_complain(config, folder->mark, why, "the data folder %s can't be locked: %s",
                                folder->text, strerror(errno));
    }
    close(fd);
    return error;
}

enum error run_folder_make(const struct config *config, char why[COMPLAINT_MAX])
{
    return make_folder(config, &config->server.run, "run", 0755, why);
}
