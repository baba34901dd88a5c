/*
 * TSIG records (RFC 8945), as far as a server without keys needs them: read one strictly, and say
 * that its key is not known. Pure; any thread.
 */
#ifndef LOCUM_DNS_TSIG_H
#define LOCUM_DNS_TSIG_H

#include "dns/name.h"

struct dns_tsig {
    struct dns_name key;
    struct dns_name algorithm;
    struct slice time_signed; /* 6 bytes, in the message */
    uint16_t fudge;           /* seconds */
    uint16_t original_id;
};

/* Reads the TSIG record whose owner begins at byte AT of MESSAGE and which must be its last.
 * ERR_MALFORMED if its class, TTL or RDATA are not as RFC 8945 section 4.2 has them. */
MUST_CHECK enum error dns_tsig_read(struct slice message, size_t at, struct dns_tsig *out);
/* Writes the unsigned TSIG of an error reply (RFC 8945, section 5.3.2). ERROR goes into its error
 * field. TIME_SIGNED is the request's. */
void dns_tsig_write_unsigned(struct writer *writer, const struct dns_tsig *request,
                             const uint8_t time_signed[6], uint16_t error);

#endif
