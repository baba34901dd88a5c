/*
 * The machine's clock (see clock.h).
 */
#include <time.h>

#include "base/attributes.h"
#include "base/clock.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now); /* can't fail for these two clocks */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t wall_ms(void *context UNUSED)
{
    return read_clock(CLOCK_REALTIME);
}

static int64_t monotonic_ms(void *context UNUSED)
{
    return read_clock(CLOCK_MONOTONIC);
}

struct clock clock_system(void)
{
    return (struct clock){wall_ms, monotonic_ms, NULL};
}
