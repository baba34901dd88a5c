/*
 * The structured log: one line an event on standard error, `key=value` or JSON. A line begins with
 * time, level and event name; fields follow. Values are quoted and escaped where needed, so that
 * bytes from outside can't forge a line. Secrets never go in: callers pass key ids, not keys.
 * Any thread may log; a line is one write(2). Logging never waits: a line that its reader has no
 * room for is dropped, and the next one that gets through is followed by a count of those lost.
 *
 *     LOG(log, LOG_LEVEL_INFO, "update", LOG_TEXT("delegate", label), LOG_INT("ms", elapsed));
 */
#ifndef LOCUM_BASE_LOG_H
#define LOCUM_BASE_LOG_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/slice.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log {
    int fd;
    struct clock clock;
    _Atomic(enum log_level) level; /* events below it are not written; may change at a reload */
    _Atomic(enum log_format) format;
    const char *process;   /* "serve", "outbound", ...: told apart in one stream */
    pthread_mutex_t mutex; /* from the look whether there is room to the writing */
    uint64_t lost;         /* lines dropped since one got through */
};

struct log_field {
    const char *key;
    struct slice text; /* if is_number is false */
    int64_t number;
    bool is_number;
};

#define LOG_SLICE(key_, slice_) ((struct log_field){.key = (key_), .text = (slice_)})
#define LOG_TEXT(key_, text_) LOG_SLICE(key_, slice_text(text_))
#define LOG_INT(key_, number_)                                                                     \
    ((struct log_field){.key = (key_), .number = (int64_t)(number_), .is_number = true})
#define LOG_ERROR(error_) LOG_TEXT("error", error_info(error_)->name)
/* The text of the current errno. */
#define LOG_ERRNO() LOG_TEXT("errno", log_errno_text())

#define LOG(log_, level_, event_, ...)                                                             \
    log_event((log_), (level_), (event_), (const struct log_field[]){__VA_ARGS__},                 \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

/* FD is borrowed. */
void log_init(struct log *log, int fd, const char *process);
/* Writes to FD from now on: for the copy of a log in a process that has closed what it inherited.
 */
void log_attach(struct log *log, int fd);
/* Writes one line, at most 4096 bytes: longer ones are cut, marked by "...". Never fails. */
void log_event(struct log *log, enum log_level level, const char *event,
               const struct log_field *fields, size_t count);
const char *log_errno_text(void);

#endif
