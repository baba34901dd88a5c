/*
 * The credentials file: lego's format, {"example.com": {"fulldomain", "subdomain", "username",
 * "password", "server_url"}}, shared with lego and whoever else keeps one. Entries and members that
 * locum does not know are kept.
 *
 * Reading needs no lock: the file is only ever replaced as a whole (temporary file, fsync, rename),
 * mode 0600. Who registers holds an flock on FILE.lock from reading to writing, so that two hooks
 * at once register a domain once. A file that is no JSON object is never written over.
 */
#ifndef LOCUM_CLI_STORAGE_H
#define LOCUM_CLI_STORAGE_H

#include <limits.h>
#include <sys/types.h>

#include "cli/credentials.h"
#include "cli/output.h"

struct storage {
    const struct output *output; /* borrowed */
    char path[PATH_MAX];         /* behind any symbolic link */
    char temporary[PATH_MAX];    /* "" if there is none */
    int temporary_fd;            /* -1 if there is none */
    int lock_fd;                 /* -1 if not locked */
    uid_t owner;                 /* of the file, kept when root writes it anew */
    gid_t group;
    json_t *entries; /* owned */
};

/* Where the file is when nobody says: see the help of --storage. EXIT_USAGE without a home. */
MUST_CHECK enum exit_code storage_default_path(const struct output *output, char out[PATH_MAX]);
/* Reads the file; none, or an empty one, is an empty storage. */
MUST_CHECK enum exit_code storage_open(const char *path, const struct output *output,
                                       struct storage *out);
/* As storage_open(), under the lock (waits up to a minute for it), creating missing folders, and
 * with room for one entry more reserved on the disk: what a server gives only once must not be
 * asked for when it can't be kept. EXIT_UNREACHABLE if the file could not be written. */
MUST_CHECK enum exit_code storage_open_for_writing(const char *path, const struct output *output,
                                                   struct storage *out);
/* The entry of DOMAIN (normalised), borrowed, or NULL. Keys are compared normalised. */
json_t *storage_find(const struct storage *storage, const char *domain);
/* Adds ENTRY (taken) under DOMAIN and writes the file, once per storage_open_for_writing(). */
MUST_CHECK enum exit_code storage_add(struct storage *storage, const char *domain, json_t *entry);
void storage_close(struct storage *storage);

#endif
