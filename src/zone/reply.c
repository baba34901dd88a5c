/*
 * Building replies (see reply.h).
 */
#include "zone/reply.h"

enum { POINTER_LENGTH = 2 };

static void store_u16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void store_u32(uint8_t *at, uint32_t value)
{
    store_u16(at, value >> 16);
    store_u16(at + 2, value & 0xFFFF);
}

/* Room for LENGTH bytes, or NULL and the reply has failed: for records copied whole. */
static uint8_t *take_room(struct reply *reply, size_t length)
{
    struct writer *writer = &reply->writer;
    if (writer->failed || (size_t)(writer->end - writer->at) < length) {
        writer->failed = true;
        return NULL;
    }
    uint8_t *at = writer->at;
    writer->at += length;
    return at;
}

void reply_start(struct reply *reply, const struct dns_query *query, uint8_t *buffer, size_t limit)
{
    *reply = (struct reply){.size = limit};
    reply->writer = writer_of(buffer, limit - (query->has_opt ? DNS_OPT_LENGTH : 0));
    if (buffer != query->message.data)
        memmove(buffer, query->message.data, query->question_end);
    reply->writer.at = buffer + query->question_end;
}

static void put_fixed(struct writer *writer, uint16_t type, uint32_t ttl)
{
    write_u16(writer, type);
    write_u16(writer, DNS_CLASS_IN);
    write_u32(writer, ttl);
}

size_t reply_put_rrset(struct reply *reply, enum reply_section section, const struct rrset *rrset,
                       size_t offset)
{
    struct writer *writer = &reply->writer;
    size_t rdata_at = writer_length(writer) + POINTER_LENGTH + DNS_RR_FIXED_LENGTH;
    struct reader rdata = reader_of(slice_of(rrset->rdata, rrset->length));
    while (reader_left(&rdata) > 0 && !rdata.failed) {
        uint16_t length = read_u16(&rdata);
        write_u16(writer, (uint16_t)(DNS_POINTER | offset));
        put_fixed(writer, rrset->type, rrset->ttl);
        write_u16(writer, length);
        write_bytes(writer, read_bytes(&rdata, length));
    }
    reply->counts[section] = (uint16_t)(reply->counts[section] + rrset->count);
    return rdata_at;
}

void reply_put_values(struct reply *reply, const struct value_set *values, uint32_t ttl,
                      size_t offset)
{
    uint8_t *at = take_room(reply, values->wire_length);
    if (at == NULL)
        return;
    memcpy(at, values->wire, values->wire_length);
    /* As it was built: the question's name, TTL 0. */
    if (offset != DNS_HEADER_LENGTH || ttl != 0) {
        for (uint32_t i = 0; i < values->count; i++, at += TXT_RR_LENGTH) {
            store_u16(at, (unsigned)(DNS_POINTER | offset));
            store_u32(at + TXT_RR_TTL_OFFSET, ttl);
        }
    }
    reply->counts[REPLY_ANSWER] = (uint16_t)(reply->counts[REPLY_ANSWER] + values->count);
}

/* Where the zone's own name begins within NAME. */
static size_t apex_offset(const struct zone *zone, struct reply_name name)
{
    return name.offset + name.name->length - zone->name.length;
}

void reply_put_soa(struct reply *reply, enum reply_section section, const struct zone *zone,
                   uint32_t serial, struct reply_name name)
{
    uint8_t *at = take_room(reply, zone->soa.length);
    if (at == NULL)
        return;
    memcpy(at, zone->soa.data, zone->soa.length);
    store_u16(at, (unsigned)(DNS_POINTER | apex_offset(zone, name)));
    store_u32(at + zone->soa.length - SOA_SERIAL_FROM_END, serial);
    reply->counts[section]++;
}

/* The glue's owner: what it has before the zone's name, then a pointer. */
static void put_address_rrset(struct reply *reply, const struct node *node,
                              const struct rrset *rrset, const struct zone *zone, size_t apex_at)
{
    struct writer *writer = &reply->writer;
    struct slice before = slice_of(node->name.data, node->name.length - zone->name.length);
    struct reader rdata = reader_of(slice_of(rrset->rdata, rrset->length));
    while (reader_left(&rdata) > 0 && !rdata.failed) {
        uint16_t length = read_u16(&rdata);
        write_bytes(writer, before);
        write_u16(writer, (uint16_t)(DNS_POINTER | apex_at));
        put_fixed(writer, rrset->type, rrset->ttl);
        write_u16(writer, length);
        write_bytes(writer, read_bytes(&rdata, length));
    }
}

void reply_put_glue(struct reply *reply, const struct zone *zone, struct reply_name name)
{
    static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA};
    for (size_t i = 0; i < zone->glue_count; i++) {
        for (size_t t = 0; t < ARRAY_LENGTH(types); t++) {
            const struct rrset *rrset = node_find(zone->glue[i], types[t]);
            struct writer before = reply->writer;
            if (rrset == NULL || before.failed)
                continue;
            put_address_rrset(reply, zone->glue[i], rrset, zone, apex_offset(zone, name));
            if (reply->writer.failed) { /* helpful, not needed: no reason for TC (RFC 9471 3.1) */
                reply->writer = before;
                return;
            }
            reply->counts[REPLY_ADDITIONAL] =
                (uint16_t)(reply->counts[REPLY_ADDITIONAL] + rrset->count);
        }
    }
}

/* The OPT of a reply: version 0, our payload, the query's DO (RFC 6891, section 6.1.3; RFC 3225).
 */
static void put_opt(struct reply *reply, const struct dns_query *query)
{
    reply->writer.end = reply->writer.start + reply->size;
    uint8_t *at = take_room(reply, DNS_OPT_LENGTH);
    if (at == NULL)
        return;
    at[0] = 0;
    store_u16(at + 1, DNS_TYPE_OPT);
    store_u16(at + 3, DNS_UDP_PAYLOAD);
    at[5] = (uint8_t)(reply->rcode >> 4);
    at[6] = 0;
    store_u16(at + 7, query->dnssec_ok ? DNS_EDNS_DO : 0);
    store_u16(at + 9, 0);
    reply->counts[REPLY_ADDITIONAL]++;
}

/* Drops everything behind the question: a resolver that gets TC asks again over TCP anyway. */
static void truncate_reply(struct reply *reply, const struct dns_query *query)
{
    reply->writer.failed = false;
    reply->writer.at = reply->writer.start + query->question_end;
    memset(reply->counts, 0, sizeof(reply->counts));
    reply->truncated = true;
}

size_t reply_finish(struct reply *reply, const struct dns_query *query)
{
    uint8_t *header = reply->writer.start;
    if (reply->writer.failed)
        truncate_reply(reply, query);
    if (query->has_opt)
        put_opt(reply, query);
    unsigned flags = DNS_FLAG_QR | (query->flags & (DNS_OPCODE_MASK | DNS_FLAG_RD | DNS_FLAG_CD)) |
                     (reply->rcode & 0xF);
    if (reply->authoritative)
        flags |= DNS_FLAG_AA;
    if (reply->truncated)
        flags |= DNS_FLAG_TC;
    store_u16(header, query->id);
    store_u16(header + 2, flags);
    store_u16(header + 4, query->question_end > DNS_HEADER_LENGTH ? 1 : 0);
    store_u16(header + 6, reply->counts[REPLY_ANSWER]);
    store_u16(header + 8, reply->counts[REPLY_AUTHORITY]);
    store_u16(header + 10, reply->counts[REPLY_ADDITIONAL]);
    return writer_length(&reply->writer);
}
