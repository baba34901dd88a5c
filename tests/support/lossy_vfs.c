/*
 * The SQLite VFS of the test build, the default one there: what is not synced is lost when the
 * process is killed (lossy_shadow.h), and operations fail when a test asks for it
 * (fault_control.h). It registers itself before main(), so the daemon's own code knows nothing of
 * it. Locks and the shared-memory index pass through to the real VFS; memory-mapped reading is not
 * offered; temporary files are the real VFS's.
 */
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fault_control.h"
#include "lossy_shadow.h"

struct lossy_file {
    sqlite3_file base;
    struct shadow *shadow;
    sqlite3_file *real; /* in the memory after this structure */
};

static sqlite3_vfs *real_vfs;

static struct lossy_file *lossy(sqlite3_file *file)
{
    return (struct lossy_file *)(void *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return lossy(file)->real;
}

static int refuse(int result)
{
    fault_count(FAULT_COUNT_REFUSED);
    return result;
}

/* A number that need not be good, only spread: which writes leak. */
static bool happens(uint32_t percent)
{
    static _Thread_local unsigned seed;
    if (percent == 0)
        return false;
    if (seed == 0)
        seed = (unsigned)getpid() ^ (unsigned)time(NULL);
    return (uint32_t)rand_r(&seed) % 100 < percent;
}

/* ---- methods of a file ---- */

static int lossy_close(sqlite3_file *file)
{
    shadow_put(lossy(file)->shadow);
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int lossy_read(sqlite3_file *file, void *buffer, int amount, sqlite3_int64 offset)
{
    if (fault_get(FAULT_READS_FAIL))
        return refuse(SQLITE_IOERR_READ);
    return shadow_read(lossy(file)->shadow, real_of(file), buffer, amount, offset);
}

static int lossy_write(sqlite3_file *file, const void *buffer, int amount, sqlite3_int64 offset)
{
    if (fault_get(FAULT_WRITES_FULL))
        return refuse(SQLITE_FULL);
    if (fault_get(FAULT_WRITES_FAIL))
        return refuse(SQLITE_IOERR_WRITE);
    return shadow_write(lossy(file)->shadow, real_of(file), buffer, amount, offset,
                        happens(fault_get(FAULT_LEAK_PERCENT)));
}

static int lossy_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return shadow_truncate(lossy(file)->shadow, size);
}

static void wait_ms(uint32_t ms)
{
    struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};
    if (ms > 0)
        nanosleep(&pause, NULL);
}

static int lossy_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    wait_ms(fault_get(FAULT_SYNC_DELAY_MS));
    if (fault_get(FAULT_SYNCS_IGNORED))
        return SQLITE_OK;
    if (fault_take_sync_failure()) {
        if (fault_get(FAULT_SYNC_DROPS))
            shadow_drop(lossy(file)->shadow);
        return refuse(SQLITE_IOERR_FSYNC);
    }
    int result = shadow_sync(lossy(file)->shadow, real_of(file));
    if (result == SQLITE_OK)
        fault_count(FAULT_COUNT_SYNCS);
    return result == SQLITE_OK ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

static int lossy_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return shadow_size(lossy(file)->shadow, real_of(file), size);
}

static int lossy_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int lossy_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int lossy_check_reserved(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int lossy_control(sqlite3_file *file, int operation, void *argument)
{
    /* Each of these would change the real file's size behind the shadow. */
    if (operation == SQLITE_FCNTL_SIZE_HINT || operation == SQLITE_FCNTL_CHUNK_SIZE ||
        operation == SQLITE_FCNTL_MMAP_SIZE)
        return SQLITE_NOTFOUND;
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int lossy_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int lossy_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int lossy_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), region, size, extend, out);
}

static int lossy_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void lossy_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int lossy_shm_unmap(sqlite3_file *file, int delete_it)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), delete_it);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* without xFetch: no memory-mapped reading */
    .xClose = lossy_close,
    .xRead = lossy_read,
    .xWrite = lossy_write,
    .xTruncate = lossy_truncate,
    .xSync = lossy_sync,
    .xFileSize = lossy_size,
    .xLock = lossy_lock,
    .xUnlock = lossy_unlock,
    .xCheckReservedLock = lossy_check_reserved,
    .xFileControl = lossy_control,
    .xSectorSize = lossy_sector_size,
    .xDeviceCharacteristics = lossy_characteristics,
    .xShmMap = lossy_shm_map,
    .xShmLock = lossy_shm_lock,
    .xShmBarrier = lossy_shm_barrier,
    .xShmUnmap = lossy_shm_unmap,
};

/* ---- methods of the VFS ---- */

static int open_shadowed(const char *name, struct lossy_file *file, int flags, int *out_flags)
{
    bool fresh = access(name, F_OK) != 0;
    file->base.pMethods = NULL;
    file->real = (sqlite3_file *)(void *)(file + 1);
    int result = real_vfs->xOpen(real_vfs, name, file->real, flags, out_flags);
    if (result != SQLITE_OK) {
        if (file->real->pMethods != NULL)
            file->real->pMethods->xClose(file->real);
        return result;
    }
    file->shadow = shadow_get(name, fresh);
    if (file->shadow == NULL) {
        file->real->pMethods->xClose(file->real);
        return SQLITE_CANTOPEN;
    }
    file->base.pMethods = &methods;
    return SQLITE_OK;
}

static int lossy_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                      int *out_flags)
{
    (void)vfs;
    if (name == NULL || (flags & SQLITE_OPEN_DELETEONCLOSE))
        return real_vfs->xOpen(real_vfs, name, file, flags, out_flags);
    file->pMethods = NULL;
    if (fault_get(FAULT_OPENS_FAIL))
        return refuse(SQLITE_CANTOPEN);
    return open_shadowed(name, lossy(file), flags, out_flags);
}

static int lossy_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    (void)vfs;
    shadow_forget(name);
    return real_vfs->xDelete(real_vfs, name, sync_directory);
}

static int lossy_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs;
    /* The real VFS takes an empty file for none, and that is what an unsynced one is. */
    if (flags == SQLITE_ACCESS_EXISTS && shadow_holds(name)) {
        *out = 1;
        return SQLITE_OK;
    }
    return real_vfs->xAccess(real_vfs, name, flags, out);
}

__attribute__((constructor)) static void lossy_vfs_register(void)
{
    static sqlite3_vfs vfs;
    fault_control_open();
    real_vfs = sqlite3_vfs_find(NULL);
    if (real_vfs == NULL)
        abort();
    vfs = *real_vfs;
    vfs.pNext = NULL;
    vfs.zName = "lossy";
    vfs.szOsFile = (int)sizeof(struct lossy_file) + real_vfs->szOsFile;
    vfs.xOpen = lossy_open;
    vfs.xDelete = lossy_delete;
    vfs.xAccess = lossy_access;
    if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
        abort();
}
