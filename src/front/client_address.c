/*
 * Clients behind proxies (see client_address.h).
 */
#include "front/client_address.h"

static bool is_trusted(const struct ip_address *address, const struct ip_prefix *trusted,
                       size_t count)
{
    return address->family == IP_NONE || ip_any_contains(trusted, count, address);
}

/* Cuts the last element off a comma-separated list. */
static struct slice take_last(struct slice *list)
{
    size_t start = list->length;
    while (start > 0 && list->data[start - 1] != ',')
        start--;
    struct slice last = slice_trim(slice_from(*list, start));
    list->length = start == 0 ? 0 : start - 1;
    return last;
}

/* Walks one header line from the right. True once *CLIENT is settled. */
static bool walk_line(struct slice line, const struct ip_prefix *trusted, size_t count,
                      struct ip_address *client)
{
    while (line.length > 0) {
        struct slice hop = take_last(&line);
        if (hop.length == 0)
            continue;
        struct ip_address address;
        if (ip_parse(hop, &address) != ERR_NONE) {
            *client = (struct ip_address){.family = IP_UNKNOWN};
            return true;
        }
        *client = address;
        if (!is_trusted(&address, trusted, count))
            return true;
    }
    return false;
}

struct ip_address client_address(const struct http_request *request,
                                 const struct ip_prefix *trusted, size_t trusted_count)
{
    struct ip_address client = request->peer;
    if (!is_trusted(&client, trusted, trusted_count))
        return client;
    for (size_t i = request->header_count; i > 0; i--) {
        const struct http_header *header = &request->headers[i - 1];
        if (slice_equal_nocase(header->name, slice_text("X-Forwarded-For")) &&
            walk_line(header->value, trusted, trusted_count, &client))
            break;
    }
    return client;
}
