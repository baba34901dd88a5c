/*
 * A reply under construction: records go behind the question, into a bounded buffer; header and OPT
 * are written last. Inside the zone layer. Pure; any thread.
 *
 * Owners are compression pointers (RFC 1035, section 4.1.4) to a name that stands whole in the
 * message: the question's, whose own letters are thus kept, or the target in a CNAME's RDATA.
 */
#ifndef LOCUM_ZONE_REPLY_H
#define LOCUM_ZONE_REPLY_H

#include "dns/query.h"
#include "zone/index.h"
#include "zone/zone.h"

enum reply_section { REPLY_ANSWER, REPLY_AUTHORITY, REPLY_ADDITIONAL };

struct reply {
    struct writer writer; /* over the whole message; fails when the limit is reached */
    size_t size;          /* of the buffer, OPT included */
    uint16_t counts[3];   /* by enum reply_section */
    uint16_t rcode;
    bool authoritative;
    bool truncated;
};

/* A name that stands in the message. */
struct reply_name {
    const struct dns_name *name;
    size_t offset;
};

/* Starts a reply to QUERY in BUFFER, which may be where the query is: everything behind the
 * question is lost then. LIMIT, at most SIZE, is what the message may take up, at least
 * DNS_UDP_PLAIN. */
void reply_start(struct reply *reply, const struct dns_query *query, uint8_t *buffer, size_t limit);
/* Writes RRSET with the owner at OFFSET. Returns where the first record's RDATA begins. */
size_t reply_put_rrset(struct reply *reply, enum reply_section section, const struct rrset *rrset,
                       size_t offset);
/* Writes a delegate's TXT records. */
void reply_put_values(struct reply *reply, const struct value_set *values, uint32_t ttl,
                      size_t offset);
/* Writes ZONE's SOA. NAME is in the zone. */
void reply_put_soa(struct reply *reply, enum reply_section section, const struct zone *zone,
                   uint32_t serial, struct reply_name name);
/* Writes the addresses of ZONE's nameservers, as far as they fit. NAME is in the zone. */
void reply_put_glue(struct reply *reply, const struct zone *zone, struct reply_name name);
/* Completes the message: truncates it if it did not fit, adds the OPT if the query had one, writes
 * the header. Returns its length. */
size_t reply_finish(struct reply *reply, const struct dns_query *query);

#endif
