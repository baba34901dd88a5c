/*
 * Fuzz target: the whole way from bytes to an answer. The first byte chooses the transport; the
 * rest is the message. Whatever comes in, the answer is within its limit, belongs to the question,
 * and is one that ldns can read.
 */
#include <ldns/ldns.h>
#include <stdlib.h>

#include "zone/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LABEL "0ff1ce00-1111-4222-8333-444455556666"

static void require(bool condition)
{
    if (!condition)
        abort();
}

static const char records[] = "@ A 198.51.100.1\n@ TXT x\na.b CAA 0 issue \";\"\n"
                              "c CNAME " LABEL "\nd CNAME c\ne CNAME e\nf CNAME a.example.\n"
                              "g CNAME nothing\nh TYPE65280 \\# 2 CAFE\n";

static void add_delegate(struct index *index, uint64_t id, const char *label, uint32_t count)
{
    struct change change = {.sequence = 2 * id,
                            .kind = CHANGE_DELEGATE_ADDED,
                            .zone = 1,
                            .delegate = id,
                            .label = slice_text(label)};
    require(index_apply(index, &change) == ERR_NONE);
    change.sequence++;
    change.kind = CHANGE_VALUES_SET;
    change.value_count = count;
    for (uint32_t i = 0; i < count; i++)
        memset(change.values[i].text, 'a' + (int)i, ACME_TXT_LENGTH);
    require(index_apply(index, &change) == ERR_NONE);
}

static const struct answer_context *get_context(void)
{
    static struct answer_context context;
    static const char *const nameservers[] = {"ns1.example.net", "ns2.z.test 192.0.2.53"};
    const struct zone_settings settings[] = {
        {.id = 1,
         .name = "z.test",
         .nameservers = nameservers,
         .nameserver_count = 2,
         .contact = "a@b.c",
         .records = records,
         .txt_ttl = 1,
         .negative_ttl = 1},
        {.id = 2,
         .name = "y.x.z.test",
         .nameservers = nameservers,
         .nameserver_count = 1,
         .contact = "a@b.c",
         .negative_ttl = 1},
    };
    if (context.index != NULL)
        return &context;
    struct index *index;
    struct zone_set *zones;
    struct zone_refusal refusal;
    require(index_new(16, &index) == ERR_NONE);
    require(zone_set_new(settings, 2, &zones, &refusal) == ERR_NONE);
    add_delegate(index, 1, LABEL, 2);
    add_delegate(index, 2, "many", VALUES_MAX);
    add_delegate(index, 3, "empty", 0);
    context = (struct answer_context){index, zones};
    return &context;
}

static void check_answer(struct slice query, struct slice answer, enum answer_transport transport)
{
    require(answer.length >= DNS_HEADER_LENGTH);
    require(answer.length <=
            (transport == ANSWER_UDP ? (size_t)DNS_UDP_PAYLOAD : (size_t)DNS_MESSAGE_MAX));
    require(memcmp(answer.data, query.data, 2) == 0);
    require((answer.data[2] & 0x80) != 0);
    require(((answer.data[2] ^ query.data[2]) & 0x79) == 0); /* opcode, RD */
    require((answer.data[3] & 0xE0) == 0);                   /* RA, Z, AD */
    ldns_pkt *packet = NULL;
    require(ldns_wire2pkt(&packet, answer.data, answer.length) == LDNS_STATUS_OK);
    if (ldns_pkt_qdcount(packet) == 1) {
        size_t end = DNS_HEADER_LENGTH + 4 +
                     ldns_rdf_size(ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_question(packet), 0)));
        require(end <= query.length && memcmp(answer.data + 12, query.data + 12, end - 12) == 0);
    }
    ldns_pkt_free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[DNS_MESSAGE_MAX];
    static uint8_t in_place[DNS_MESSAGE_MAX];
    const struct answer_context *context = get_context();
    struct answer answer;
    if (size < 1 || size - 1 > sizeof(in_place))
        return 0;
    enum answer_transport transport = (data[0] & 1) != 0 ? ANSWER_TCP : ANSWER_UDP;
    bool cut = (data[0] & 2) != 0;
    /* An allocation of its own, so that the sanitizer sees each byte read behind it. */
    uint8_t *message = malloc(size);
    require(message != NULL);
    memcpy(message, data + 1, size - 1);
    memcpy(in_place, data + 1, size - 1);
    struct slice query = slice_of(message, size - 1);
    size_t length = answer_query(context, query, cut, transport, out, sizeof(out), &answer);
    if (length > 0)
        check_answer(query, slice_of(out, length), transport);
    size_t again = answer_query(context, slice_of(in_place, size - 1), cut, transport, in_place,
                                sizeof(in_place), &answer);
    require(again == length && memcmp(in_place, out, length) == 0);
    free(message);
    return 0;
}
