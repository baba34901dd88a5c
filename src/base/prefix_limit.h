/*
 * Limits per client network, the /24 or /56 of ip_network_of(): how many things one network holds
 * at the same time (prefix_counter), and how often it may do something (prefix_limiter).
 *
 * Both keep a table whose size is fixed when it is made, so that no number of networks takes more
 * memory, and both hash with a random key, so that nobody can choose networks that collide. Both
 * have their own lock; any thread. Addresses of family 0 (Unix sockets) and exempt prefixes are
 * never limited and never stored.
 */
#ifndef LOCUM_BASE_PREFIX_LIMIT_H
#define LOCUM_BASE_PREFIX_LIMIT_H

#include "base/ip.h"

struct prefix_counter;

/* CAPACITY is how many things are held at most in total, by all networks together: the caller's
 * own cap. LIMIT is how many one network may hold. EXEMPT is borrowed for the counter's life.
 * ERR_MEMORY or ERR_IO (no randomness). */
MUST_CHECK enum error prefix_counter_new(size_t capacity, uint32_t limit,
                                         const struct ip_prefix *exempt, size_t exempt_count,
                                         struct prefix_counter **out);
void prefix_counter_free(struct prefix_counter *counter);
/* Counts one more for ADDRESS's network. ERR_RATE_LIMITED, and nothing is counted, if it is at its
 * limit or CAPACITY networks are held already. */
MUST_CHECK enum error prefix_counter_enter(struct prefix_counter *counter,
                                           const struct ip_address *address);
/* Takes back one successful prefix_counter_enter() for the same address. */
void prefix_counter_leave(struct prefix_counter *counter, const struct ip_address *address);

/*
 * A token bucket for each network, or for each of anything else that has a number. A bucket that is
 * full again is the same as none, and leaves its place to another. When a hash's eight places all
 * hold buckets that are not full, the one nearest to full is forgotten: who can fill the table has
 * that many networks to come from anyway.
 */
struct prefix_limiter;

struct prefix_rate {
    uint32_t per_hour; /* tokens that come back in an hour; 0: no limit */
    uint32_t burst;    /* tokens of a full bucket, 1 to 1,000,000 (others count as the nearest) */
};

/* NETWORKS is how many buckets the table holds at least (16 bytes each). Errors as above. */
MUST_CHECK enum error prefix_limiter_new(size_t networks, struct prefix_rate rate,
                                         struct prefix_limiter **out);
void prefix_limiter_free(struct prefix_limiter *limiter);
/* Sets another rate (a reload). Networks keep what they have used, as time until full. */
void prefix_limiter_set_rate(struct prefix_limiter *limiter, struct prefix_rate rate);
/* Takes a token from the bucket of ADDRESS's network at NOW_MS (monotonic). ERR_RATE_LIMITED if it
 * is empty: *RETRY_AFTER_S then says in how many seconds (at least 1) there is one. The list of
 * exempt prefixes is the caller's at each call, because a reload may change it. */
MUST_CHECK enum error prefix_limiter_take(struct prefix_limiter *limiter,
                                          const struct ip_address *address,
                                          const struct ip_prefix *exempt, size_t exempt_count,
                                          int64_t now_ms, uint32_t *retry_after_s);
/* The same for the thing with this NUMBER (below 2^63), in a limiter that counts nothing but those.
 */
MUST_CHECK enum error prefix_limiter_take_number(struct prefix_limiter *limiter, uint64_t number,
                                                 int64_t now_ms, uint32_t *retry_after_s);

#endif
