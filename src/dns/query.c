/*
 * Parsing queries (see query.h).
 */
#include "dns/query.h"

#include "dns/tsig.h"

struct counts {
    uint16_t questions, answers, authority, additional;
};

/* Whether the options of an OPT record fill its RDATA exactly. What they are does not matter. */
static bool options_are_framed(struct slice rdata)
{
    struct reader reader = reader_of(rdata);
    while (!reader.failed && reader_left(&reader) > 0) {
        (void)read_u16(&reader);
        uint16_t length = read_u16(&reader);
        (void)read_bytes(&reader, length);
    }
    return !reader.failed;
}

/* READER stands behind the OPT's type. IS_ROOT: its owner is the root, as it must be. */
static bool read_opt(struct reader *reader, bool is_root, struct dns_query *query)
{
    if (query->has_opt || !is_root)
        return false;
    query->payload = read_u16(reader);
    (void)read_u8(reader); /* extended RCODE */
    query->edns_version = read_u8(reader);
    query->dnssec_ok = (read_u16(reader) & DNS_EDNS_DO) != 0;
    uint16_t length = read_u16(reader);
    struct slice rdata = read_bytes(reader, length);
    query->has_opt = !reader->failed;
    /* What the RDATA of later versions looks like is not known: they get BADVERS. */
    return !reader->failed && (query->edns_version > 0 || options_are_framed(rdata));
}

/* Reads one record. OPT and TSIG may stand in the additional section only, TSIG at its end. */
static bool read_record(struct reader *reader, bool additional, struct dns_query *query)
{
    const uint8_t *start = reader->at;
    bool is_root = reader_left(reader) > 0 && *start == 0;
    if (query->tsig_at != 0 || !dns_name_skip(reader, query->message.data))
        return false;
    uint16_t type = read_u16(reader);
    if (type == DNS_TYPE_OPT)
        return additional && read_opt(reader, is_root, query);
    (void)read_bytes(reader, 2 + 4); /* class, TTL */
    uint16_t length = read_u16(reader);
    (void)read_bytes(reader, length);
    if (reader->failed)
        return false;
    if (type != DNS_TYPE_TSIG)
        return true;
    struct dns_tsig tsig;
    query->tsig_at = (uint16_t)(start - query->message.data);
    return additional && dns_tsig_read(query->message, query->tsig_at, &tsig) == ERR_NONE;
}

static bool read_question(struct reader *reader, struct dns_query *query)
{
    if (!dns_name_read(reader, &query->name) || reader_left(reader) < 4)
        return false;
    const uint8_t *at = reader->at;
    query->type = (uint16_t)(at[0] << 8 | at[1]);
    query->class = (uint16_t)(at[2] << 8 | at[3]);
    reader->at += 4;
    query->question_end = (uint16_t)(reader->at - query->message.data);
    return true;
}

/* Everything behind the header. False if it is not what the header promised. */
static bool read_body(struct reader *reader, const struct counts *counts, struct dns_query *query)
{
    if (counts->questions != 1 || !read_question(reader, query))
        return false;
    uint32_t before = (uint32_t)counts->answers + counts->authority;
    for (uint32_t i = 0; i < before; i++) {
        if (!read_record(reader, false, query))
            return false;
    }
    for (uint32_t i = 0; i < counts->additional; i++) {
        if (!read_record(reader, true, query))
            return false;
    }
    return reader_left(reader) == 0;
}

static uint16_t header_word(const uint8_t *message, unsigned word)
{
    return (uint16_t)(message[2 * word] << 8 | message[2 * word + 1]);
}

enum dns_verdict dns_query_parse(struct slice message, bool cut, struct dns_query *query)
{
    if (message.length < DNS_HEADER_LENGTH || message.length > DNS_MESSAGE_MAX)
        return DNS_IGNORE;
    const uint8_t *at = message.data;
    query->message = message;
    query->id = header_word(at, 0);
    query->flags = header_word(at, 1);
    query->question_end = DNS_HEADER_LENGTH;
    query->tsig_at = 0;
    query->has_opt = false;
    query->dnssec_ok = false;
    query->edns_version = 0;
    if ((query->flags & DNS_FLAG_QR) != 0)
        return DNS_IGNORE;
    struct counts counts = {header_word(at, 2), header_word(at, 3), header_word(at, 4),
                            header_word(at, 5)};
    struct reader reader = reader_of(message);
    reader.at += DNS_HEADER_LENGTH;
    bool good = !cut && read_body(&reader, &counts, query);
    if (!good) {
        query->has_opt = false; /* nothing can be said of a record that may not be one */
        query->tsig_at = 0;
    }
    if ((query->flags & DNS_OPCODE_MASK) >> DNS_OPCODE_SHIFT != DNS_OPCODE_QUERY)
        return DNS_BAD_OPCODE;
    return good ? DNS_WELL_FORMED : DNS_BAD_FORM;
}
