/*
 * Cuts master-file text into entries (RFC 1035, section 5.1): one entry is one line, or several
 * within parentheses. What an entry means is left to others. Pure; any thread.
 */
#ifndef LOCUM_ZONE_MASTER_FILE_H
#define LOCUM_ZONE_MASTER_FILE_H

#include "base/slice.h"

struct master_file {
    const char *at;
    size_t line; /* where the next entry begins, from 1 */
};

struct master_entry {
    size_t line; /* where it began */
    char *text;  /* one line without comments and parentheses; a leading blank is kept */
};

static inline struct master_file master_file_of(const char *text)
{
    return (struct master_file){text, 1};
}

/* Writes the next entry that is not empty into ENTRY, whose text buffer has at least
 * strlen(whole text) + 1 bytes. ERR_NOT_FOUND at the end of the text; ERR_MALFORMED if a quote or a
 * parenthesis is not closed, or closed and not open. ENTRY->line is set in each case. */
MUST_CHECK enum error master_file_next(struct master_file *file, struct master_entry *entry);

#endif
