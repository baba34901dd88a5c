/*
 * The keeper and the outbound process (see outbound.h). Each has one thread.
 */
#include "daemon/outbound.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/reload.h"

enum {
    HELLO_TIMEOUT_MS = 10000,
    SEND_TIMEOUT_MS = 10000,
    STOP_TIMEOUT_MS = 2000,
    RESTART_FIRST_MS = 100,  /* before an outbound process that died is started again... */
    RESTART_MOST_MS = 30000, /* ...doubled each time up to this... */
    RESTART_CALM_MS = 60000, /* ...and from the start again if it lived so long */
    FIRST_INHERITED_FD = 3,
};

struct outbound {
    struct channel channel;
    const char *file;
    struct log log;
};

/* ---- the outbound process ---- */

static enum error say(struct outbound *outbound, enum message_kind kind, struct slice body)
{
    return channel_send(&outbound->channel, kind, body, SEND_TIMEOUT_MS);
}

static enum error refuse(struct outbound *outbound, const char *why)
{
    uint8_t body[COMPLAINT_MAX + 8];
    struct writer writer = writer_of(body, sizeof(body));

    write_counted(&writer, slice_text(why));
    return say(outbound, MESSAGE_REFUSED, writer_slice(&writer));
}

static enum error reload(struct outbound *outbound)
{
    struct reading reading;
    char why[COMPLAINT_MAX];
    uint8_t *body = NULL;
    size_t length = 0;
    enum error error = reading_make(outbound->file, &reading, why);

    if (error != ERR_NONE)
        return refuse(outbound, why);
    atomic_store(&outbound->log.level, reading.config->log.level);
    atomic_store(&outbound->log.format, reading.config->log.format);
    certificate_warn(&outbound->log, &reading.certificate);
    error = reload_encode(&reading, &body, &length);
    if (error == ERR_NONE)
        error = say(outbound, MESSAGE_RELOADED, slice_of(body, length));
    else
        error = refuse(outbound, error == ERR_TOO_LARGE
                                     ? "the configuration and its records are too large together"
                                     : error_info(error)->text);
    if (body != NULL)
        OPENSSL_cleanse(body, length);
    free(body);
    reading_free(&reading);
    return error;
}

/* Until the serving process is gone. */
static enum error serve_channel(struct outbound *outbound)
{
    for (;;) {
        struct pollfd ready = {.fd = outbound->channel.fd, .events = POLLIN};
        struct message message;
        enum error error;

        if (poll(&ready, 1, -1) < 0 && errno != EINTR)
            return ERR_IO;
        error = channel_receive(&outbound->channel, &message);
        if (error == ERR_SHORT || error == ERR_MALFORMED)
            continue;
        if (error != ERR_NONE)
            return error;
        if (message.kind == MESSAGE_RELOAD)
            error = reload(outbound);
        message_free(&message);
        if (error != ERR_NONE)
            return error;
    }
}

static _Noreturn void outbound_run(struct outbound *outbound)
{
    uint8_t body[4];
    struct writer writer = writer_of(body, sizeof(body));
    enum error error;

    outbound->log.process = "outbound";
    prctl(PR_SET_NAME, "locumd-outbound");
    write_u32(&writer, (uint32_t)getpid());
    error = say(outbound, MESSAGE_HELLO, writer_slice(&writer));
    if (error == ERR_NONE)
        error = serve_channel(outbound);
    _exit(error == ERR_NOT_FOUND ? 0 : 1);
}

/* ---- the keeper ---- */

/* The end of PARENT is ours too, also if it came before this call. */
static void end_with(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(1);
}

/* Tells the serving process how the outbound process ended. */
static void report_end(struct outbound *outbound, int status)
{
    char how[64];
    uint8_t body[sizeof(how) + 8];
    struct writer writer = writer_of(body, sizeof(body));

    if (WIFSIGNALED(status))
        snprintf(how, sizeof(how), "killed by signal %d", WTERMSIG(status));
    else
        snprintf(how, sizeof(how), "exit code %d", WEXITSTATUS(status));
    write_counted(&writer, slice_text(how));
    if (say(outbound, MESSAGE_ENDED, writer_slice(&writer)) == ERR_NOT_FOUND)
        _exit(0);
}

static _Noreturn void keeper_run(struct outbound *outbound)
{
    const struct clock *clock = &outbound->log.clock;
    int pause_ms = RESTART_FIRST_MS;

    prctl(PR_SET_NAME, "locumd-keeper");
    for (;;) {
        int64_t begun = clock_monotonic_ms(clock);
        pid_t keeper = getpid(), child = fork();
        int status = 0;

        if (child == 0) {
            end_with(keeper);
            outbound_run(outbound);
        }
        while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
            continue;
        if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
            _exit(0);
        if (child > 0)
            report_end(outbound, status);
        if (clock_monotonic_ms(clock) - begun >= RESTART_CALM_MS)
            pause_ms = RESTART_FIRST_MS;
        poll(NULL, 0, pause_ms);
        pause_ms = pause_ms * 2 < RESTART_MOST_MS ? pause_ms * 2 : RESTART_MOST_MS;
    }
}

/* In the fresh child: nothing of the serving process stays but standard error and the channel. A
 * lock or a listening socket that lived on here would outlive the daemon. */
static void leave_serving_process(pid_t parent, int channel)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2};
    sigset_t none;

    end_with(parent);
    if (channel > FIRST_INHERITED_FD)
        (void)close_range(FIRST_INHERITED_FD, (unsigned)channel - 1, 0);
    (void)close_range((unsigned)channel + 1, ~0u, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---- the serving process's side ---- */

/* Waits for the first HELLO. */
static enum error await_hello(struct channel *channel)
{
    struct pollfd ready = {.fd = channel->fd, .events = POLLIN};
    struct message message;
    enum error error;

    if (poll(&ready, 1, HELLO_TIMEOUT_MS) != 1)
        return ERR_TIMEOUT;
    error = channel_receive(channel, &message);
    if (error != ERR_NONE)
        return ERR_IO;
    error = message.kind == MESSAGE_HELLO ? ERR_NONE : ERR_IO;
    message_free(&message);
    return error;
}

enum error outbound_start(const char *file, const struct log *log, struct channel *channel,
                          pid_t *keeper)
{
    pid_t parent = getpid(), child;
    int fds[2];
    enum error error = channel_pair(fds);

    if (error != ERR_NONE)
        return error;
    child = fork();
    if (child == 0) {
        struct outbound outbound = {.file = file, .log = *log};

        leave_serving_process(parent, fds[1]);
        log_attach(&outbound.log, STDERR_FILENO);
        channel_init(&outbound.channel, fds[1]);
        keeper_run(&outbound);
    }
    close(fds[1]);
    channel_init(channel, fds[0]);
    error = child > 0 ? await_hello(channel) : ERR_IO;
    if (error == ERR_NONE) {
        *keeper = child;
        return ERR_NONE;
    }
    outbound_stop(channel, child);
    return ERR_IO;
}

void outbound_stop(struct channel *channel, pid_t keeper)
{
    channel_fini(channel);
    if (keeper <= 0)
        return;
    for (int waited = 0; waited < STOP_TIMEOUT_MS; waited += 10) {
        if (waitpid(keeper, NULL, WNOHANG) != 0)
            return;
        poll(NULL, 0, 10);
    }
    (void)kill(keeper, SIGKILL);
    (void)waitpid(keeper, NULL, 0);
}
