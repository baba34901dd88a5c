/*
 * The age clock: time by which things expire. It counts the time this server has lived through: the
 * monotonic clock while it runs, and over a restart the wall clock's gap, but at most one day of
 * it. A wall clock that jumps by years therefore expires nothing before its time.
 */
#ifndef LOCUM_SERVICE_AGE_CLOCK_H
#define LOCUM_SERVICE_AGE_CLOCK_H

#include "base/clock.h"

struct age_clock {
    struct clock clock;
    int64_t age_at_start_ms;
    int64_t monotonic_at_start_ms;
};

/* Goes on from what was stored: the age and the wall clock of that moment (0, 0: never). */
void age_clock_init(struct age_clock *age, const struct clock *clock, int64_t stored_age_ms,
                    int64_t stored_wall_ms);
/* Milliseconds on the age clock. Any thread. */
int64_t age_clock_now_ms(const struct age_clock *age);

#endif
