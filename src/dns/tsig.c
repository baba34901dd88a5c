/*
 * TSIG records (see tsig.h).
 */
#include "dns/tsig.h"

#include "dns/protocol.h"

enum { TIME_LENGTH = 6 }; /* seconds since 1970 in 48 bits */

/* The RDATA up to READER's end. The algorithm's name must not be compressed. */
static bool read_rdata(struct reader *reader, struct dns_tsig *out)
{
    if (!dns_name_read(reader, &out->algorithm))
        return false;
    out->time_signed = read_bytes(reader, TIME_LENGTH);
    out->fudge = read_u16(reader);
    uint16_t mac_length = read_u16(reader);
    (void)read_bytes(reader, mac_length);
    out->original_id = read_u16(reader);
    (void)read_u16(reader); /* error: of no meaning in a request */
    uint16_t other_length = read_u16(reader);
    (void)read_bytes(reader, other_length);
    return !reader->failed && reader_left(reader) == 0;
}

enum error dns_tsig_read(struct slice message, size_t at, struct dns_tsig *out)
{
    struct dns_tsig tsig;
    struct reader reader = reader_of(message);
    (void)read_bytes(&reader, at);
    if (reader.failed || !dns_name_unpack(&reader, message.data, &tsig.key))
        return ERR_MALFORMED;
    uint16_t type = read_u16(&reader);
    uint16_t class = read_u16(&reader);
    uint32_t ttl = read_u32(&reader);
    uint16_t length = read_u16(&reader);
    if (reader.failed || type != DNS_TYPE_TSIG || class != DNS_CLASS_ANY || ttl != 0 ||
        length != reader_left(&reader))
        return ERR_MALFORMED;
    if (!read_rdata(&reader, &tsig))
        return ERR_MALFORMED;
    *out = tsig;
    return ERR_NONE;
}

void dns_tsig_write_unsigned(struct writer *writer, const struct dns_tsig *request,
                             const uint8_t time_signed[6], uint16_t error)
{
    write_bytes(writer, dns_name_slice(&request->key));
    write_u16(writer, DNS_TYPE_TSIG);
    write_u16(writer, DNS_CLASS_ANY);
    write_u32(writer, 0);
    write_u16(writer, (uint16_t)(request->algorithm.length + TIME_LENGTH + 5 * 2));
    write_bytes(writer, dns_name_slice(&request->algorithm));
    write_bytes(writer, slice_of(time_signed, TIME_LENGTH));
    write_u16(writer, request->fudge);
    write_u16(writer, 0); /* no MAC */
    write_u16(writer, request->original_id);
    write_u16(writer, error);
    write_u16(writer, 0); /* no other data */
}
