/*
 * IP addresses and address prefixes (CIDR). IPv4-mapped IPv6 addresses are the IPv4 address they
 * hold, everywhere: a dual-stack socket must not change who a client is. Pure; any thread.
 */
#ifndef LOCUM_BASE_IP_H
#define LOCUM_BASE_IP_H

#include <sys/socket.h>

#include "base/slice.h"

enum { IP_TEXT_MAX = 64 }; /* an address, brackets, a port or prefix length, and the NUL */

/* Families besides 4 and 6. */
enum {
    IP_NONE = 0,      /* no address: a Unix socket */
    IP_UNKNOWN = 255, /* there is one, but it could not be learnt: no prefix contains it */
};

struct ip_address {
    uint8_t family;    /* 4, 6, IP_NONE or IP_UNKNOWN */
    uint8_t bytes[16]; /* network order; the first 4 for IPv4, the rest 0 */
};

struct ip_prefix {
    struct ip_address address; /* host bits cleared */
    uint8_t length;            /* bits, 0 to 32 or 128 */
};

/* Parses an IPv4 or IPv6 address without brackets, zone or port. ERR_MALFORMED if it is none. */
MUST_CHECK enum error ip_parse(struct slice text, struct ip_address *out);
/* Parses ADDRESS/LENGTH as Go's net.ParseCIDR does (what acme-dns accepts): a length is needed,
 * no leading zeros in octets or length, no zone; host bits may be set. ERR_BAD_CIDR if it is none.
 * An IPv4-mapped address with a length of 96 or more becomes the IPv4 prefix. */
MUST_CHECK enum error ip_parse_prefix(struct slice text, struct ip_prefix *out);
/* As ip_parse_prefix(), and a bare address stands for itself alone. For configuration. */
MUST_CHECK enum error ip_parse_prefix_or_address(struct slice text, struct ip_prefix *out);
/* The address of a socket address; family 0 if it is neither IPv4 nor IPv6. */
struct ip_address ip_of_sockaddr(const struct sockaddr *address);
bool ip_equal(const struct ip_address *a, const struct ip_address *b);
/* Whether PREFIX contains ADDRESS. Families never match each other. */
bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_address *address);
bool ip_any_contains(const struct ip_prefix *prefixes, size_t count,
                     const struct ip_address *address);
/* The network a client is counted under: its /24 (IPv4) or /56 (IPv6). */
struct ip_prefix ip_network_of(const struct ip_address *address);
/* Writes the address, e.g. "192.0.2.1"; "local" for IP_NONE, "unknown" for IP_UNKNOWN. */
void ip_to_text(const struct ip_address *address, char out[IP_TEXT_MAX]);
/* Writes the prefix, e.g. "192.0.2.0/24". */
void ip_prefix_to_text(const struct ip_prefix *prefix, char out[IP_TEXT_MAX]);

#endif
