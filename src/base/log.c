/*
 * The structured log (see log.h). A line is built on the stack and written with one write(2), so
 * that lines of several threads and of both processes never mix.
 */
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/encoding.h"

enum { LINE_MAX_BYTES = 4096 };

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void log_init(struct log *log, int fd, const char *process)
{
    log->fd = fd;
    log->clock = clock_system();
    log->process = process;
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

void log_event(struct log *log, enum log_level level, const char *event,
               const struct log_field *fields, size_t count)
{
    if (level < atomic_load_explicit(&log->level, memory_order_relaxed))
        return;
    int saved_errno = errno;
    enum log_format format = atomic_load_explicit(&log->format, memory_order_relaxed);
    char line[LINE_MAX_BYTES], time_text[TIME_TEXT_MAX];
    struct writer writer = writer_of(line, sizeof(line) - 32); /* room for the mark and the end */
    bool cut = false;
    time_to_text(clock_wall_ms(&log->clock), time_text);
    const struct log_field head[] = {LOG_TEXT("time", time_text),
                                     LOG_TEXT("level", level_names[level]),
                                     LOG_TEXT("event", event), LOG_TEXT("process", log->process)};
    for (size_t i = 0; i < ARRAY_LENGTH(head); i++)
        append(&writer, format, &head[i], &cut);
    for (size_t i = 0; i < count; i++)
        append(&writer, format, &fields[i], &cut);
    writer.end = (uint8_t *)line + sizeof(line);
    if (cut)
        write_field(&writer, format, "cut", slice_text("..."), false);
    write_text(&writer, format == LOG_FORMAT_JSON ? "}\n" : "\n");
    if (write(log->fd, line, writer_length(&writer)) < 0) {
        /* Nobody can be told that the log itself is gone. */
    }
    errno = saved_errno;
}
