/*
 * The life of the serving process (see serving.h): sockets and locks, the outbound process, the
 * loop over signals, the end.
 */
#include "daemon/serving.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon/data_folder.h"
#include "daemon/outbound.h"

/* ---- before anything is served ---- */

enum error admin_group_find(const struct config *config, gid_t *out, char why[COMPLAINT_MAX])
{
    const struct config_text *name = &config->server.admin_group;
    const struct group *group = getgrnam(name->text);
    char quote[QUOTED_MAX];

    if (group == NULL && config->server.admin_group_given)
        return config_complain(config, name->mark, why,
                               "there is no group %s; make it (groupadd --system) or take the line "
                               "out",
                               quoted(name->text, quote));
    *out = group != NULL ? group->gr_gid : (gid_t)-1;
    return ERR_NONE;
}

static enum error bind_admin(struct serving *serving, char why[COMPLAINT_MAX])
{
    const struct config *config = serving->started;
    char path[sizeof(serving->admin_path)], reason[COMPLAINT_MAX];
    enum error error;

    if ((size_t)snprintf(path, sizeof(path), "%s/admin.sock", config->server.run.text) >=
        sizeof(path))
        return config_complain(config, config->server.run.mark, why,
                               "the path of the run folder is too long for a socket in it");
    error =
        unix_listen(path, 0660, serving->admin_group, &serving->admin_fd, reason, sizeof(reason));
    if (error == ERR_CONFIG)
        return config_complain(config, config->server.run.mark, why, "%s", reason);
    if (error == ERR_NONE)
        memcpy(serving->admin_path, path, sizeof(path));
    return error;
}

/* Everything that another daemon or the machine may refuse us. */
static enum error claim(struct serving *serving, char why[COMPLAINT_MAX])
{
    const struct config *config = serving->started;
    enum error error = admin_group_find(config, &serving->admin_group, why);

    if (error == ERR_NONE)
        error = data_folder_lock(config, &serving->lock, why);
    if (error == ERR_NONE)
        error = run_folder_make(config, why);
    if (error == ERR_NONE)
        error = listening_bind(&serving->dns_sockets, config, &config->dns.listen,
                               config->dns.threads, true, why);
    if (error == ERR_NONE)
        error = listening_bind(&serving->api_sockets, config, &config->api.listen,
                               config->api.threads, false, why);
    if (error == ERR_NONE)
        error = bind_admin(serving, why);
    return error;
}

/* Connections and databases need descriptors: as many as the machine allows. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* The signals we wait for are blocked in every thread that is made from here on. */
static enum error take_signals(int *out)
{
    sigset_t taken;
    int fd;

    sigemptyset(&taken);
    sigaddset(&taken, SIGINT);
    sigaddset(&taken, SIGTERM);
    sigaddset(&taken, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &taken, NULL) != 0)
        return ERR_IO;
    fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return ERR_IO;
    *out = fd;
    return ERR_NONE;
}

/* ---- serving ---- */

/* What is no mistake, but perhaps not meant. */
static void warn(struct serving *serving, const struct reading *reading)
{
    if (serving->admin_group == (gid_t)-1)
        LOG(&serving->log, LOG_LEVEL_WARNING, "admin_group_missing",
            LOG_TEXT("group", serving->started->server.admin_group.text),
            LOG_TEXT("effect", "only root and this user may use admin.sock"));
    certificate_warn(&serving->log, &reading->certificate);
}

static void say_ready(struct serving *serving)
{
    char dns[2048], api[2048];

    listening_describe(&serving->dns_sockets, dns, sizeof(dns));
    listening_describe(&serving->api_sockets, api, sizeof(api));
    LOG(&serving->log, LOG_LEVEL_INFO, "ready", LOG_TEXT("version", LOCUM_VERSION),
        LOG_TEXT("dns", dns), LOG_TEXT("api", api), LOG_TEXT("admin", serving->admin_path));
    notify_ready(&serving->notify);
}

/* Whether the daemon shall stop. */
static bool hear_signals(struct serving *serving)
{
    struct signalfd_siginfo heard;

    while (read(serving->signals, &heard, sizeof(heard)) == (ssize_t)sizeof(heard)) {
        if (heard.ssi_signo != SIGHUP) {
            LOG(&serving->log, LOG_LEVEL_INFO, "stopping",
                LOG_TEXT("signal", heard.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM"));
            return true;
        }
        serving_ask_reload(serving);
    }
    return false;
}

static void wait_until_told(struct serving *serving)
{
    for (;;) {
        struct pollfd ready[] = {{.fd = serving->signals, .events = POLLIN},
                                 {.fd = serving->channel.fd, .events = POLLIN}};

        if (poll(ready, ARRAY_LENGTH(ready), -1) < 0 && errno != EINTR)
            return;
        if (hear_signals(serving))
            return;
        if (ready[1].revents != 0)
            serving_hear(serving);
    }
}

static void serving_fini(struct serving *serving)
{
    if (serving->keeper > 0)
        outbound_stop(&serving->channel, serving->keeper);
    else
        channel_fini(&serving->channel);
    listening_fini(&serving->dns_sockets);
    listening_fini(&serving->api_sockets);
    if (serving->admin_fd >= 0)
        close(serving->admin_fd);
    if (serving->admin_path[0] != '\0')
        (void)unlink(serving->admin_path);
    notify_fini(&serving->notify);
    if (serving->signals >= 0)
        close(serving->signals);
    if (serving->current != serving->started)
        config_free(serving->current);
    config_free(serving->started);
    if (serving->lock >= 0)
        close(serving->lock);
}

/* A refusal is a plain line, as those of the configuration are; the rest is an event. */
static enum exit_code say_failure(struct serving *serving, enum error error, const char *why)
{
    if (error == ERR_CONFIG) {
        fprintf(stderr, "%s\n", why);
        return EXIT_CONFIG;
    }
    LOG(&serving->log, LOG_LEVEL_ERROR, "start_failed", LOG_ERROR(error), LOG_TEXT("why", why));
    return EXIT_FAILED;
}

static enum exit_code run(struct serving *serving, const char *file, struct reading *reading)
{
    char why[COMPLAINT_MAX] = "";
    enum exit_code code = EXIT_STOPPED;
    enum error error = take_signals(&serving->signals);

    if (error == ERR_NONE)
        error = claim(serving, why);
    if (error == ERR_NONE)
        error = outbound_start(file, &serving->log, &serving->channel, &serving->keeper);
    if (error == ERR_NONE) {
        warn(serving, reading);
        error = serving_start(serving, &reading->certificate, why);
        certificate_free(&reading->certificate);
        if (error == ERR_NONE) {
            say_ready(serving);
            wait_until_told(serving);
            notify_stopping(&serving->notify);
        }
    }
    if (error != ERR_NONE)
        code = say_failure(serving, error, why[0] != '\0' ? why : error_info(error)->text);
    serving_stop(serving);
    if (error == ERR_NONE)
        LOG(&serving->log, LOG_LEVEL_INFO, "stopped", LOG_INT("pid", getpid()));
    return code;
}

enum exit_code serving_run(const char *file, struct reading *reading)
{
    struct serving serving = {
        .clock = clock_system(),
        .started = reading->config,
        .current = reading->config,
        .admin_group = (gid_t)-1,
        .lock = -1,
        .admin_fd = -1,
        .channel = {.fd = -1},
        .signals = -1,
    };
    enum exit_code code;

    reading->config = NULL;
    log_init(&serving.log, STDERR_FILENO, "serve");
    atomic_store(&serving.log.level, serving.current->log.level);
    atomic_store(&serving.log.format, serving.current->log.format);
    raise_descriptor_limit();
    notify_init(&serving.notify);
    code = run(&serving, file, reading);
    serving_fini(&serving);
    certificate_free(&reading->certificate);
    return code;
}
