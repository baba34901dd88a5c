/*
 * Single values of the configuration (see config_values.h).
 */
#include "daemon/config_values.h"

#include <netinet/in.h>

#include "base/ascii.h"
#include "base/ip.h"
#include "base/limits.h"

enum { NODE_NAME_MAX = 64, DOMAIN_TEXT_MAX = 253 };

static struct slice first_bytes(struct slice text, size_t length)
{
    return slice_of(text.data, length);
}

/* Digits at the start of TEXT; *used counts them. Too large a number fails. */
static enum error leading_number(const char *text, uint64_t *out, size_t *used)
{
    uint64_t number = 0;
    size_t i = 0;

    for (; ascii_is_digit((uint8_t)text[i]); i++) {
        if (i > 0 && text[0] == '0')
            return ERR_MALFORMED;
        if (number > (UINT64_MAX - 9) / 10)
            return ERR_MALFORMED;
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    if (i == 0)
        return ERR_MALFORMED;
    *out = number;
    *used = i;
    return ERR_NONE;
}

enum error value_number(const char *text, uint64_t *out)
{
    uint64_t number;
    size_t used;
    enum error error = leading_number(text, &number, &used);

    if (error == ERR_NONE && text[used] != '\0')
        error = ERR_MALFORMED;
    if (error == ERR_NONE)
        *out = number;
    return error;
}

enum error value_duration(const char *text, int64_t *milliseconds)
{
    static const struct {
        const char *name;
        int64_t milliseconds;
    } units[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                 {"h", 3600000}, {"d", 86400000}, {"w", 604800000}};
    const int64_t longest = INT64_C(36525) * 86400000;
    uint64_t number;
    size_t used;
    enum error error = leading_number(text, &number, &used);

    if (error != ERR_NONE)
        return error;
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        if (strcmp(text + used, units[i].name) != 0)
            continue;
        if (number > (uint64_t)(longest / units[i].milliseconds))
            return ERR_MALFORMED;
        *milliseconds = (int64_t)number * units[i].milliseconds;
        return ERR_NONE;
    }
    return ERR_MALFORMED;
}

static enum error parse_port(const char *text, uint16_t *port)
{
    uint64_t number;
    enum error error = value_number(text, &number);

    if (error == ERR_NONE && number > UINT16_MAX)
        error = ERR_MALFORMED;
    if (error == ERR_NONE)
        *port = (uint16_t)number;
    return error;
}

enum error value_socket_address(const char *text, struct sockaddr_storage *out, socklen_t *length)
{
    const char *colon = strrchr(text, ':');
    struct slice host;
    struct ip_address ip;
    uint16_t port;
    bool bracketed;
    enum error error;

    if (colon == NULL || colon == text)
        return ERR_MALFORMED;
    host = slice_of(text, (size_t)(colon - text));
    bracketed = host.length >= 2 && host.data[0] == '[' && host.data[host.length - 1] == ']';
    if (bracketed)
        host = first_bytes(slice_from(host, 1), host.length - 2);
    else if (slice_find(host, ':') != host.length)
        return ERR_MALFORMED;
    error = ip_parse(host, &ip);
    if (error == ERR_NONE)
        error = parse_port(colon + 1, &port);
    if (error != ERR_NONE)
        return error;
    memset(out, 0, sizeof(*out));
    if (ip.family == 6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)out;

        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        memcpy(&in6->sin6_addr, ip.bytes, sizeof(in6->sin6_addr));
        *length = sizeof(*in6);
    } else {
        struct sockaddr_in *in = (struct sockaddr_in *)(void *)out;

        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        memcpy(&in->sin_addr, ip.bytes, sizeof(in->sin_addr));
        *length = sizeof(*in);
    }
    return ERR_NONE;
}

static bool is_label(struct slice label)
{
    if (label.length == 0 || label.length > DNS_LABEL_MAX || label.data[0] == '-' ||
        label.data[label.length - 1] == '-')
        return false;
    for (size_t i = 0; i < label.length; i++) {
        uint8_t c = label.data[i];

        if (!ascii_is_alphanumeric(c) && c != '-' && c != '_')
            return false;
    }
    return true;
}

static bool is_domain(struct slice name)
{
    if (name.length > 0 && name.data[name.length - 1] == '.')
        name.length--;
    if (name.length == 0 || name.length > DOMAIN_TEXT_MAX)
        return false;
    for (;;) {
        size_t dot = slice_find(name, '.');

        if (!is_label(first_bytes(name, dot)))
            return false;
        if (dot == name.length)
            return true;
        name = slice_from(name, dot + 1);
    }
}

bool value_is_domain(const char *text)
{
    return is_domain(slice_text(text));
}

bool value_is_mail_address(const char *text)
{
    const char *at = strchr(text, '@');

    if (at == NULL || at == text || !value_is_domain(at + 1))
        return false;
    for (const char *c = text; c < at; c++) {
        /* The characters of a dot-atom (RFC 5322 section 3.2.3). */
        if (!ascii_is_alphanumeric((uint8_t)*c) && strchr(".!#$%&'*+-/=?^_`{|}~", *c) == NULL)
            return false;
    }
    return true;
}

static bool is_url_host(struct slice host)
{
    struct ip_address ip;

    if (host.length >= 2 && host.data[0] == '[' && host.data[host.length - 1] == ']') {
        host = first_bytes(slice_from(host, 1), host.length - 2);
        return slice_find(host, ':') != host.length && ip_parse(host, &ip) == ERR_NONE;
    }
    return is_domain(host);
}

static bool is_authority(struct slice authority)
{
    size_t colon = authority.length;

    while (colon > 0 && ascii_is_digit(authority.data[colon - 1]))
        colon--;
    if (colon > 0 && colon < authority.length && authority.data[colon - 1] == ':') {
        char text[8];
        uint16_t port;

        if (slice_to_text(slice_from(authority, colon), text, sizeof(text)) != ERR_NONE ||
            parse_port(text, &port) != ERR_NONE || port == 0)
            return false;
        authority.length = colon - 1;
    }
    return is_url_host(authority);
}

static bool is_path(struct slice path)
{
    for (size_t i = 0; i < path.length; i++) {
        if (!ascii_is_alphanumeric(path.data[i]) &&
            strchr("/-._~%!$&'()*+,;=:@", path.data[i]) == NULL)
            return false;
    }
    return true;
}

bool value_is_url(const char *text, bool with_path)
{
    struct slice rest = slice_text(text);
    size_t slash;

    if (slice_starts(rest, "https://"))
        rest = slice_from(rest, 8);
    else if (slice_starts(rest, "http://"))
        rest = slice_from(rest, 7);
    else
        return false;
    slash = slice_find(rest, '/');
    if (slash != rest.length && !with_path)
        return false;
    return is_authority(first_bytes(rest, slash)) && is_path(slice_from(rest, slash));
}

bool value_is_node_name(const char *text)
{
    size_t length = strlen(text);

    if (length == 0 || length > NODE_NAME_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!ascii_is_alphanumeric((uint8_t)text[i]) && strchr(".-_", text[i]) == NULL)
            return false;
    }
    return true;
}
