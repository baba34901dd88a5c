/*
 * The age clock (see age_clock.h).
 */
#include "service/age_clock.h"

static const int64_t gap_max_ms = 24 * 3600 * (int64_t)1000;

void age_clock_init(struct age_clock *age, const struct clock *clock, int64_t stored_age_ms,
                    int64_t stored_wall_ms)
{
    int64_t gap = clock_wall_ms(clock) - stored_wall_ms;
    if (stored_wall_ms == 0 || gap < 0)
        gap = 0;
    if (gap > gap_max_ms)
        gap = gap_max_ms;
    age->clock = *clock;
    age->age_at_start_ms = stored_age_ms + gap;
    age->monotonic_at_start_ms = clock_monotonic_ms(clock);
}

int64_t age_clock_now_ms(const struct age_clock *age)
{
    return age->age_at_start_ms + clock_monotonic_ms(&age->clock) - age->monotonic_at_start_ms;
}
