/*
 * Pages that a crash would lose (see lossy_shadow.h).
 *
 * Not modelled: an unsynced directory entry. A new file stays behind empty, a deleted one stays
 * deleted; SQLite treats an empty journal or WAL as none.
 */
#include "lossy_shadow.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PAGE = 4096 };

struct page {
    bool dirty; /* else a ghost */
    uint8_t bytes[PAGE];
};

struct shadow {
    struct shadow *next;
    dev_t device;
    ino_t inode;
    unsigned references;
    struct page **pages; /* by number; NULL: as in the real file */
    size_t page_count;   /* entries of `pages` */
    size_t held;         /* pages that are not NULL */
    bool resized;        /* `size` is the size; else the real file's is */
    sqlite3_int64 size;
    sqlite3_int64 cut; /* bytes of the real file from here on were truncated away: zeros */
};

static const sqlite3_int64 UNCUT = INT64_MAX;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shadow *shadows;

/* ---- the table of shadows ---- */

static struct shadow *find(const struct stat *file)
{
    struct shadow *shadow = shadows;
    while (shadow != NULL && (shadow->device != file->st_dev || shadow->inode != file->st_ino))
        shadow = shadow->next;
    return shadow;
}

static void clear(struct shadow *shadow)
{
    for (size_t i = 0; i < shadow->page_count; i++)
        free(shadow->pages[i]);
    free(shadow->pages);
    shadow->pages = NULL;
    shadow->page_count = shadow->held = 0;
    shadow->resized = false;
    shadow->cut = UNCUT;
}

static bool is_clean(const struct shadow *shadow)
{
    return shadow->held == 0 && !shadow->resized && shadow->cut == UNCUT;
}

static void release_if_unused(struct shadow *shadow)
{
    if (shadow->references > 0 || !is_clean(shadow))
        return;
    struct shadow **link = &shadows;
    while (*link != shadow)
        link = &(*link)->next;
    *link = shadow->next;
    free(shadow->pages); /* it may be long, and empty */
    free(shadow);
}

static struct shadow *add(const struct stat *file)
{
    struct shadow *shadow = calloc(1, sizeof(*shadow));
    if (shadow == NULL)
        return NULL;
    shadow->device = file->st_dev;
    shadow->inode = file->st_ino;
    shadow->cut = UNCUT;
    shadow->next = shadows;
    shadows = shadow;
    return shadow;
}

struct shadow *shadow_get(const char *path, bool fresh)
{
    struct stat file;
    if (stat(path, &file) != 0)
        return NULL;
    pthread_mutex_lock(&lock);
    struct shadow *shadow = find(&file);
    if (shadow == NULL)
        shadow = add(&file);
    else if (fresh && shadow->references == 0)
        clear(shadow); /* of a deleted file that had this inode before */
    if (shadow != NULL)
        shadow->references++;
    pthread_mutex_unlock(&lock);
    return shadow;
}

void shadow_put(struct shadow *shadow)
{
    pthread_mutex_lock(&lock);
    shadow->references--;
    release_if_unused(shadow);
    pthread_mutex_unlock(&lock);
}

void shadow_forget(const char *path)
{
    struct stat file;
    if (stat(path, &file) != 0)
        return;
    pthread_mutex_lock(&lock);
    struct shadow *shadow = find(&file);
    if (shadow != NULL && shadow->references == 0) {
        clear(shadow);
        release_if_unused(shadow);
    }
    pthread_mutex_unlock(&lock);
}

bool shadow_holds(const char *path)
{
    struct stat file;
    if (stat(path, &file) != 0)
        return false;
    pthread_mutex_lock(&lock);
    const struct shadow *shadow = find(&file);
    bool holds = shadow != NULL && shadow->resized && shadow->size > 0;
    pthread_mutex_unlock(&lock);
    return holds;
}

/* ---- bytes; the lock is held ---- */

static int size_of(const struct shadow *shadow, sqlite3_file *real, sqlite3_int64 *size)
{
    if (!shadow->resized)
        return real->pMethods->xFileSize(real, size);
    *size = shadow->size;
    return SQLITE_OK;
}

/* The real file's bytes, without what was truncated. */
static int read_real(const struct shadow *shadow, sqlite3_file *real, uint8_t *out, int amount,
                     sqlite3_int64 offset)
{
    memset(out, 0, (size_t)amount);
    if (offset >= shadow->cut)
        return SQLITE_OK;
    if (offset + amount > shadow->cut)
        amount = (int)(shadow->cut - offset);
    int result = real->pMethods->xRead(real, out, amount, offset);
    return result == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : result;
}

static struct page *page_at(const struct shadow *shadow, size_t number)
{
    return number < shadow->page_count ? shadow->pages[number] : NULL;
}

/* The page NUMBER, read from the real file if it is not held yet; now dirty. */
static int page_for_write(struct shadow *shadow, sqlite3_file *real, size_t number,
                          struct page **out)
{
    if (number >= shadow->page_count) {
        size_t count = number * 2 + 16;
        struct page **pages = realloc(shadow->pages, count * sizeof(*pages));
        if (pages == NULL)
            return SQLITE_IOERR_NOMEM;
        memset(pages + shadow->page_count, 0, (count - shadow->page_count) * sizeof(*pages));
        shadow->pages = pages;
        shadow->page_count = count;
    }
    struct page *page = shadow->pages[number];
    if (page == NULL) {
        page = malloc(sizeof(*page));
        if (page == NULL)
            return SQLITE_IOERR_NOMEM;
        int result = read_real(shadow, real, page->bytes, PAGE, (sqlite3_int64)number * PAGE);
        if (result != SQLITE_OK) {
            free(page);
            return result;
        }
        shadow->pages[number] = page;
        shadow->held++;
    }
    page->dirty = true;
    *out = page;
    return SQLITE_OK;
}

static int part_of_page(sqlite3_int64 offset, int amount)
{
    int room = PAGE - (int)(offset % PAGE);
    return amount < room ? amount : room;
}

static int read_locked(const struct shadow *shadow, sqlite3_file *real, uint8_t *out, int amount,
                       sqlite3_int64 offset)
{
    sqlite3_int64 size;
    int result = size_of(shadow, real, &size);
    if (result != SQLITE_OK)
        return result;
    int there = amount;
    if (offset + amount > size)
        there = offset < size ? (int)(size - offset) : 0;
    memset(out, 0, (size_t)amount);
    int end = there;
    for (int done = 0; done < end;) {
        int part = part_of_page(offset + done, end - done);
        const struct page *page = page_at(shadow, (size_t)((offset + done) / PAGE));
        if (page != NULL)
            memcpy(out + done, page->bytes + (offset + done) % PAGE, (size_t)part);
        else if ((result = read_real(shadow, real, out + done, part, offset + done)) != SQLITE_OK)
            return result;
        done += part;
    }
    return there == amount ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int write_locked(struct shadow *shadow, sqlite3_file *real, const uint8_t *bytes, int amount,
                        sqlite3_int64 offset)
{
    sqlite3_int64 size;
    int result = size_of(shadow, real, &size);
    for (int done = 0; result == SQLITE_OK && done < amount;) {
        struct page *page;
        int part = part_of_page(offset + done, amount - done);
        result = page_for_write(shadow, real, (size_t)((offset + done) / PAGE), &page);
        if (result != SQLITE_OK)
            return result;
        memcpy(page->bytes + (offset + done) % PAGE, bytes + done, (size_t)part);
        done += part;
    }
    if (result == SQLITE_OK && offset + amount > size) {
        shadow->resized = true;
        shadow->size = offset + amount;
    }
    return result;
}

static int sync_page(const struct shadow *shadow, sqlite3_file *real, size_t number,
                     sqlite3_int64 size)
{
    sqlite3_int64 offset = (sqlite3_int64)number * PAGE;
    int amount = offset + PAGE > size ? (int)(size - offset) : PAGE;
    if (amount <= 0)
        return SQLITE_OK;
    return real->pMethods->xWrite(real, shadow->pages[number]->bytes, amount, offset);
}

static int sync_locked(struct shadow *shadow, sqlite3_file *real)
{
    sqlite3_int64 size, real_size;
    int result = size_of(shadow, real, &size);
    if (result == SQLITE_OK)
        result = real->pMethods->xFileSize(real, &real_size);
    if (result == SQLITE_OK && shadow->cut < real_size)
        result = real->pMethods->xTruncate(real, shadow->cut);
    if (result != SQLITE_OK)
        return result;
    shadow->cut = UNCUT;
    for (size_t i = 0; i < shadow->page_count; i++) {
        if (shadow->pages[i] == NULL || !shadow->pages[i]->dirty)
            continue;
        result = sync_page(shadow, real, i, size);
        if (result != SQLITE_OK)
            return result;
        free(shadow->pages[i]);
        shadow->pages[i] = NULL;
        shadow->held--;
    }
    if (shadow->resized)
        result = real->pMethods->xTruncate(real, size);
    if (result == SQLITE_OK)
        shadow->resized = false;
    return result;
}

/* ---- the same, with the lock ---- */

int shadow_read(struct shadow *shadow, sqlite3_file *real, void *buffer, int amount,
                sqlite3_int64 offset)
{
    pthread_mutex_lock(&lock);
    int result = read_locked(shadow, real, buffer, amount, offset);
    pthread_mutex_unlock(&lock);
    return result;
}

int shadow_write(struct shadow *shadow, sqlite3_file *real, const void *buffer, int amount,
                 sqlite3_int64 offset, bool leak)
{
    pthread_mutex_lock(&lock);
    int result = write_locked(shadow, real, buffer, amount, offset);
    /* Past a pending truncation the old bytes would come back to life around the new ones. */
    if (result == SQLITE_OK && leak && shadow->cut == UNCUT)
        (void)real->pMethods->xWrite(real, buffer, amount, offset);
    pthread_mutex_unlock(&lock);
    return result;
}

int shadow_truncate(struct shadow *shadow, sqlite3_int64 size)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < shadow->page_count; i++) {
        sqlite3_int64 offset = (sqlite3_int64)i * PAGE;
        if (shadow->pages[i] == NULL || offset + PAGE <= size)
            continue;
        if (offset < size) {
            memset(shadow->pages[i]->bytes + (size - offset), 0, (size_t)(offset + PAGE - size));
            continue;
        }
        free(shadow->pages[i]);
        shadow->pages[i] = NULL;
        shadow->held--;
    }
    shadow->resized = true;
    shadow->size = size;
    if (size < shadow->cut)
        shadow->cut = size;
    pthread_mutex_unlock(&lock);
    return SQLITE_OK;
}

int shadow_size(struct shadow *shadow, sqlite3_file *real, sqlite3_int64 *size)
{
    pthread_mutex_lock(&lock);
    int result = size_of(shadow, real, size);
    pthread_mutex_unlock(&lock);
    return result;
}

int shadow_sync(struct shadow *shadow, sqlite3_file *real)
{
    pthread_mutex_lock(&lock);
    int result = sync_locked(shadow, real);
    pthread_mutex_unlock(&lock);
    return result;
}

void shadow_drop(struct shadow *shadow)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < shadow->page_count; i++)
        if (shadow->pages[i] != NULL)
            shadow->pages[i]->dirty = false;
    pthread_mutex_unlock(&lock);
}
