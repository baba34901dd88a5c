/*
 * A clock that a test moves.
 */
#ifndef LOCUM_TESTS_DRIVEN_CLOCK_H
#define LOCUM_TESTS_DRIVEN_CLOCK_H

#include <stdatomic.h>

#include "base/clock.h"

struct driven_clock {
    _Atomic int64_t wall_ms, monotonic_ms;
};

static inline int64_t driven_wall(void *context)
{
    return atomic_load(&((struct driven_clock *)context)->wall_ms);
}

static inline int64_t driven_monotonic(void *context)
{
    return atomic_load(&((struct driven_clock *)context)->monotonic_ms);
}

static inline struct clock driven_clock_of(struct driven_clock *driven)
{
    return (struct clock){driven_wall, driven_monotonic, driven};
}

/* Time passes. */
static inline void driven_pass(struct driven_clock *driven, int64_t ms)
{
    atomic_fetch_add(&driven->wall_ms, ms);
    atomic_fetch_add(&driven->monotonic_ms, ms);
}

#endif
