/*
 * What each question is answered, read back by ldns: names, negatives, chains, sizes, EDNS, and
 * everything that is no plain question.
 */
#include "dns_fixture.h"
#include "zone/answer.h"
#include "zone/zone_set.h"

#define LABEL "0ff1ce00-1111-4222-8333-444455556666"
#define EMPTY "e0000000-1111-4222-8333-444455556666"
#define MANY "16161616-1111-4222-8333-444455556666"
#define ZONE "auth.example.org"
#define SOA_TEXT                                                                                   \
    ZONE ". 1 IN SOA ns1.example.net. host\\.master.example.org. 2026 3600 600 604800 1"

static const char static_records[] = "@ IN A 198.51.100.1\n"
                                     "@ TXT \"MixedCase\"\n"
                                     "a.b.c 60 CAA 0 issue \"Letsencrypt.org\"\n"
                                     "*x TXT \"not a wildcard\"\n"
                                     "unknown TYPE65280 \\# 2 CAFE\n"
                                     "alias CNAME " LABEL "\n"
                                     "alias2 CNAME ALIAS\n"
                                     "empty CNAME " EMPTY "\n"
                                     "gone CNAME nothing\n"
                                     "away CNAME www.example.com.\n"
                                     "over CNAME Other.Test.\n"
                                     "loop1 CNAME loop2\n"
                                     "loop2 CNAME loop1\n"
                                     "under." EMPTY " A 192.0.2.9\n";

struct fixture {
    struct index *index;
    struct zone_set *zones;
    struct answer_context context;
    struct answer answer;
    uint8_t query[4096];
    uint8_t out[DNS_MESSAGE_MAX];
    size_t length;
    ldns_pkt *packet; /* the last answer */
};

static int set_up(void **state)
{
    static const char *const nameservers[] = {"ns1.example.net",
                                              "ns2." ZONE " 192.0.2.53 2001:db8::53"};
    static const char *const other_nameservers[] = {"ns1.example.net"};
    const struct zone_settings settings[] = {
        {.id = 1,
         .name = "Auth.Example.ORG.",
         .nameservers = nameservers,
         .nameserver_count = 2,
         .contact = "host.master@example.org",
         .records = static_records,
         .txt_ttl = 0,
         .negative_ttl = 1},
        {.id = 2,
         .name = "child.deep." ZONE,
         .nameservers = other_nameservers,
         .nameserver_count = 1,
         .contact = "a@b.c",
         .txt_ttl = 7,
         .negative_ttl = 5},
        {.id = 3,
         .name = "other.test",
         .nameservers = other_nameservers,
         .nameserver_count = 1,
         .contact = "a@b.c",
         .records = "@ TXT other\n",
         .txt_ttl = 0,
         .negative_ttl = 9},
    };
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct zone_refusal refusal;
    assert_non_null(fixture);
    assert_int_equal(zone_set_new(settings, 3, &fixture->zones, &refusal), ERR_NONE);
    assert_int_equal(index_new(16, &fixture->index), ERR_NONE);
    add_delegate(fixture->index, 1, 1, LABEL, 2);
    add_delegate(fixture->index, 1, 2, EMPTY, 0);
    add_delegate(fixture->index, 1, 3, MANY, VALUES_MAX);
    add_delegate(fixture->index, 2, 4, LABEL, 1);
    struct change serial = {.sequence = 100, .kind = CHANGE_ZONE_SERIAL, .zone = 1, .serial = 2026};
    assert_int_equal(index_apply(fixture->index, &serial), ERR_NONE);
    fixture->context = (struct answer_context){fixture->index, fixture->zones};
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ldns_pkt_free(fixture->packet);
    index_free(fixture->index);
    zone_set_free(fixture->zones);
    free(fixture);
    return 0;
}

/* Sends bytes; the answer is in fixture->packet, NULL if there was none. Also asks in place, as the
 * UDP workers do, which must not make a difference. */
static void send_bytes(struct fixture *fixture, struct slice query, enum answer_transport transport)
{
    static uint8_t in_place[DNS_MESSAGE_MAX];
    struct answer answer;
    memcpy(in_place, query.data, query.length);
    fixture->length = answer_query(&fixture->context, query, false, transport, fixture->out,
                                   sizeof(fixture->out), &fixture->answer);
    size_t length = answer_query(&fixture->context, slice_of(in_place, query.length), false,
                                 transport, in_place, sizeof(in_place), &answer);
    assert_int_equal(length, fixture->length);
    assert_memory_equal(in_place, fixture->out, length);
    ldns_pkt_free(fixture->packet);
    fixture->packet = NULL;
    if (fixture->length > 0)
        fixture->packet = parse_answer(slice_of(fixture->out, fixture->length));
}

static void ask_question(struct fixture *fixture, const struct question *question,
                         enum answer_transport transport)
{
    struct slice query = build_query(question, fixture->query, sizeof(fixture->query));
    send_bytes(fixture, query, transport);
}

static void ask(struct fixture *fixture, const char *name, uint16_t type)
{
    ask_question(fixture, &(struct question){.name = name, .type = type}, ANSWER_UDP);
    /* What holds for every answer. */
    assert_non_null(fixture->packet);
    assert_int_equal(ldns_pkt_id(fixture->packet), FIXTURE_ID);
    assert_true(ldns_pkt_qr(fixture->packet));
    assert_false(ldns_pkt_ra(fixture->packet));
    assert_false(ldns_pkt_ad(fixture->packet));
    assert_int_equal(ldns_pkt_qdcount(fixture->packet), 1);
    assert_false(ldns_pkt_edns(fixture->packet));
}

static void assert_shape(const struct fixture *fixture, int rcode, size_t answers, size_t authority,
                         size_t additional)
{
    assert_int_equal(ldns_pkt_get_rcode(fixture->packet), rcode);
    assert_int_equal(ldns_pkt_ancount(fixture->packet), answers);
    assert_int_equal(ldns_pkt_nscount(fixture->packet), authority);
    assert_int_equal(ldns_rr_list_rr_count(ldns_pkt_additional(fixture->packet)), additional);
}

static void assert_negative(const struct fixture *fixture, int rcode)
{
    assert_shape(fixture, rcode, 0, 1, 0);
    assert_true(ldns_pkt_aa(fixture->packet));
    assert_record(ldns_pkt_authority(fixture->packet), 0, SOA_TEXT);
}

static void assert_answer(const struct fixture *fixture, size_t i, const char *text)
{
    assert_true(ldns_pkt_aa(fixture->packet));
    assert_record(ldns_pkt_answer(fixture->packet), i, text);
}

/* ---- delegates ---- */

static void a_delegate_answers_its_values_oldest_first(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, LABEL "." ZONE, DNS_TYPE_TXT);
    assert_shape(fixture, 0, 2, 0, 0);
    assert_answer(fixture, 0,
                  LABEL "." ZONE ". 0 IN TXT \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"");
    assert_answer(fixture, 1,
                  LABEL "." ZONE ". 0 IN TXT \"BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB\"");
    assert_int_equal(fixture->answer.served_delegate, 1);
    assert_int_equal(fixture->answer.served_version, 3);
}

static void the_zones_txt_ttl_is_answered(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, LABEL ".child.deep." ZONE, DNS_TYPE_TXT);
    assert_shape(fixture, 0, 1, 0, 0);
    assert_answer(fixture, 0,
                  LABEL ".child.deep." ZONE
                        ". 7 IN TXT \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"");
}

static void letters_of_the_question_come_back_as_sent(void **state)
{
    struct fixture *fixture = *state;
    const char *mixed = "0Ff1cE00-1111-4222-8333-444455556666.aUTH.ExAmPlE.oRg";
    ask(fixture, mixed, DNS_TYPE_TXT);
    assert_shape(fixture, 0, 2, 0, 0);
    assert_memory_equal(fixture->out + 12, fixture->query + 12, strlen(mixed) + 2 + 4);
    /* The owner is a pointer to it: its letters can't differ. */
    assert_int_equal(fixture->out[12 + strlen(mixed) + 2 + 4], 0xC0);
    assert_int_equal(fixture->out[12 + strlen(mixed) + 2 + 4 + 1], 12);
}

static void a_delegate_has_txt_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    static const uint16_t types[] = {
        DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_NS, DNS_TYPE_CNAME, DNS_TYPE_SOA, 15, 33, 43, 65, 257,
        65280,      253,           0,           DNS_TYPE_RRSIG};
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        ask(fixture, LABEL "." ZONE, types[i]);
        assert_negative(fixture, 0);
        assert_int_equal(fixture->answer.served_delegate, 0);
    }
}

static void a_registered_delegate_without_values_exists(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, EMPTY "." ZONE, DNS_TYPE_TXT);
    assert_negative(fixture, 0);
    ask(fixture, EMPTY "." ZONE, DNS_TYPE_ANY);
    assert_negative(fixture, 0);
}

static void an_unregistered_name_does_not_exist(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "nobody." ZONE, DNS_TYPE_TXT);
    assert_negative(fixture, DNS_NXDOMAIN);
    ask(fixture, "nobody." ZONE, DNS_TYPE_A);
    assert_negative(fixture, DNS_NXDOMAIN);
}

static void names_below_a_delegate_do_not_exist(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "_acme-challenge." LABEL "." ZONE, DNS_TYPE_TXT);
    assert_negative(fixture, DNS_NXDOMAIN);
    ask(fixture, LABEL "." EMPTY "." ZONE, DNS_TYPE_TXT); /* a delegate's label, but too deep */
    assert_negative(fixture, DNS_NXDOMAIN);
    ask(fixture, LABEL ".nobody." ZONE, DNS_TYPE_TXT);
    assert_negative(fixture, DNS_NXDOMAIN);
}

static void a_delegate_answers_in_its_own_zone_only(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, MANY ".child.deep." ZONE, DNS_TYPE_TXT);
    assert_int_equal(ldns_pkt_get_rcode(fixture->packet), DNS_NXDOMAIN);
    ask(fixture, LABEL ".other.test", DNS_TYPE_TXT);
    assert_int_equal(ldns_pkt_get_rcode(fixture->packet), DNS_NXDOMAIN);
}

static void any_is_answered_with_one_rrset(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, LABEL "." ZONE, DNS_TYPE_ANY);
    assert_shape(fixture, 0, 2, 0, 0);
    ask(fixture, ZONE, DNS_TYPE_ANY);
    assert_shape(fixture, 0, 1, 0, 0);
    assert_answer(fixture, 0, SOA_TEXT);
    ask(fixture, "alias." ZONE, DNS_TYPE_ANY);
    assert_shape(fixture, 0, 1, 0, 0);
}

/* ---- the zone itself ---- */

static void the_apex_has_soa_and_ns_with_glue(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, ZONE, DNS_TYPE_SOA);
    assert_shape(fixture, 0, 1, 0, 0);
    assert_answer(fixture, 0, SOA_TEXT);
    ask(fixture, ZONE, DNS_TYPE_NS);
    assert_shape(fixture, 0, 2, 0, 2);
    assert_answer(fixture, 0, ZONE ". 3600 IN NS ns1.example.net.");
    assert_answer(fixture, 1, ZONE ". 3600 IN NS ns2." ZONE ".");
    assert_record(ldns_pkt_additional(fixture->packet), 0, "ns2." ZONE ". 3600 IN A 192.0.2.53");
    assert_record(ldns_pkt_additional(fixture->packet), 1,
                  "ns2." ZONE ". 3600 IN AAAA 2001:db8::53");
    ask(fixture, "ns2." ZONE, DNS_TYPE_A);
    assert_shape(fixture, 0, 1, 0, 0);
}

static void the_serial_is_the_index_s_of_now(void **state)
{
    struct fixture *fixture = *state;
    struct change serial = {.sequence = 101, .kind = CHANGE_ZONE_SERIAL, .zone = 1, .serial = 2027};
    assert_int_equal(index_apply(fixture->index, &serial), ERR_NONE);
    ask(fixture, ZONE, DNS_TYPE_SOA);
    assert_answer(fixture, 0,
                  ZONE ". 1 IN SOA ns1.example.net. host\\.master.example.org. 2027 3600 600 "
                       "604800 1");
}

static void static_records_keep_their_case_and_type(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, ZONE, DNS_TYPE_TXT);
    assert_answer(fixture, 0, ZONE ". 3600 IN TXT \"MixedCase\"");
    ask(fixture, "a.b.c." ZONE, 257);
    assert_answer(fixture, 0, "a.b.c." ZONE ". 60 IN CAA 0 issue \"Letsencrypt.org\"");
    ask(fixture, "unknown." ZONE, 65280);
    assert_answer(fixture, 0, "unknown." ZONE ". 3600 IN TYPE65280 \\# 2 cafe");
    ask(fixture, "unknown." ZONE, DNS_TYPE_TXT);
    assert_negative(fixture, 0);
    ask(fixture, ZONE, 257);
    assert_negative(fixture, 0);
}

static void empty_non_terminals_exist(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "b.c." ZONE, DNS_TYPE_A);
    assert_negative(fixture, 0);
    ask(fixture, "c." ZONE, DNS_TYPE_TXT);
    assert_negative(fixture, 0);
    ask(fixture, "x.b.c." ZONE, DNS_TYPE_TXT);
    assert_negative(fixture, DNS_NXDOMAIN);
    /* A zone of ours below makes the names between exist as well (RFC 8020). */
    ask(fixture, "deep." ZONE, DNS_TYPE_NS);
    assert_negative(fixture, 0);
}

static void a_delegate_with_static_records_below_keeps_its_values(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, EMPTY "." ZONE, DNS_TYPE_A);
    assert_negative(fixture, 0);
    ask(fixture, "under." EMPTY "." ZONE, DNS_TYPE_A);
    assert_shape(fixture, 0, 1, 0, 0);
}

static void the_longest_zone_wins(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "x.child.deep." ZONE, DNS_TYPE_A);
    assert_shape(fixture, DNS_NXDOMAIN, 0, 1, 0);
    assert_record(ldns_pkt_authority(fixture->packet), 0,
                  "child.deep." ZONE ". 5 IN SOA ns1.example.net. a.b.c. 0 3600 600 604800 5");
}

static void outside_our_zones_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = {"example.org", "xauth.example.org",  "org",
                                        ".",           LABEL ".example.com", LABEL};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        ask(fixture, names[i], DNS_TYPE_TXT);
        assert_shape(fixture, DNS_REFUSED, 0, 0, 0);
        assert_false(ldns_pkt_aa(fixture->packet));
    }
}

static void a_label_with_a_dot_in_it_is_not_two(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "x\\.auth.example.org", DNS_TYPE_TXT);
    assert_shape(fixture, DNS_REFUSED, 0, 0, 0);
}

/* ---- chains ---- */

static void a_cname_onto_a_delegate_is_followed(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "Alias2." ZONE, DNS_TYPE_TXT);
    assert_shape(fixture, 0, 4, 0, 0);
    assert_answer(fixture, 0, "Alias2." ZONE ". 3600 IN CNAME ALIAS." ZONE ".");
    assert_answer(fixture, 1, "ALIAS." ZONE ". 3600 IN CNAME " LABEL "." ZONE ".");
    assert_answer(fixture, 3,
                  LABEL "." ZONE ". 0 IN TXT \"BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB\"");
    assert_int_equal(fixture->answer.served_delegate, 1);
}

static void the_end_of_a_chain_decides_the_rcode(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "empty." ZONE, DNS_TYPE_TXT);
    assert_shape(fixture, 0, 1, 1, 0);
    assert_record(ldns_pkt_authority(fixture->packet), 0, SOA_TEXT);
    ask(fixture, "gone." ZONE, DNS_TYPE_A);
    assert_shape(fixture, DNS_NXDOMAIN, 1, 1, 0);
    ask(fixture, "away." ZONE, DNS_TYPE_A);
    assert_shape(fixture, 0, 1, 0, 0);
    ask(fixture, "alias." ZONE, DNS_TYPE_CNAME);
    assert_shape(fixture, 0, 1, 0, 0);
}

static void a_chain_into_another_zone_of_ours_goes_on(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "over." ZONE, DNS_TYPE_TXT);
    assert_shape(fixture, 0, 2, 0, 0);
    assert_answer(fixture, 1, "Other.Test. 3600 IN TXT \"other\"");
    ask(fixture, "over." ZONE, DNS_TYPE_A);
    assert_shape(fixture, 0, 1, 1, 0);
    assert_record(ldns_pkt_authority(fixture->packet), 0,
                  "Other.Test. 9 IN SOA ns1.example.net. a.b.c. 0 3600 600 604800 9");
}

static void a_cname_loop_ends(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "loop1." ZONE, DNS_TYPE_A);
    assert_shape(fixture, 0, DNS_CNAME_CHAIN_MAX + 1, 0, 0);
}

/* ---- EDNS and sizes ---- */

static void an_opt_is_answered_with_ours(void **state)
{
    struct fixture *fixture = *state;
    struct question question = {.name = LABEL "." ZONE,
                                .type = DNS_TYPE_TXT,
                                .edns = true,
                                .payload = 4096,
                                .dnssec_ok = true};
    ask_question(fixture, &question, ANSWER_UDP);
    assert_true(ldns_pkt_edns(fixture->packet));
    assert_int_equal(ldns_pkt_edns_udp_size(fixture->packet), DNS_UDP_PAYLOAD);
    assert_int_equal(ldns_pkt_edns_version(fixture->packet), 0);
    assert_true(ldns_pkt_edns_do(fixture->packet));
    question.dnssec_ok = false;
    ask_question(fixture, &question, ANSWER_TCP);
    assert_false(ldns_pkt_edns_do(fixture->packet));
    assert_int_equal(ldns_pkt_ancount(fixture->packet), 2);
}

static void edns_versions_above_0_get_badvers(void **state)
{
    struct fixture *fixture = *state;
    struct question question = {
        .name = LABEL "." ZONE, .type = DNS_TYPE_TXT, .edns = true, .payload = 1232, .version = 1};
    ask_question(fixture, &question, ANSWER_UDP);
    assert_shape(fixture, 0, 0, 0, 0);
    assert_int_equal(ldns_pkt_edns_extended_rcode(fixture->packet), 1);
    assert_int_equal(ldns_pkt_edns_version(fixture->packet), 0);
    assert_int_equal(fixture->answer.rcode, DNS_BADVERS);
}

static void edns_options_are_ignored_but_must_be_framed(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t cookie[] = {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0xFF, 0xFF, 0, 0};
    static const uint8_t cut[] = {0, 10, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8};
    const struct slice options[] = {slice_of(cookie, sizeof(cookie)), slice_of(cut, sizeof(cut))};
    const int rcodes[] = {DNS_NOERROR, DNS_FORMERR};
    for (size_t i = 0; i < ARRAY_LENGTH(options); i++) {
        struct writer writer = writer_of(fixture->query, sizeof(fixture->query));
        write_header(&writer, 0, 1, 0, 0, 1);
        write_question(&writer, LABEL "." ZONE, DNS_TYPE_TXT, DNS_CLASS_IN);
        write_opt(&writer, 1232, 0, false, options[i]);
        send_bytes(fixture, writer_slice(&writer), ANSWER_UDP);
        assert_int_equal(ldns_pkt_get_rcode(fixture->packet), rcodes[i]);
    }
}

static void sixteen_values_fit_1232_bytes_but_not_512(void **state)
{
    struct fixture *fixture = *state;
    struct question question = {.name = MANY "." ZONE, .type = DNS_TYPE_TXT};
    ask_question(fixture, &question, ANSWER_UDP);
    assert_true(ldns_pkt_tc(fixture->packet));
    assert_true(ldns_pkt_aa(fixture->packet));
    assert_shape(fixture, 0, 0, 0, 0);
    assert_true(fixture->answer.truncated);
    assert_int_equal(fixture->answer.served_delegate, 0);
    ask_question(fixture, &question, ANSWER_TCP);
    assert_false(ldns_pkt_tc(fixture->packet));
    assert_shape(fixture, 0, VALUES_MAX, 0, 0);
    question.edns = true;
    question.payload = 1232;
    ask_question(fixture, &question, ANSWER_UDP);
    assert_false(ldns_pkt_tc(fixture->packet));
    assert_shape(fixture, 0, VALUES_MAX, 0, 0);
}

static void the_client_s_payload_bounds_the_answer(void **state)
{
    struct fixture *fixture = *state;
    struct question question = {.name = MANY "." ZONE, .type = DNS_TYPE_TXT, .edns = true};
    question.payload = 1232;
    ask_question(fixture, &question, ANSWER_UDP);
    size_t whole = fixture->length;
    question.payload = (uint16_t)whole;
    ask_question(fixture, &question, ANSWER_UDP);
    assert_int_equal(fixture->length, whole);
    question.payload--;
    ask_question(fixture, &question, ANSWER_UDP);
    assert_true(ldns_pkt_tc(fixture->packet));
    assert_true(ldns_pkt_edns(fixture->packet));
    /* Less than 512 counts as 512 (RFC 6891, section 6.2.3). */
    question.name = LABEL "." ZONE;
    question.payload = 0;
    ask_question(fixture, &question, ANSWER_UDP);
    assert_shape(fixture, 0, 2, 0, 0);
}

/* ---- header bits ---- */

static void rd_and_cd_are_copied_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    struct question question = {.name = LABEL "." ZONE, .type = DNS_TYPE_TXT, .flags = 0x07F0};
    ask_question(fixture, &question, ANSWER_UDP); /* AA TC RD RA Z AD CD set */
    assert_int_equal(fixture->out[2], 0x85);
    assert_int_equal(fixture->out[3], 0x10);
    question.flags = 0;
    ask_question(fixture, &question, ANSWER_UDP);
    assert_int_equal(fixture->out[2], 0x84);
    assert_int_equal(fixture->out[3], 0x00);
}

static void other_opcodes_are_not_implemented(void **state)
{
    struct fixture *fixture = *state;
    for (uint16_t opcode = 1; opcode < 16; opcode++) {
        struct question question = {
            .name = ZONE, .type = DNS_TYPE_SOA, .flags = (uint16_t)(opcode << DNS_OPCODE_SHIFT)};
        ask_question(fixture, &question, ANSWER_UDP);
        assert_shape(fixture, DNS_NOTIMP, 0, 0, 0);
        assert_int_equal(ldns_pkt_get_opcode(fixture->packet), opcode);
        assert_false(ldns_pkt_aa(fixture->packet));
    }
}

static void transfers_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const uint16_t types[] = {DNS_TYPE_AXFR, DNS_TYPE_IXFR};
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        struct question question = {.name = ZONE, .type = types[i]};
        ask_question(fixture, &question, ANSWER_UDP);
        assert_shape(fixture, DNS_REFUSED, 0, 0, 0);
        ask_question(fixture, &question, ANSWER_TCP);
        assert_shape(fixture, DNS_REFUSED, 0, 0, 0);
    }
}

static void classes_other_than_in_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const uint16_t classes[] = {3, 4, 254, 255, 9999};
    for (size_t i = 0; i < ARRAY_LENGTH(classes); i++) {
        struct question question = {.name = ZONE, .type = DNS_TYPE_SOA, .class = classes[i]};
        ask_question(fixture, &question, ANSWER_UDP);
        assert_shape(fixture, DNS_REFUSED, 0, 0, 0);
    }
}

static void types_that_live_in_messages_are_a_format_error(void **state)
{
    struct fixture *fixture = *state;
    static const uint16_t types[] = {DNS_TYPE_OPT, DNS_TYPE_TSIG, DNS_TYPE_TKEY, DNS_TYPE_NXNAME};
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        ask(fixture, ZONE, types[i]);
        assert_shape(fixture, DNS_FORMERR, 0, 0, 0);
    }
}

/* ---- what is not well formed ---- */

static void responses_and_scraps_are_not_answered(void **state)
{
    struct fixture *fixture = *state;
    struct question question = {.name = ZONE, .type = DNS_TYPE_SOA, .flags = DNS_FLAG_QR};
    ask_question(fixture, &question, ANSWER_UDP);
    assert_int_equal(fixture->length, 0);
    question.flags = 0;
    struct slice query = build_query(&question, fixture->query, sizeof(fixture->query));
    for (size_t length = 0; length < DNS_HEADER_LENGTH; length++) {
        send_bytes(fixture, slice_of(query.data, length), ANSWER_UDP);
        assert_int_equal(fixture->length, 0);
    }
}

static void every_cut_of_a_query_is_a_format_error(void **state)
{
    struct fixture *fixture = *state;
    struct question question = {
        .name = LABEL "." ZONE, .type = DNS_TYPE_TXT, .edns = true, .payload = 1232};
    uint8_t whole[512];
    struct slice query = build_query(&question, whole, sizeof(whole));
    for (size_t length = DNS_HEADER_LENGTH; length < query.length; length++) {
        send_bytes(fixture, slice_of(query.data, length), ANSWER_UDP);
        assert_shape(fixture, DNS_FORMERR, 0, 0, 0);
        assert_false(ldns_pkt_edns(fixture->packet));
    }
}

static void send_counts(struct fixture *fixture, uint16_t questions, uint16_t answers,
                        uint16_t authority, uint16_t additional)
{
    struct writer writer = writer_of(fixture->query, sizeof(fixture->query));
    write_header(&writer, 0, questions, answers, authority, additional);
    for (uint16_t i = 0; i < questions; i++)
        write_question(&writer, ZONE, DNS_TYPE_SOA, DNS_CLASS_IN);
    send_bytes(fixture, writer_slice(&writer), ANSWER_UDP);
    assert_shape(fixture, DNS_FORMERR, 0, 0, 0);
}

static void counts_must_be_kept(void **state)
{
    struct fixture *fixture = *state;
    send_counts(fixture, 0, 0, 0, 0);
    send_counts(fixture, 2, 0, 0, 0);
    send_counts(fixture, 1, 1, 0, 0);
    send_counts(fixture, 1, 0, 1, 0);
    send_counts(fixture, 1, 0, 0, 1);
    send_counts(fixture, 1, 65535, 65535, 65535);
}

static void send_tail(struct fixture *fixture, uint16_t additional, struct slice tail, int rcode)
{
    struct writer writer = writer_of(fixture->query, sizeof(fixture->query));
    write_header(&writer, 0, 1, 0, 0, additional);
    write_question(&writer, ZONE, DNS_TYPE_SOA, DNS_CLASS_IN);
    write_bytes(&writer, tail);
    send_bytes(fixture, writer_slice(&writer), ANSWER_UDP);
    assert_int_equal(ldns_pkt_get_rcode(fixture->packet), rcode);
    assert_int_equal(ldns_pkt_qdcount(fixture->packet), 1);
}

static void odd_tails_are_format_errors(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t junk[] = {0};
    static const uint8_t two_opts[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0,
                                       0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
    static const uint8_t named_opt[] = {1, 'x', 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
    static const uint8_t pointed_opt[] = {0xC0, 28, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
    static const uint8_t forward[] = {0xC0, 0xFF, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0};
    static const uint8_t itself[] = {0xC0, 34, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0};
    static const uint8_t harmless[] = {0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4};
    static const uint8_t short_rdata[] = {0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4};
    send_tail(fixture, 0, slice_of(junk, sizeof(junk)), DNS_FORMERR);
    send_tail(fixture, 2, slice_of(two_opts, sizeof(two_opts)), DNS_FORMERR);
    send_tail(fixture, 1, slice_of(two_opts, sizeof(two_opts)), DNS_FORMERR);
    send_tail(fixture, 1, slice_of(named_opt, sizeof(named_opt)), DNS_FORMERR);
    send_tail(fixture, 1, slice_of(pointed_opt, sizeof(pointed_opt)), DNS_FORMERR);
    send_tail(fixture, 1, slice_of(forward, sizeof(forward)), DNS_FORMERR);
    send_tail(fixture, 1, slice_of(itself, sizeof(itself)), DNS_FORMERR);
    send_tail(fixture, 1, slice_of(short_rdata, sizeof(short_rdata)), DNS_FORMERR);
    send_tail(fixture, 1, slice_of(harmless, sizeof(harmless)), DNS_NOERROR);
}

static void malformed_names_are_format_errors(void **state)
{
    struct fixture *fixture = *state;
    uint8_t long_name[5 * 64 + 1 + 4] = {0};
    for (size_t i = 0; i < 5; i++)
        long_name[i * 64] = 63;
    static const uint8_t pointer[] = {0xC0, 12, 0, 1, 0, 1};
    static const uint8_t reserved[] = {0x40, 'a', 0, 0, 1, 0, 1};
    static const uint8_t endless[] = {3, 'a', 'b', 'c'};
    const struct slice names[] = {
        slice_of(long_name, sizeof(long_name)), slice_of(pointer, sizeof(pointer)),
        slice_of(reserved, sizeof(reserved)), slice_of(endless, sizeof(endless))};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        struct writer writer = writer_of(fixture->query, sizeof(fixture->query));
        write_header(&writer, 0, 1, 0, 0, 0);
        write_bytes(&writer, names[i]);
        send_bytes(fixture, writer_slice(&writer), ANSWER_UDP);
        assert_shape(fixture, DNS_FORMERR, 0, 0, 0);
        assert_int_equal(fixture->length, DNS_HEADER_LENGTH);
    }
}

static void a_query_that_was_cut_is_a_format_error(void **state)
{
    struct fixture *fixture = *state;
    struct question question = {.name = LABEL "." ZONE, .type = DNS_TYPE_TXT};
    struct slice query = build_query(&question, fixture->query, sizeof(fixture->query));
    size_t length = answer_query(&fixture->context, query, true, ANSWER_UDP, fixture->out,
                                 sizeof(fixture->out), &fixture->answer);
    assert_int_equal(length, DNS_HEADER_LENGTH);
    assert_int_equal(fixture->answer.rcode, DNS_FORMERR);
}

/* ---- TSIG ---- */

static size_t write_tsig(struct writer *writer, const char *key, uint16_t class, uint16_t mac)
{
    size_t at = writer_length(writer);
    uint8_t bytes[64] = {0};
    write_name(writer, key);
    write_u16(writer, DNS_TYPE_TSIG);
    write_u16(writer, class);
    write_u32(writer, 0);
    write_u16(writer, (uint16_t)(13 + 16 + mac));
    write_name(writer, "hmac-sha256");
    write_u16(writer, 0);
    write_u32(writer, 0x12345678);
    write_u16(writer, 300);
    write_u16(writer, mac);
    write_bytes(writer, slice_of(bytes, mac));
    write_u16(writer, FIXTURE_ID);
    write_u16(writer, 0);
    write_u16(writer, 0);
    return at;
}

static void an_unknown_tsig_key_is_notauth_badkey(void **state)
{
    struct fixture *fixture = *state;
    struct writer writer = writer_of(fixture->query, sizeof(fixture->query));
    write_header(&writer, 0, 1, 0, 0, 2);
    write_question(&writer, LABEL "." ZONE, DNS_TYPE_TXT, DNS_CLASS_IN);
    write_opt(&writer, 1232, 0, false, slice_of(NULL, 0));
    (void)write_tsig(&writer, "my.key", DNS_CLASS_ANY, 32);
    send_bytes(fixture, writer_slice(&writer), ANSWER_UDP);
    assert_shape(fixture, DNS_NOTAUTH, 0, 0, 0);
    assert_true(ldns_pkt_edns(fixture->packet));
    const ldns_rr *tsig = ldns_pkt_tsig(fixture->packet);
    assert_non_null(tsig);
    char *text = ldns_rr2str(tsig);
    assert_non_null(strstr(text, "my.key."));
    assert_non_null(strstr(text, "hmac-sha256. 305419896"));
    assert_non_null(strstr(text, " 4660 17 0")); /* original ID, BADKEY, no other data */
    free(text);
}

static void a_tsig_that_is_not_last_or_not_right_is_a_format_error(void **state)
{
    struct fixture *fixture = *state;
    for (int fault = 0; fault < 3; fault++) {
        struct writer writer = writer_of(fixture->query, sizeof(fixture->query));
        write_header(&writer, 0, 1, 0, 0, fault == 0 ? 2 : 1);
        write_question(&writer, LABEL "." ZONE, DNS_TYPE_TXT, DNS_CLASS_IN);
        size_t at = write_tsig(&writer, "my.key", fault == 1 ? DNS_CLASS_IN : DNS_CLASS_ANY, 32);
        if (fault == 0)
            write_opt(&writer, 1232, 0, false, slice_of(NULL, 0));
        if (fault == 2)
            fixture->query[at + 8 + 8] = 1; /* RDLENGTH */
        send_bytes(fixture, writer_slice(&writer), ANSWER_UDP);
        assert_int_equal(ldns_pkt_get_rcode(fixture->packet), DNS_FORMERR);
        assert_null(ldns_pkt_tsig(fixture->packet));
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_delegate_answers_its_values_oldest_first),
        CASE(the_zones_txt_ttl_is_answered),
        CASE(letters_of_the_question_come_back_as_sent),
        CASE(a_delegate_has_txt_and_nothing_else),
        CASE(a_registered_delegate_without_values_exists),
        CASE(an_unregistered_name_does_not_exist),
        CASE(names_below_a_delegate_do_not_exist),
        CASE(a_delegate_answers_in_its_own_zone_only),
        CASE(any_is_answered_with_one_rrset),
        CASE(the_apex_has_soa_and_ns_with_glue),
        CASE(the_serial_is_the_index_s_of_now),
        CASE(static_records_keep_their_case_and_type),
        CASE(empty_non_terminals_exist),
        CASE(a_delegate_with_static_records_below_keeps_its_values),
        CASE(the_longest_zone_wins),
        CASE(outside_our_zones_is_refused),
        CASE(a_label_with_a_dot_in_it_is_not_two),
        CASE(a_cname_onto_a_delegate_is_followed),
        CASE(the_end_of_a_chain_decides_the_rcode),
        CASE(a_chain_into_another_zone_of_ours_goes_on),
        CASE(a_cname_loop_ends),
        CASE(an_opt_is_answered_with_ours),
        CASE(edns_versions_above_0_get_badvers),
        CASE(edns_options_are_ignored_but_must_be_framed),
        CASE(sixteen_values_fit_1232_bytes_but_not_512),
        CASE(the_client_s_payload_bounds_the_answer),
        CASE(rd_and_cd_are_copied_and_nothing_else),
        CASE(other_opcodes_are_not_implemented),
        CASE(transfers_are_refused),
        CASE(classes_other_than_in_are_refused),
        CASE(types_that_live_in_messages_are_a_format_error),
        CASE(responses_and_scraps_are_not_answered),
        CASE(every_cut_of_a_query_is_a_format_error),
        CASE(counts_must_be_kept),
        CASE(odd_tails_are_format_errors),
        CASE(malformed_names_are_format_errors),
        CASE(a_query_that_was_cut_is_a_format_error),
        CASE(an_unknown_tsig_key_is_notauth_badkey),
        CASE(a_tsig_that_is_not_last_or_not_right_is_a_format_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
