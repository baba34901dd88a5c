/*
 * A DNS query as it came in: header, its one question, OPT (RFC 1035 section 4; RFC 6891). What
 * else it holds is walked over and checked, no more. Pure; any thread.
 */
#ifndef LOCUM_DNS_QUERY_H
#define LOCUM_DNS_QUERY_H

#include "dns/name.h"
#include "dns/protocol.h"

enum dns_verdict {
    DNS_IGNORE,      /* too short or a response: no answer at all, or two servers might ping-pong */
    DNS_BAD_FORM,    /* answer FORMERR */
    DNS_BAD_OPCODE,  /* answer NOTIMP */
    DNS_WELL_FORMED, /* a QUERY with one question */
};

struct dns_query {
    struct slice message; /* borrowed */
    uint16_t id;
    uint16_t flags; /* the header's second word, as sent */
    uint16_t type;
    uint16_t class;
    uint16_t question_end; /* offset behind the question; DNS_HEADER_LENGTH if none is echoed */
    uint16_t payload;      /* OPT: largest UDP answer, as sent */
    uint16_t tsig_at;      /* offset of the TSIG record's owner, or 0 */
    uint8_t edns_version;
    bool has_opt;
    bool dnssec_ok;
    struct dns_name name; /* the question's; its own letters stay in the message */
};

/* Parses MESSAGE, at most 65,535 bytes. CUT says that the transport had to cut it: then nothing
 * behind the header counts. QUERY holds header fields and, unless question_end says there is none,
 * the question, whatever the verdict. */
MUST_CHECK enum dns_verdict dns_query_parse(struct slice message, bool cut,
                                            struct dns_query *query);

#endif
