/*
 * The only source of time. Everything that needs the time holds a `struct clock`, so that tests
 * can drive it. Any thread may read a clock.
 */
#ifndef LOCUM_BASE_CLOCK_H
#define LOCUM_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*wall_ms)(void *context);      /* milliseconds since 1970-01-01 UTC; may jump */
    int64_t (*monotonic_ms)(void *context); /* milliseconds since some point; never goes back */
    void *context;
};

static inline int64_t clock_wall_ms(const struct clock *clock)
{
    return clock->wall_ms(clock->context);
}

static inline int64_t clock_monotonic_ms(const struct clock *clock)
{
    return clock->monotonic_ms(clock->context);
}

/* The machine's own clock. The test build of locumd links another definition of this function,
 * whose clock tests can move. */
struct clock clock_system(void);

#endif
