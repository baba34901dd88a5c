/*
 * IP addresses and prefixes (see ip.h).
 */
#include "base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/ascii.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* An IPv4-mapped IPv6 address becomes the IPv4 address in it. */
static struct ip_address unmap(const uint8_t bytes[16])
{
    struct ip_address address = {.family = 6};
    if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
        address.family = 4;
        memcpy(address.bytes, bytes + sizeof(mapped), 4);
    } else {
        memcpy(address.bytes, bytes, 16);
    }
    return address;
}

enum error ip_parse(struct slice text, struct ip_address *out)
{
    char buffer[IP_TEXT_MAX];
    uint8_t bytes[16];
    if (slice_to_text(text, buffer, sizeof(buffer)) != ERR_NONE)
        return ERR_MALFORMED;
    struct ip_address address = {.family = 4};
    if (inet_pton(AF_INET, buffer, address.bytes) == 1) {
        *out = address;
        return ERR_NONE;
    }
    if (inet_pton(AF_INET6, buffer, bytes) != 1)
        return ERR_MALFORMED;
    *out = unmap(bytes);
    return ERR_NONE;
}

/* A decimal number of 1 to 3 digits without leading zeros, at most MAX; or -1. */
static int small_number(struct slice text, int max)
{
    int value = 0;
    if (text.length == 0 || text.length > 3 || (text.length > 1 && text.data[0] == '0'))
        return -1;
    for (size_t i = 0; i < text.length; i++) {
        if (!ascii_is_digit(text.data[i]))
            return -1;
        value = value * 10 + (text.data[i] - '0');
    }
    return value <= max ? value : -1;
}

static void clear_host_bits(struct ip_prefix *prefix)
{
    size_t bits = prefix->length;
    for (size_t i = 0; i<16; i++, bits = bits> 8 ? bits - 8 : 0) {
        if (bits < 8)
            prefix->address.bytes[i] &= (uint8_t)(0xff00 >> bits);
    }
}

enum error ip_parse_prefix(struct slice text, struct ip_prefix *out)
{
    size_t slash = slice_find(text, '/');
    struct slice host = slice_of(text.data, slash);
    struct ip_prefix prefix;
    if (slash == text.length || ip_parse(host, &prefix.address) != ERR_NONE)
        return ERR_BAD_CIDR;
    bool written_as_ipv6 = slice_find(host, ':') != host.length;
    int length = small_number(slice_from(text, slash + 1), written_as_ipv6 ? 128 : 32);
    if (length < 0)
        return ERR_BAD_CIDR;
    if (written_as_ipv6 && prefix.address.family == 4) {
        if (length < 96) {
            /* Wider than the mapped range: an IPv6 prefix, which no IPv4 client matches. */
            memmove(prefix.address.bytes + 12, prefix.address.bytes, 4);
            memcpy(prefix.address.bytes, mapped, sizeof(mapped));
            prefix.address.family = 6;
        } else {
            length -= 96;
        }
    }
    prefix.length = (uint8_t)length;
    clear_host_bits(&prefix);
    *out = prefix;
    return ERR_NONE;
}

enum error ip_parse_prefix_or_address(struct slice text, struct ip_prefix *out)
{
    if (slice_find(text, '/') != text.length)
        return ip_parse_prefix(text, out);
    struct ip_prefix prefix;
    if (ip_parse(text, &prefix.address) != ERR_NONE)
        return ERR_BAD_CIDR;
    prefix.length = prefix.address.family == 4 ? 32 : 128;
    *out = prefix;
    return ERR_NONE;
}

struct ip_address ip_of_sockaddr(const struct sockaddr *address)
{
    struct ip_address out = {.family = 0};
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        out.family = 4;
        memcpy(out.bytes, &in->sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
        out = unmap(in6->sin6_addr.s6_addr);
    }
    return out;
}

bool ip_equal(const struct ip_address *a, const struct ip_address *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_address *address)
{
    bool has_bits = address->family == 4 || address->family == 6;
    if (prefix->address.family != address->family || !has_bits)
        return false;
    struct ip_prefix network = {*address, prefix->length};
    clear_host_bits(&network);
    return ip_equal(&network.address, &prefix->address);
}

bool ip_any_contains(const struct ip_prefix *prefixes, size_t count,
                     const struct ip_address *address)
{
    for (size_t i = 0; i < count; i++) {
        if (ip_prefix_contains(&prefixes[i], address))
            return true;
    }
    return false;
}

struct ip_prefix ip_network_of(const struct ip_address *address)
{
    struct ip_prefix prefix = {*address, address->family == 4 ? 24 : address->family == 6 ? 56 : 0};
    clear_host_bits(&prefix);
    return prefix;
}

void ip_to_text(const struct ip_address *address, char out[IP_TEXT_MAX])
{
    int family = address->family == 4 ? AF_INET : AF_INET6;
    if (address->family == IP_NONE)
        memcpy(out, "local", sizeof("local"));
    else if (address->family == IP_UNKNOWN ||
             inet_ntop(family, address->bytes, out, IP_TEXT_MAX) == NULL)
        memcpy(out, "unknown", sizeof("unknown"));
}

void ip_prefix_to_text(const struct ip_prefix *prefix, char out[IP_TEXT_MAX])
{
    ip_to_text(&prefix->address, out);
    size_t length = strlen(out);
    snprintf(out + length, IP_TEXT_MAX - length, "/%u", prefix->length);
}
