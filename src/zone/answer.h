/*
 * From a question to its answer: the whole meaning of a DNS query, without I/O. Reads the zone set
 * and the index; allocates nothing, waits for nothing.
 *
 * A batch of queries goes through four passes, so that the memory of each is on its way while the
 * others are worked on: begin, probe, find, finish. answer_query() does all four for one.
 *
 * Threads: any that may read the index (online); `struct answer` belongs to the caller.
 * RFC 1034 4.3.2, 2308 (negative answers), 4343 (case), 6604 (RCODE of chains), 6891 (EDNS),
 * 8020 (what NXDOMAIN means), 8482 (ANY), 8945 5.2.1 (unknown TSIG keys).
 */
#ifndef LOCUM_ZONE_ANSWER_H
#define LOCUM_ZONE_ANSWER_H

#include "dns/query.h"
#include "zone/index.h"
#include "zone/zone_set.h"

enum answer_transport { ANSWER_UDP, ANSWER_TCP };

struct answer_context {
    const struct index *index;
    const struct zone_set *zones;
};

/* Where a name leads. */
struct answer_place {
    const struct zone *zone; /* NULL: none of ours */
    const struct node *node; /* NULL: nothing static there */
    bool may_be_delegate;    /* one label below the zone, and no static records */
    uint64_t hash;           /* for the index, if it may be one */
    const struct delegate *delegate;
    const struct value_set *values;
};

/* One query on its way, and what became of it. */
struct answer {
    struct dns_query query;
    enum dns_verdict verdict;
    int decided; /* an RCODE that needs no look at the data, or -1 */
    struct answer_place place;
    /* outcome, after answer_finish() */
    uint16_t rcode;
    bool truncated;
    uint64_t served_delegate; /* id of the delegate to note a sighting of, or 0 */
    uint64_t served_version;  /* of the value set in the answer; 0: asked for, and holds none */
};

/* Parses MESSAGE and asks for the index's slot. MESSAGE must stay until answer_finish(). CUT: the
 * transport had to cut it. */
void answer_begin(const struct answer_context *context, struct slice message, bool cut,
                  struct answer *answer);
/* Asks for the delegate's memory. */
void answer_probe(const struct answer_context *context, const struct answer *answer);
/* Finds the delegate and asks for its value set. */
void answer_find(const struct answer_context *context, struct answer *answer);
/* Builds the answer in OUT of SIZE bytes (at least DNS_UDP_PAYLOAD), which may be the query's own
 * buffer. Returns its length, 0 if there is none to give. */
size_t answer_finish(const struct answer_context *context, struct answer *answer,
                     enum answer_transport transport, uint8_t *out, size_t size);
/* All passes for one query. */
size_t answer_query(const struct answer_context *context, struct slice message, bool cut,
                    enum answer_transport transport, uint8_t *out, size_t size,
                    struct answer *answer);

#endif
