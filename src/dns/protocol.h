/*
 * Numbers of the DNS protocol that this program speaks of: header bits, codes, types, classes.
 * RFC 1035 (4.1.1, 3.2.2 to 3.2.5), RFC 6891 (OPT), RFC 8945 (TSIG), RFC 9824 (NXNAME).
 */
#ifndef LOCUM_DNS_PROTOCOL_H
#define LOCUM_DNS_PROTOCOL_H

enum {
    DNS_HEADER_LENGTH = 12,
    DNS_OPT_LENGTH = 11,      /* OPT record without options: root owner, fixed fields */
    DNS_RR_FIXED_LENGTH = 10, /* type, class, TTL, RDLENGTH: what follows the owner */
    DNS_POINTER = 0xC000,     /* a compression pointer is this with the offset in its low bits */
    DNS_TTL_MAX = 0x7FFFFFFF, /* RFC 2181 section 8 */
};

enum dns_flag {
    DNS_FLAG_QR = 0x8000,
    DNS_FLAG_AA = 0x0400,
    DNS_FLAG_TC = 0x0200,
    DNS_FLAG_RD = 0x0100,
    DNS_FLAG_CD = 0x0010,
    DNS_OPCODE_MASK = 0x7800,
    DNS_OPCODE_SHIFT = 11,
    DNS_EDNS_DO = 0x8000, /* in the low half of the OPT's TTL field */
};

enum { DNS_OPCODE_QUERY = 0 };

enum dns_rcode {
    DNS_NOERROR = 0,
    DNS_FORMERR = 1,
    DNS_SERVFAIL = 2,
    DNS_NXDOMAIN = 3,
    DNS_NOTIMP = 4,
    DNS_REFUSED = 5,
    DNS_NOTAUTH = 9,
    DNS_BADVERS = 16, /* the upper eight bits go into the OPT */
};

enum { DNS_TSIG_BADKEY = 17 }; /* in a TSIG's error field */

enum dns_class { DNS_CLASS_IN = 1, DNS_CLASS_ANY = 255 };

enum dns_type {
    DNS_TYPE_A = 1,
    DNS_TYPE_NS = 2,
    DNS_TYPE_CNAME = 5,
    DNS_TYPE_SOA = 6,
    DNS_TYPE_TXT = 16,
    DNS_TYPE_SIG = 24,
    DNS_TYPE_AAAA = 28,
    DNS_TYPE_NXT = 30,
    DNS_TYPE_DNAME = 39,
    DNS_TYPE_OPT = 41,
    DNS_TYPE_RRSIG = 46,
    DNS_TYPE_NSEC = 47,
    DNS_TYPE_NSEC3 = 50,
    DNS_TYPE_NSEC3PARAM = 51,
    DNS_TYPE_NXNAME = 128,
    DNS_TYPE_TKEY = 249,
    DNS_TYPE_TSIG = 250,
    DNS_TYPE_IXFR = 251,
    DNS_TYPE_AXFR = 252,
    DNS_TYPE_ANY = 255,
};

#endif
