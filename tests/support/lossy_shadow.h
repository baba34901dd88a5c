/*
 * What a file would hold if power were cut now, and what its readers see until then: the real file
 * has only what was synced, the shadow has the rest, page by page, in this process's memory.
 * Killing the process is then as bad as cutting the power.
 *
 * Words: a *dirty* page was written and not synced. A *ghost* is what Linux makes of a dirty page
 * when its write-back fails: readers still see it, but no later sync writes it, so it is gone after
 * the crash unless it is written once more.
 *
 * Shadows belong to inodes, so every connection of the process sees the same bytes. REAL is any
 * open handle of the real file. Every function takes the one lock; any thread. Results are
 * SQLite's.
 */
#ifndef LOCUM_TESTS_LOSSY_SHADOW_H
#define LOCUM_TESTS_LOSSY_SHADOW_H

#include <sqlite3.h>
#include <stdbool.h>

struct shadow;

/* The shadow of the file at PATH, which exists; FRESH: it was made just now. One reference more.
 * NULL: no memory, or the file is gone. */
struct shadow *shadow_get(const char *path, bool fresh);
/* One reference less. What is not synced stays, as it would in the page cache. */
void shadow_put(struct shadow *shadow);
/* The file at PATH is about to be deleted: nobody will see its bytes under this name again. */
void shadow_forget(const char *path);
/* Whether unsynced bytes exist for PATH. */
bool shadow_holds(const char *path);

/* SQLITE_IOERR_SHORT_READ past the end, the rest of BUFFER zeroed. */
int shadow_read(struct shadow *shadow, sqlite3_file *real, void *buffer, int amount,
                sqlite3_int64 offset);
/* LEAK: the bytes reach the real file as well, before any sync. */
int shadow_write(struct shadow *shadow, sqlite3_file *real, const void *buffer, int amount,
                 sqlite3_int64 offset, bool leak);
int shadow_truncate(struct shadow *shadow, sqlite3_int64 size);
int shadow_size(struct shadow *shadow, sqlite3_file *real, sqlite3_int64 *size);
/* Writes every dirty page to the real file. */
int shadow_sync(struct shadow *shadow, sqlite3_file *real);
/* Turns every dirty page into a ghost. */
void shadow_drop(struct shadow *shadow);

#endif
