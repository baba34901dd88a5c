/*
 * The structured log (see log.h). A line is built on the stack and written with one write(2), so
 * that lines of several threads and of both processes never mix.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encoding.h"

enum { LINE_MAX_BYTES = 4096 };

static const char *const level_names[] = {"debug", "info", "warning", "error"};

/* A description of our own for a pipe, so that writing to it never waits, whoever else writes
 * there, and the shared one stays as it was given to us. */
static int unblocked(int fd)
{
    struct stat status;
    char path[32];
    if (fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode))
        return fd;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return own < 0 ? fd : own;
}

void log_attach(struct log *log, int fd)
{
    log->fd = unblocked(fd);
}

void log_init(struct log *log, int fd, const char *process)
{
    log_attach(log, fd);
    log->clock = clock_system();
    log->process = process;
    log->lost = 0;
    pthread_mutex_init(&log->mutex, NULL);
    atomic_init(&log->level, LOG_LEVEL_INFO);
    atomic_init(&log->format, LOG_FORMAT_TEXT);
}

const char *log_errno_text(void)
{
    return strerrordesc_np(errno) == NULL ? "unknown error" : strerrordesc_np(errno);
}

/* Whether a value can stand without quotes in a text line. */
static bool is_plain(struct slice text)
{
    if (text.length == 0)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.data[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return true;
}

/* Writes TEXT in quotes. Control characters and bytes over 0x7e become \u00XX: a value from outside
 * can neither end its line nor drive a terminal, and the JSON form stays valid whatever it holds.
 */
static void write_quoted(struct writer *writer, struct slice text)
{
    char escape[8];
    write_u8(writer, '"');
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.data[i];
        if (c == '"' || c == '\\') {
            write_u8(writer, '\\');
            write_u8(writer, c);
        } else if (c < ' ' || c > 0x7e) {
            snprintf(escape, sizeof(escape), "\\u%04x", c);
            write_text(writer, escape);
        } else {
            write_u8(writer, c);
        }
    }
    write_u8(writer, '"');
}

static void write_field(struct writer *writer, enum log_format format, const char *key,
                        struct slice value, bool is_number)
{
    if (format == LOG_FORMAT_JSON) {
        write_u8(writer, writer_length(writer) == 0 ? '{' : ',');
        write_quoted(writer, slice_text(key));
        write_u8(writer, ':');
    } else {
        if (writer_length(writer) > 0)
            write_u8(writer, ' ');
        write_text(writer, key);
        write_u8(writer, '=');
    }
    if (is_number || (format == LOG_FORMAT_TEXT && is_plain(value)))
        write_bytes(writer, value);
    else
        write_quoted(writer, value);
}

/* Appends one field; if it does not fit, the line goes on without it and is marked as cut. */
static void append(struct writer *writer, enum log_format format, const struct log_field *field,
                   bool *cut)
{
    char number[24];
    struct slice value = field->text;
    if (field->is_number) {
        snprintf(number, sizeof(number), "%lld", (long long)field->number);
        value = slice_text(number);
    }
    struct writer before = *writer;
    write_field(writer, format, field->key, value, field->is_number);
    if (writer->failed) {
        *writer = before;
        *cut = true;
    }
}

/* Whether a line can be written without waiting: a pipe that is writable has room for a page, which
 * is the most a line takes up. */
static bool has_room(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLOUT) != 0;
}

/* Builds a line of at most LINE_MAX_BYTES; returns its length. */
static size_t build_line(struct log *log, enum log_level level, const char *event,
                         const struct log_field *fields, size_t count, char *line)
{
    enum log_format format = atomic_load_explicit(&log->format, memory_order_relaxed);
    char time_text[TIME_TEXT_MAX];
    struct writer writer = writer_of(line, LINE_MAX_BYTES - 32); /* room for the mark and the end */
    bool cut = false;
    time_to_text(clock_wall_ms(&log->clock), time_text);
    const struct log_field head[] = {LOG_TEXT("time", time_text),
                                     LOG_TEXT("level", level_names[level]),
                                     LOG_TEXT("event", event), LOG_TEXT("process", log->process)};
    for (size_t i = 0; i < ARRAY_LENGTH(head); i++)
        append(&writer, format, &head[i], &cut);
    for (size_t i = 0; i < count; i++)
        append(&writer, format, &fields[i], &cut);
    writer.end = (uint8_t *)line + LINE_MAX_BYTES;
    if (cut)
        write_field(&writer, format, "cut", slice_text("..."), false);
    write_text(&writer, format == LOG_FORMAT_JSON ? "}\n" : "\n");
    return writer_length(&writer);
}

/* With the mutex held. */
static bool write_line(struct log *log, const char *line, size_t length)
{
    ssize_t sent = send(log->fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == ENOTSOCK)
        sent = has_room(log->fd) ? write(log->fd, line, length) : -1;
    return sent == (ssize_t)length;
}

void log_event(struct log *log, enum log_level level, const char *event,
               const struct log_field *fields, size_t count)
{
    char line[LINE_MAX_BYTES];
    if (level < atomic_load_explicit(&log->level, memory_order_relaxed))
        return;
    int saved_errno = errno;
    size_t length = build_line(log, level, event, fields, count, line);
    pthread_mutex_lock(&log->mutex);
    if (!write_line(log, line, length)) {
        log->lost++;
    } else if (log->lost > 0) {
        const struct log_field lost = LOG_INT("lines", log->lost);
        length = build_line(log, LOG_LEVEL_WARNING, "log_lost", &lost, 1, line);
        if (write_line(log, line, length))
            log->lost = 0;
    }
    pthread_mutex_unlock(&log->mutex);
    errno = saved_errno;
}
