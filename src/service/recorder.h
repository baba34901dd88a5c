/*
 * The recorder of sightings (sightings.c), as the housekeeper drives it.
 */
#ifndef LOCUM_SERVICE_RECORDER_H
#define LOCUM_SERVICE_RECORDER_H

#include "service/service_private.h"

struct recorder;

MUST_CHECK enum error recorder_new(struct service *service, struct sighting_ring *const *rings,
                                   size_t ring_count, struct recorder **out);
void recorder_free(struct recorder *recorder);
/* Takes what the rings hold, up to one batch, and queues it for storing. */
void recorder_run(struct recorder *recorder);
/* Sightings that did not fit the rings. */
uint64_t recorder_lost(const struct recorder *recorder);
/* Within a transaction: the table's oldest rows leave if it is over its size. */
MUST_CHECK enum error recorder_prune(struct store *store);

#endif
