/*
 * The test build's clock: the machine's, moved by what a test wrote into the file that
 * LOCUM_TEST_CLOCK names: two 64-bit integers in the machine's byte order, milliseconds to add to
 * the wall clock and to the monotonic clock. Any thread.
 */
#include <stdint.h>
#include <time.h>

#include "base/clock.h"
#include "fault_control.h"

enum { WALL, MONOTONIC, OFFSETS };

static int64_t no_offsets[OFFSETS];
static int64_t *offsets = no_offsets;

static int64_t read_clock(clockid_t id, int offset)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 +
           __atomic_load_n(&offsets[offset], __ATOMIC_ACQUIRE);
}

static int64_t wall_ms(void *context)
{
    (void)context;
    return read_clock(CLOCK_REALTIME, WALL);
}

static int64_t monotonic_ms(void *context)
{
    (void)context;
    return read_clock(CLOCK_MONOTONIC, MONOTONIC);
}

__attribute__((constructor)) static void driven_clock_open(void)
{
    void *map = map_control_file("LOCUM_TEST_CLOCK", OFFSETS * sizeof(int64_t));
    if (map != NULL)
        offsets = map;
}

struct clock clock_system(void)
{
    return (struct clock){wall_ms, monotonic_ms, NULL};
}
