/*
 * Everything that is read out of a request once HTTP is parsed: the first byte chooses the reader,
 * the rest is its input.
 */
#include <stdlib.h>

#include "base/encoding.h"
#include "dns/domain.h"
#include "front/client_address.h"
#include "front/json_fields.h"
#include "front/request_auth.h"
#include "store/change.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void read_json(struct slice input, enum json_extent extent)
{
    json_t *fields = NULL;
    if (json_fields_parse(input, extent, &fields) == ERR_NONE) {
        must(json_is_object(fields));
        (void)json_fields_text(fields, "txt");
        (void)json_fields_get(fields, "allowfrom");
    } else {
        must(fields == NULL);
    }
    json_decref(fields);
}

static void read_headers(struct slice input)
{
    size_t cut = slice_find(input, '\n');
    const struct http_header headers[] = {
        {slice_text("X-Forwarded-For"), slice_of(input.data, cut)},
        {slice_text("Authorization"), slice_from(input, cut + 1)}};
    const struct http_request request = {
        .headers = headers, .header_count = 2, .peer = {4, {10, 0, 0, 1}}};
    const struct ip_prefix trusted = {{4, {10}}, 8};
    struct basic_credentials basic;
    struct ip_address client = client_address(&request, &trusted, 1);
    must(client.family == 4 || client.family == 6 || client.family == IP_UNKNOWN);
    struct credentials found = request_credentials(&request, &basic);
    must(found.key_id.length + found.secret.length <= sizeof(basic.buffer));
    (void)request_token(&request, slice_text(""), &basic);
}

static void read_texts(struct slice input)
{
    struct ip_prefix prefix;
    uint8_t uuid[16];
    char text[IP_TEXT_MAX], uuid_text[UUID_TEXT_LENGTH + 1];
    if (ip_parse_prefix(input, &prefix) == ERR_NONE) {
        struct ip_prefix again;
        ip_prefix_to_text(&prefix, text);
        must(ip_parse_prefix(slice_text(text), &again) == ERR_NONE);
        must(ip_equal(&again.address, &prefix.address) && again.length == prefix.length);
    }
    if (uuid_parse(input, uuid) == ERR_NONE)
        uuid_to_text(uuid, uuid_text);
}

static void read_domain(struct slice input)
{
    char given[DNS_NAME_TEXT_MAX], domain[DOMAIN_TEXT_MAX], again[DOMAIN_TEXT_MAX];
    if (slice_to_text(input, given, sizeof(given)) != ERR_NONE ||
        domain_normalise(given, domain) != NULL)
        return;
    must(domain_normalise(domain, again) == NULL && strcmp(domain, again) == 0);
}

static void read_change(struct slice input)
{
    struct change change;
    uint8_t buffer[8192];
    if (change_decode(input, &change) != ERR_NONE)
        return;
    struct writer writer = writer_of(buffer, sizeof(buffer));
    change_encode(&change, &writer);
    must(writer.failed || writer_length(&writer) == input.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct slice input = slice_of(data + 1, size - 1);
    switch (data[0] % 6) {
    case 0:
        read_json(input, JSON_WHOLE);
        break;
    case 1:
        read_json(input, JSON_FIRST_VALUE);
        break;
    case 2:
        read_headers(input);
        break;
    case 3:
        read_texts(input);
        break;
    case 4:
        read_domain(input);
        break;
    default:
        read_change(input);
    }
    return 0;
}
