/*
 * The daemon's side of a test's control files (see fault_control.h). Any thread.
 */
#include "fault_control.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static uint32_t no_faults[FAULT_WORDS];
static uint32_t *words = no_faults;

void *map_control_file(const char *name, uint32_t size)
{
    const char *path = getenv(name);
    if (path == NULL)
        return NULL;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *map = MAP_FAILED;
    if (fd >= 0 && (lseek(fd, 0, SEEK_END) >= (off_t)size || ftruncate(fd, (off_t)size) == 0))
        map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        perror(path);
        _exit(99);
    }
    close(fd);
    return map;
}

void fault_control_open(void)
{
    void *map = map_control_file("LOCUM_TEST_FAULTS", FAULT_WORDS * sizeof(uint32_t));
    if (map != NULL)
        words = map;
}

uint32_t fault_get(enum fault fault)
{
    return __atomic_load_n(&words[fault], __ATOMIC_ACQUIRE);
}

void fault_count(enum fault fault)
{
    __atomic_add_fetch(&words[fault], 1, __ATOMIC_ACQ_REL);
}

int fault_take_sync_failure(void)
{
    uint32_t left = fault_get(FAULT_SYNC_FAILURES);
    while (left != 0 && left != UINT32_MAX)
        if (__atomic_compare_exchange_n(&words[FAULT_SYNC_FAILURES], &left, left - 1, 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            break;
    return left != 0;
}
