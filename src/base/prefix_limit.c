/*
 * Limits per client network (see prefix_limit.h).
 *
 * A network is packed into 64 bits (family and at most 56 bits of prefix); 0 is an empty place.
 * The counter is a hash table with linear probing, never more than half full; removing moves later
 * entries back, so that no probe sequence breaks and nothing is ever left to clean up. The limiter
 * is a table of sets of eight places; a bucket is kept as the time at which it will be full (the
 * generic cell rate algorithm), so that no bucket ever has to be refilled.
 */
#include "base/prefix_limit.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/random.h>

enum {
    SET_SIZE = 8,
    BURST_MAX = 1000000, /* keeps products with US_PER_HOUR inside 64 bits */
};

static const int64_t US_PER_HOUR = 3600LL * 1000 * 1000;

struct hash_key {
    uint8_t bytes[crypto_shorthash_KEYBYTES];
};

static enum error hash_key_make(struct hash_key *key)
{
    ssize_t got;
    do {
        got = getrandom(key->bytes, sizeof(key->bytes), 0);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof(key->bytes) ? ERR_NONE : ERR_IO;
}

static uint64_t pack_network(const struct ip_address *address)
{
    struct ip_prefix network = ip_network_of(address);
    uint64_t packed = network.address.family;
    for (size_t i = 0; i < 7; i++)
        packed = packed << 8 | network.address.bytes[i];
    return packed;
}

static size_t hash_network(const struct hash_key *key, uint64_t network)
{
    uint64_t hash;
    crypto_shorthash((uint8_t *)&hash, (const uint8_t *)&network, sizeof(network), key->bytes);
    return (size_t)hash;
}

static bool is_limited(const struct ip_address *address, const struct ip_prefix *exempt,
                       size_t exempt_count)
{
    return address->family != 0 && !ip_any_contains(exempt, exempt_count, address);
}

/* The least power of two that is at least N. */
static size_t power_of_two(size_t n)
{
    size_t power = 1;
    while (power < n)
        power *= 2;
    return power;
}

/* ---- how many at the same time ---- */

struct counter_entry {
    uint64_t network;
    uint32_t count;
};

struct prefix_counter {
    pthread_mutex_t mutex;
    struct hash_key key;
    uint32_t limit;
    size_t capacity; /* entries at most */
    size_t used;
    size_t mask;
    const struct ip_prefix *exempt;
    size_t exempt_count;
    struct counter_entry entries[];
};

enum error prefix_counter_new(size_t capacity, uint32_t limit, const struct ip_prefix *exempt,
                              size_t exempt_count, struct prefix_counter **out)
{
    size_t places = power_of_two(2 * capacity + 2);
    struct prefix_counter *counter =
        calloc(1, sizeof(*counter) + places * sizeof(counter->entries[0]));
    if (counter == NULL)
        return ERR_MEMORY;
    if (hash_key_make(&counter->key) != ERR_NONE) {
        free(counter);
        return ERR_IO;
    }
    pthread_mutex_init(&counter->mutex, NULL);
    counter->limit = limit;
    counter->capacity = capacity;
    counter->mask = places - 1;
    counter->exempt = exempt;
    counter->exempt_count = exempt_count;
    *out = counter;
    return ERR_NONE;
}

void prefix_counter_free(struct prefix_counter *counter)
{
    if (counter == NULL)
        return;
    pthread_mutex_destroy(&counter->mutex);
    free(counter);
}

/* The place of NETWORK, or the empty one where it would go. */
static size_t find_place(const struct prefix_counter *counter, uint64_t network)
{
    size_t place = hash_network(&counter->key, network) & counter->mask;
    while (counter->entries[place].network != 0 && counter->entries[place].network != network)
        place = (place + 1) & counter->mask;
    return place;
}

static enum error enter_locked(struct prefix_counter *counter, uint64_t network)
{
    struct counter_entry *entry = &counter->entries[find_place(counter, network)];
    if (entry->count >= counter->limit)
        return ERR_RATE_LIMITED;
    if (entry->network == 0) {
        if (counter->used == counter->capacity)
            return ERR_RATE_LIMITED;
        counter->used++;
        entry->network = network;
    }
    entry->count++;
    return ERR_NONE;
}

enum error prefix_counter_enter(struct prefix_counter *counter, const struct ip_address *address)
{
    if (!is_limited(address, counter->exempt, counter->exempt_count))
        return ERR_NONE;
    uint64_t network = pack_network(address);
    pthread_mutex_lock(&counter->mutex);
    enum error error = enter_locked(counter, network);
    pthread_mutex_unlock(&counter->mutex);
    return error;
}

/* Empties PLACE and moves back what had to go past it (Knuth's algorithm R). */
static void remove_place(struct prefix_counter *counter, size_t place)
{
    size_t hole = place;
    for (size_t at = (place + 1) & counter->mask; counter->entries[at].network != 0;
         at = (at + 1) & counter->mask) {
        size_t home = hash_network(&counter->key, counter->entries[at].network) & counter->mask;
        /* It may go into the hole unless its home lies behind the hole, up to itself. */
        if (((at - home) & counter->mask) >= ((at - hole) & counter->mask)) {
            counter->entries[hole] = counter->entries[at];
            hole = at;
        }
    }
    counter->entries[hole] = (struct counter_entry){0, 0};
    counter->used--;
}

void prefix_counter_leave(struct prefix_counter *counter, const struct ip_address *address)
{
    if (!is_limited(address, counter->exempt, counter->exempt_count))
        return;
    uint64_t network = pack_network(address);
    pthread_mutex_lock(&counter->mutex);
    size_t place = find_place(counter, network);
    if (counter->entries[place].network != 0 && --counter->entries[place].count == 0)
        remove_place(counter, place);
    pthread_mutex_unlock(&counter->mutex);
}

/* ---- how often ---- */

struct bucket {
    uint64_t network;
    int64_t full_at_us; /* monotonic */
};

struct prefix_limiter {
    pthread_mutex_t mutex;
    struct hash_key key;
    struct prefix_rate rate;
    size_t mask; /* of sets */
    struct bucket buckets[];
};

static struct prefix_rate sane_rate(struct prefix_rate rate)
{
    if (rate.burst == 0)
        rate.burst = 1;
    if (rate.burst > BURST_MAX)
        rate.burst = BURST_MAX;
    return rate;
}

enum error prefix_limiter_new(size_t networks, struct prefix_rate rate, struct prefix_limiter **out)
{
    size_t sets = power_of_two((networks + SET_SIZE - 1) / SET_SIZE);
    struct prefix_limiter *limiter =
        calloc(1, sizeof(*limiter) + sets * SET_SIZE * sizeof(limiter->buckets[0]));
    if (limiter == NULL)
        return ERR_MEMORY;
    if (hash_key_make(&limiter->key) != ERR_NONE) {
        free(limiter);
        return ERR_IO;
    }
    pthread_mutex_init(&limiter->mutex, NULL);
    limiter->rate = sane_rate(rate);
    limiter->mask = sets - 1;
    *out = limiter;
    return ERR_NONE;
}

void prefix_limiter_free(struct prefix_limiter *limiter)
{
    if (limiter == NULL)
        return;
    pthread_mutex_destroy(&limiter->mutex);
    free(limiter);
}

void prefix_limiter_set_rate(struct prefix_limiter *limiter, struct prefix_rate rate)
{
    pthread_mutex_lock(&limiter->mutex);
    limiter->rate = sane_rate(rate);
    pthread_mutex_unlock(&limiter->mutex);
}

/* The bucket of NETWORK, or the one whose place it takes (which then is full). */
static struct bucket *find_bucket(struct prefix_limiter *limiter, uint64_t network)
{
    size_t set = hash_network(&limiter->key, network) & limiter->mask;
    struct bucket *first = &limiter->buckets[set * SET_SIZE], *fullest = first;
    for (struct bucket *bucket = first; bucket < first + SET_SIZE; bucket++) {
        if (bucket->network == network)
            return bucket;
        /* An unused place, 0 since when it was made, is the fullest there is. */
        if (bucket->network == 0 ||
            (fullest->network != 0 && bucket->full_at_us < fullest->full_at_us))
            fullest = bucket;
    }
    *fullest = (struct bucket){network, INT64_MIN};
    return fullest;
}

static enum error take_locked(struct prefix_limiter *limiter, uint64_t network, int64_t now_us,
                              uint32_t *retry_after_s)
{
    if (limiter->rate.per_hour == 0)
        return ERR_NONE;
    struct bucket *bucket = find_bucket(limiter, network);
    int64_t each = US_PER_HOUR / limiter->rate.per_hour;
    int64_t whole = each * limiter->rate.burst;
    int64_t full_at = bucket->full_at_us;
    if (full_at < now_us)
        full_at = now_us;
    if (full_at > now_us + whole) /* the rate was raised, or the burst lowered */
        full_at = now_us + whole;
    bucket->full_at_us = full_at;
    int64_t wait = full_at + each - (now_us + whole);
    if (wait > 0) {
        int64_t seconds = (wait + 999999) / 1000000;
        *retry_after_s = (uint32_t)seconds; /* at most an hour: `each` is the longest wait */
        return ERR_RATE_LIMITED;
    }
    bucket->full_at_us = full_at + each;
    return ERR_NONE;
}

enum error prefix_limiter_take(struct prefix_limiter *limiter, const struct ip_address *address,
                               const struct ip_prefix *exempt, size_t exempt_count, int64_t now_ms,
                               uint32_t *retry_after_s)
{
    if (!is_limited(address, exempt, exempt_count))
        return ERR_NONE;
    uint64_t network = pack_network(address);
    pthread_mutex_lock(&limiter->mutex);
    enum error error = take_locked(limiter, network, now_ms * 1000, retry_after_s);
    pthread_mutex_unlock(&limiter->mutex);
    return error;
}

enum error prefix_limiter_take_number(struct prefix_limiter *limiter, uint64_t number,
                                      int64_t now_ms, uint32_t *retry_after_s)
{
    uint64_t key = number | UINT64_C(1) << 63; /* 0 is an empty place */
    pthread_mutex_lock(&limiter->mutex);
    enum error error = take_locked(limiter, key, now_ms * 1000, retry_after_s);
    pthread_mutex_unlock(&limiter->mutex);
    return error;
}
