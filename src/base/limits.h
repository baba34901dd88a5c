/*
 * Every fixed limit, with its reason. What an operator may change stands in the configuration.
 */
#ifndef LOCUM_BASE_LIMITS_H
#define LOCUM_BASE_LIMITS_H

enum {
    /* DNS */
    DNS_NAME_MAX = 255,       /* bytes of a name on the wire, RFC 1035 section 2.3.4 */
    DNS_LABEL_MAX = 63,       /* bytes of a label, the same */
    DNS_NAME_TEXT_MAX = 1024, /* a name as text: four characters a byte at most, and the NUL */
    DNS_UDP_PAYLOAD = 1232,   /* fits every path without fragments, RFC 9715 */
    DNS_UDP_PLAIN = 512,      /* answer to a query without EDNS, RFC 1035 section 4.2.1 */
    DNS_MESSAGE_MAX = 65535,  /* the 16-bit length of DNS over TCP */
    DNS_BATCH = 64,           /* queries of one recvmmsg: more gains nothing measurable */
    DNS_CNAME_CHAIN_MAX = 8,  /* static CNAMEs followed in one answer: any more is a loop */

    /* delegates */
    ACME_TXT_LENGTH = 43,    /* base64url of a SHA-256, RFC 8555 section 8.4 */
    VALUES_MAX = 16,         /* values of one delegate: with a signature they fit 1232 bytes */
    VALUES_MIN = 2,          /* apex and wildcard of one certificate */
    ALLOWFROM_MAX = 64,      /* address prefixes of one API key: no client sends more */
    SECRET_LENGTH = 40,      /* characters of an API key's secret: what acme-dns's clients expect */
    UUID_TEXT_LENGTH = 36,   /* RFC 9562 */
    SECRET_HASH_LENGTH = 32, /* SHA-256 */

    /* HTTP */
    HTTP_HEAD_MAX = 16 * 1024, /* request line and header fields: twice what browsers send */
    HTTP_HEADERS_MAX = 100,    /* header lines of one request */
    HTTP_BODY_MAX = 64 * 1024, /* the largest body a client of ours sends is below 4 KiB */
    USER_AGENT_MAX = 256,      /* kept bytes of a User-Agent */

    /* store */
    BATCH_MAX = 256,          /* operations of one transaction: the fsync is paid long before */
    WRITER_QUEUE_MAX = 16384, /* operations waiting: about a second of work, then 503 */
};

#endif
