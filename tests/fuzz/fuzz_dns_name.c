/*
 * Fuzz target: names. As text, what we read is what ldns reads; as wire bytes behind a header, a
 * name that was unpacked is one, and skipping it ends at the same place.
 */
#include <ldns/ldns.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "dns/name.h"
#include "dns/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void try_text(const uint8_t *data, size_t size)
{
    char text[DNS_NAME_TEXT_MAX];
    struct dns_name name;
    uint8_t wire[DNS_NAME_MAX];
    struct slice slice = slice_of(data, size);
    if (dns_name_from_text(slice, &name, wire) != ERR_NONE)
        return;
    require(slice_equal_nocase(slice_of(wire, name.length), dns_name_slice(&name)));
    for (unsigned i = 0; i < name.labels; i++)
        require(name.bytes[name.at[i]] >= 1 && name.bytes[name.at[i]] <= DNS_LABEL_MAX);
    require(name.bytes[name.length - 1] == 0 && name.at[name.labels] == name.length - 1);
    if (slice_to_text(slice, text, sizeof(text)) != ERR_NONE)
        return;
    ldns_rdf *theirs = ldns_dname_new_frm_str(text);
    require(theirs != NULL);
    require(slice_equal(slice_of(wire, name.length),
                        slice_of(ldns_rdf_data(theirs), ldns_rdf_size(theirs))));
    ldns_rdf_deep_free(theirs);
}

static void try_wire(const uint8_t *message, size_t size)
{
    struct dns_name name;
    struct dns_name plain;
    if (size < DNS_HEADER_LENGTH + 1)
        return;
    size_t at = DNS_HEADER_LENGTH + message[0] % (size - DNS_HEADER_LENGTH);
    struct reader unpacked = reader_of(slice_of(message, size));
    unpacked.at += at;
    struct reader skipped = unpacked;
    struct reader read = unpacked;
    if (!dns_name_unpack(&unpacked, message, &name))
        return;
    require(dns_name_skip(&skipped, message) && skipped.at == unpacked.at);
    require(name.length >= 1 && name.bytes[name.length - 1] == 0);
    for (size_t i = 0; i < name.length; i++)
        require(name.bytes[i] == ascii_lower(name.bytes[i]));
    if (dns_name_read(&read, &plain))
        require(slice_equal(dns_name_slice(&plain), dns_name_slice(&name)));
    for (unsigned i = 0; i <= name.labels; i++)
        require(dns_name_is_under(&name, dns_name_suffix(&name, i)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *message = malloc(size + 1);
    require(message != NULL);
    memcpy(message, data, size);
    try_text(message, size);
    try_wire(message, size);
    free(message);
    return 0;
}
