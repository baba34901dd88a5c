/*
 * What a reload carries from the outbound process to the serving process: the texts of the
 * configuration and its records-files, and the certificate. The outbound process has found all of
 * it good; the serving process makes its own configuration of the texts.
 */
#ifndef LOCUM_DAEMON_RELOAD_H
#define LOCUM_DAEMON_RELOAD_H

#include "daemon/config.h"
#include "watch/certificate.h"

/* Everything that one reading of the files gives. */
struct reading {
    struct config *config;
    struct certificate certificate; /* empty without tls: file */
};

/* Reads and checks the files. ERR_CONFIG or ERR_MEMORY with one line in WHY. */
MUST_CHECK enum error reading_make(const char *file, struct reading *out, char why[COMPLAINT_MAX]);
void reading_free(struct reading *reading);

/* Writes READING as the body of a message; the caller wipes and frees OUT. ERR_TOO_LARGE,
 * ERR_MEMORY. */
MUST_CHECK enum error reload_encode(const struct reading *reading, uint8_t **out, size_t *length);

struct reload {
    struct config_source sources[CONFIG_SOURCES_MAX]; /* paths live in the arena */
    size_t source_count;
    struct slice chain; /* empty: none. These borrow from the message */
    struct slice key;
    struct arena arena;
};

/* ERR_MALFORMED, ERR_MEMORY. On success the caller ends with reload_fini(). */
MUST_CHECK enum error reload_decode(struct slice body, struct reload *out);
void reload_fini(struct reload *reload);

#endif
