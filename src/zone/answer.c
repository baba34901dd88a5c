/*
 * From a question to its answer (see answer.h).
 */
#include "zone/answer.h"

#include "dns/tsig.h"
#include "zone/reply.h"

/* ---- finding ---- */

static bool place_has_records(const struct answer_place *place)
{
    return place->node != NULL && place->node->rrset_count > 0;
}

/* Finds the zone and the static node of NAME. */
static void locate(const struct answer_context *context, const struct dns_name *name,
                   struct answer_place *place)
{
    *place = (struct answer_place){.zone = zone_set_find(context->zones, name)};
    if (place->zone == NULL)
        return;
    place->node = zone_find_node(place->zone, dns_name_slice(name));
    place->may_be_delegate = name->labels == place->zone->labels + 1 && !place_has_records(place);
    if (place->may_be_delegate)
        place->hash = index_hash(context->index, place->zone->id, dns_name_first_label(name));
}

static void find_delegate(const struct answer_context *context, const struct dns_name *name,
                          struct answer_place *place)
{
    if (!place->may_be_delegate)
        return;
    place->delegate =
        index_find(context->index, place->hash, place->zone->id, dns_name_first_label(name));
    if (place->delegate != NULL)
        place->values = delegate_values(place->delegate);
}

/* What is decided by the query alone: an RCODE, or -1. */
static int screen(const struct dns_query *query)
{
    if (query->has_opt && query->edns_version > 0)
        return DNS_BADVERS;
    /* No key is known here, so every TSIG has an unknown one: NOTAUTH with BADKEY. */
    if (query->tsig_at != 0)
        return DNS_NOTAUTH;
    if (query->class != DNS_CLASS_IN)
        return DNS_REFUSED;
    switch (query->type) {
    case DNS_TYPE_AXFR:
    case DNS_TYPE_IXFR:
        return DNS_REFUSED;
    case DNS_TYPE_OPT: /* these live in messages, not in zones */
    case DNS_TYPE_TKEY:
    case DNS_TYPE_TSIG:
    case DNS_TYPE_NXNAME: /* only ever in a bitmap, RFC 9824 */
        return DNS_FORMERR;
    default:
        return -1;
    }
}

void answer_begin(const struct answer_context *context, struct slice message, bool cut,
                  struct answer *answer)
{
    answer->decided = -1;
    answer->place = (struct answer_place){0};
    answer->rcode = DNS_NOERROR;
    answer->truncated = false;
    answer->served_delegate = 0;
    answer->served_version = 0;
    answer->verdict = dns_query_parse(message, cut, &answer->query);
    switch (answer->verdict) {
    case DNS_IGNORE:
        return;
    case DNS_BAD_FORM:
        answer->decided = DNS_FORMERR;
        return;
    case DNS_BAD_OPCODE:
        answer->decided = DNS_NOTIMP;
        return;
    case DNS_WELL_FORMED:
        break;
    }
    answer->decided = screen(&answer->query);
    if (answer->decided >= 0)
        return;
    locate(context, &answer->query.name, &answer->place);
    if (answer->place.may_be_delegate)
        index_prefetch_slot(context->index, answer->place.hash);
}

void answer_probe(const struct answer_context *context, const struct answer *answer)
{
    if (answer->place.may_be_delegate)
        index_prefetch_delegate(context->index, answer->place.hash);
}

void answer_find(const struct answer_context *context, struct answer *answer)
{
    find_delegate(context, &answer->query.name, &answer->place);
    /* Two values lie in the first three lines; more follow at the processor's own pace. */
    if (answer->place.values != NULL) {
        __builtin_prefetch(answer->place.values);
        __builtin_prefetch((const char *)answer->place.values + 64);
        __builtin_prefetch((const char *)answer->place.values + 128);
    }
}

/* ---- answering ---- */

static void put_negative(const struct answer_context *context, struct reply *reply,
                         const struct answer_place *place, struct reply_name name,
                         enum dns_rcode rcode)
{
    uint32_t serial = index_serial(context->index, place->zone->id);
    reply->rcode = (uint16_t)rcode;
    reply_put_soa(reply, REPLY_AUTHORITY, place->zone, serial, name);
}

/* A name without static records: a delegate, an empty non-terminal, or nothing. */
static void answer_dynamic(const struct answer_context *context, struct answer *answer,
                           struct reply *reply, const struct answer_place *place,
                           struct reply_name name)
{
    uint16_t type = answer->query.type;
    if (place->values != NULL && (type == DNS_TYPE_TXT || type == DNS_TYPE_ANY)) {
        reply_put_values(reply, place->values, place->zone->txt_ttl, name.offset);
        answer->served_delegate = place->delegate->id;
        answer->served_version = place->values->version;
        return;
    }
    if (place->delegate != NULL && !delegate_is_used(place->delegate))
        answer->served_delegate = place->delegate->id; /* asked for the first time: it is in use */
    bool exists = place->delegate != NULL || place->node != NULL;
    put_negative(context, reply, place, name, exists ? DNS_NOERROR : DNS_NXDOMAIN);
}

/* A name with static records. Returns the CNAME's target in the message, to be answered next, or 0
 * if the answer is complete. */
static size_t answer_static(const struct answer_context *context, uint16_t type,
                            struct reply *reply, const struct answer_place *place,
                            struct reply_name name)
{
    bool is_apex = place->node == place->zone->apex;
    if (is_apex && (type == DNS_TYPE_SOA || type == DNS_TYPE_ANY)) {
        uint32_t serial = index_serial(context->index, place->zone->id);
        reply_put_soa(reply, REPLY_ANSWER, place->zone, serial, name);
        return 0;
    }
    /* ANY gets one RRset (RFC 8482, section 4.1). */
    const struct rrset *rrset =
        type == DNS_TYPE_ANY ? &place->node->rrsets[0] : node_find(place->node, type);
    if (rrset != NULL) {
        (void)reply_put_rrset(reply, REPLY_ANSWER, rrset, name.offset);
        if (is_apex && type == DNS_TYPE_NS)
            reply_put_glue(reply, place->zone, name);
        return 0;
    }
    rrset = node_find(place->node, DNS_TYPE_CNAME);
    if (rrset != NULL)
        return reply_put_rrset(reply, REPLY_ANSWER, rrset, name.offset);
    put_negative(context, reply, place, name, DNS_NOERROR);
    return 0;
}

/* Follows CNAMEs from the question's name on, as long as they stay in our zones; the RCODE is that
 * of the last name (RFC 6604, section 3). */
static void answer_names(const struct answer_context *context, struct answer *answer,
                         struct reply *reply)
{
    struct dns_name target;
    struct answer_place place = answer->place;
    struct reply_name name = {&answer->query.name, DNS_HEADER_LENGTH};
    if (place.zone == NULL) {
        reply->rcode = DNS_REFUSED;
        return;
    }
    reply->authoritative = true;
    for (int hops = 0; place.zone != NULL; hops++) {
        if (!place_has_records(&place)) {
            answer_dynamic(context, answer, reply, &place, name);
            return;
        }
        size_t next = answer_static(context, answer->query.type, reply, &place, name);
        if (next == 0 || reply->writer.failed || hops == DNS_CNAME_CHAIN_MAX)
            return;
        struct reader reader = reader_of(slice_from(writer_slice(&reply->writer), next));
        if (!dns_name_read(&reader, &target))
            return;
        name = (struct reply_name){&target, next};
        locate(context, &target, &place);
        find_delegate(context, &target, &place);
    }
}

/* The end of a reply to a query with TSIG: it comes after the OPT, so it is put behind the finished
 * message. If there is no room the reply goes without and says so by TC. */
static size_t append_tsig(uint8_t *out, size_t length, size_t limit, const struct dns_tsig *tsig,
                          const uint8_t *time_signed)
{
    struct writer writer = writer_of(out, limit);
    writer.at += length;
    dns_tsig_write_unsigned(&writer, tsig, time_signed, DNS_TSIG_BADKEY);
    if (writer.failed) {
        out[2] |= DNS_FLAG_TC >> 8;
        return length;
    }
    out[11]++; /* ARCOUNT: was 0 or 1 */
    return writer_length(&writer);
}

/* A reply that holds no data. */
static size_t answer_decided(struct answer *answer, struct reply *reply, uint8_t *out, size_t limit)
{
    struct dns_tsig tsig;
    uint8_t time_signed[6]; /* the message is about to be written over */
    bool with_tsig = answer->decided == DNS_NOTAUTH &&
                     dns_tsig_read(answer->query.message, answer->query.tsig_at, &tsig) == ERR_NONE;
    if (with_tsig)
        memcpy(time_signed, tsig.time_signed.data, sizeof(time_signed));
    reply->rcode = (uint16_t)answer->decided;
    size_t length = reply_finish(reply, &answer->query);
    return with_tsig ? append_tsig(out, length, limit, &tsig, time_signed) : length;
}

/* The most a reply may take up (RFC 6891, section 6.2.3; RFC 9715). */
static size_t reply_limit(const struct dns_query *query, enum answer_transport transport,
                          size_t size)
{
    size_t limit = DNS_UDP_PLAIN;
    if (transport == ANSWER_TCP)
        limit = DNS_MESSAGE_MAX;
    else if (query->has_opt && query->payload > DNS_UDP_PAYLOAD)
        limit = DNS_UDP_PAYLOAD;
    else if (query->has_opt && query->payload > DNS_UDP_PLAIN)
        limit = query->payload;
    return limit < size ? limit : size;
}

size_t answer_finish(const struct answer_context *context, struct answer *answer,
                     enum answer_transport transport, uint8_t *out, size_t size)
{
    if (answer->verdict == DNS_IGNORE || size < DNS_UDP_PAYLOAD)
        return 0;
    struct reply reply;
    size_t limit = reply_limit(&answer->query, transport, size);
    reply_start(&reply, &answer->query, out, limit);
    size_t length;
    if (answer->decided >= 0) {
        length = answer_decided(answer, &reply, out, limit);
    } else {
        answer_names(context, answer, &reply);
        length = reply_finish(&reply, &answer->query);
    }
    answer->rcode = reply.rcode;
    answer->truncated = reply.truncated;
    if (reply.truncated)
        answer->served_delegate = 0;
    return length;
}

size_t answer_query(const struct answer_context *context, struct slice message, bool cut,
                    enum answer_transport transport, uint8_t *out, size_t size,
                    struct answer *answer)
{
    answer_begin(context, message, cut, answer);
    answer_find(context, answer);
    return answer_finish(context, answer, transport, out, size);
}
