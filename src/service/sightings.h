/*
 * Sightings: which resolvers asked for a delegate's TXT while it held a value. A DNS worker notes
 * them in a ring of its own, without waiting: when the ring is full the sighting is lost. A
 * background thread takes them out and keeps, for each value, the first distinct client networks.
 *
 * Threads: sighting_note() by the ring's worker alone, sighting_take() by the recorder alone.
 */
#ifndef LOCUM_SERVICE_SIGHTINGS_H
#define LOCUM_SERVICE_SIGHTINGS_H

#include <stdatomic.h>

#include "base/ip.h"

enum sighting_transport { SIGHTING_UDP = 1, SIGHTING_TCP = 2 };

enum { SIGHTING_RING_SIZE = 4096 }; /* a power of two; entries of one worker */

struct sighting {
    uint64_t delegate; /* id */
    uint64_t version;  /* of the value set that was served; 0: an unused delegate was asked for */
    struct ip_address client;
    uint8_t transport; /* enum sighting_transport: UDP addresses can be forged */
};

struct sighting_ring {
    _Atomic uint32_t head; /* next to write; by the worker */
    uint8_t pad[60];
    _Atomic uint32_t tail; /* next to read; by the recorder */
    _Atomic uint64_t lost;
    struct sighting entries[SIGHTING_RING_SIZE];
};

static inline void sighting_note(struct sighting_ring *ring, const struct sighting *sighting)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (head - tail >= SIGHTING_RING_SIZE) {
        atomic_fetch_add_explicit(&ring->lost, 1, memory_order_relaxed);
        return;
    }
    ring->entries[head % SIGHTING_RING_SIZE] = *sighting;
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

static inline bool sighting_take(struct sighting_ring *ring, struct sighting *out)
{
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (tail == atomic_load_explicit(&ring->head, memory_order_acquire))
        return false;
    *out = ring->entries[tail % SIGHTING_RING_SIZE];
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
    return true;
}

#endif
