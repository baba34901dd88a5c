/*
 * How the configuration is refused: one line, `FILE:LINE:COLUMN: what is wrong; what was meant`.
 * What the file holds is quoted with bytes outside printable ASCII replaced, so that no file can
 * write control characters to a terminal or a second line to a log.
 */
#ifndef LOCUM_DAEMON_COMPLAINT_H
#define LOCUM_DAEMON_COMPLAINT_H

#include "base/slice.h"

enum {
    COMPLAINT_MAX = 1024, /* bytes of a complaint, with its NUL */
    QUOTED_MAX = 80,      /* bytes of quoted text, with quotes and NUL */
};

/* A place in a file, counted from 1. */
struct mark {
    size_t line;
    size_t column;
};

/* Where a complaint is written to. The buffer is the caller's. */
struct complaint {
    const char *file;
    char *why;
    size_t size;
};

/* Writes the line. Always returns ERR_CONFIG, for the caller to return. */
MUST_CHECK enum error complain(const struct complaint *complaint, struct mark mark,
                               const char *format, ...) PRINTF_LIKE(3, 4);
/* TEXT in double quotes, shortened by "..." if it is long. Returns OUT. */
const char *quoted(const char *text, char out[QUOTED_MAX]);

/* The word of COUNT that TEXT was probably meant to be, or NULL if none is near. WORD(words, i)
 * gives the I-th. */
const char *nearest_word(const char *text, const char *(*word)(const void *words, size_t i),
                         const void *words, size_t count);

#endif
