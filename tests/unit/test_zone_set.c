/*
 * What settings make a zone set, and what is refused, with the line that is wrong.
 */
#include "dns_fixture.h"
#include "zone/answer.h"
#include "zone/zone_set.h"

static const char *const outside_nameserver[] = {"ns1.example.net"};

static struct zone_settings settings_with(const char *records)
{
    return (struct zone_settings){.id = 1,
                                  .name = "auth.example.org",
                                  .nameservers = outside_nameserver,
                                  .nameserver_count = 1,
                                  .contact = "hostmaster@example.org",
                                  .records = records,
                                  .negative_ttl = 1};
}

/* Asserts that the settings are refused at ITEM of SETTING, with WHY in the message. */
static void assert_refused(const struct zone_settings *settings, size_t count, const char *setting,
                           size_t item, const char *why)
{
    struct zone_set *set = NULL;
    struct zone_refusal refusal = {0};
    assert_int_equal(zone_set_new(settings, count, &set, &refusal), ERR_CONFIG);
    assert_null(set);
    assert_string_equal(refusal.setting, setting);
    if (strstr(refusal.why, why) == NULL)
        fail_msg("\"%s\" is not in: %s", why, refusal.why);
    assert_int_equal(refusal.item, item);
}

static void assert_records_refused(const char *records, size_t line, const char *why)
{
    struct zone_settings settings = settings_with(records);
    assert_refused(&settings, 1, "records", line, why);
}

/* Asks a set of these records for NAME and TYPE and expects TEXTS, ended by NULL. */
static void assert_answers(const char *records, const char *name, uint16_t type,
                           const char *const *texts)
{
    struct zone_settings settings = settings_with(records);
    struct zone_set *set = NULL;
    struct zone_refusal refusal = {0};
    if (zone_set_new(&settings, 1, &set, &refusal) != ERR_NONE)
        fail_msg("refused, line %zu: %s", refusal.item, refusal.why);
    struct index *index;
    assert_int_equal(index_new(1, &index), ERR_NONE);
    struct answer_context context = {index, set};
    struct answer answer;
    uint8_t query[512];
    static uint8_t out[DNS_MESSAGE_MAX];
    struct slice bytes = build_query(&(struct question){.name = name, .type = type}, query, 512);
    size_t length = answer_query(&context, bytes, false, ANSWER_TCP, out, sizeof(out), &answer);
    ldns_pkt *packet = parse_answer(slice_of(out, length));
    size_t count = 0;
    for (; texts[count] != NULL; count++)
        assert_record(ldns_pkt_answer(packet), count, texts[count]);
    assert_int_equal(ldns_pkt_ancount(packet), count);
    ldns_pkt_free(packet);
    index_free(index);
    zone_set_free(set);
}

static void records_are_read_as_master_files_are(void **state)
{
    (void)state;
    static const char records[] = "; a comment\r\n"
                                  "@  300 IN A 198.51.100.1 ; trailing\r\n"
                                  "\r\n"
                                  "   IN A 198.51.100.2\n"
                                  "$TTL 2h\n"
                                  "key TXT ( \"v=DKIM1; k=rsa\" ; inside\n"
                                  "          \"p=AbC\\\"(\" )\n"
                                  "$ORIGIN sub\n"
                                  "x AAAA 2001:db8::1\n"
                                  "$ORIGIN auth.example.org.\n"
                                  "srv._tcp 60 SRV 1 2 443 X.Example.Net.\n"
                                  "last MX 10 mail";
    /* TTLs of one RRset are made equal. */
    assert_answers(records, "auth.example.org", DNS_TYPE_A,
                   (const char *const[]){"auth.example.org. 300 IN A 198.51.100.1",
                                         "auth.example.org. 300 IN A 198.51.100.2", NULL});
    assert_answers(records, "key.auth.example.org", DNS_TYPE_TXT,
                   (const char *const[]){"key.auth.example.org. 7200 IN TXT \"v=DKIM1; k=rsa\" "
                                         "\"p=AbC\\\"(\"",
                                         NULL});
    assert_answers(records, "x.sub.auth.example.org", DNS_TYPE_AAAA,
                   (const char *const[]){"x.sub.auth.example.org. 7200 IN AAAA 2001:db8::1", NULL});
    assert_answers(
        records, "srv._tcp.auth.example.org", 33,
        (const char *const[]){"srv._tcp.auth.example.org. 60 IN SRV 1 2 443 X.Example.Net.", NULL});
    assert_answers(
        records, "last.auth.example.org", 15,
        (const char *const[]){"last.auth.example.org. 7200 IN MX 10 mail.auth.example.org.", NULL});
}

static void a_cname_is_alone(void **state)
{
    (void)state;
    assert_records_refused("x A 192.0.2.1\nx CNAME y\n", 2, "can't have other records");
    assert_records_refused("x CNAME y\nx CNAME z\n", 2, "can't have other records");
    assert_records_refused("@ CNAME y\n", 1, "zone's own name");
    assert_answers("x CNAME y.\nx CNAME y.\n", "x.auth.example.org", DNS_TYPE_CNAME,
                   (const char *const[]){"x.auth.example.org. 3600 IN CNAME y.", NULL});
}

static void what_the_server_makes_or_lacks_is_refused(void **state)
{
    (void)state;
    assert_records_refused("\n@ SOA a. b. 1 2 3 4 5\n", 2, "made by the server");
    assert_records_refused("sub NS ns.example.net.\n", 1, "sub-delegations");
    assert_records_refused("x DNAME y.\n", 1, "DNAME");
    assert_records_refused("* A 192.0.2.1\n", 1, "wildcards");
    assert_records_refused("a.*.b A 192.0.2.1\n", 1, "wildcards");
    assert_records_refused("x NSEC y. A\n", 1, "DNSSEC");
    assert_records_refused("x CH A 192.0.2.1\n", 1, "");
    assert_records_refused("x TYPE255 \\# 0\n", 1, "");
    assert_records_refused("$INCLUDE /etc/passwd\n", 1, "$TTL and $ORIGIN");
}

static void names_outside_the_zone_are_refused(void **state)
{
    (void)state;
    assert_records_refused("@ A 192.0.2.1\nwww.example.com. A 192.0.2.1\n", 2, "not inside");
    assert_records_refused("xauth.example.org. A 192.0.2.1\n", 1, "not inside");
    struct zone_settings settings[2] = {settings_with("y.child A 192.0.2.1\n"),
                                        settings_with(NULL)};
    settings[1].id = 2;
    settings[1].name = "child.auth.example.org";
    assert_refused(settings, 2, "records", 1, "another zone");
}

static void broken_lines_are_named(void **state)
{
    (void)state;
    assert_records_refused("@ A 192.0.2.1\n\n; x\nfoo BAR baz\n", 4, "master-file syntax");
    assert_records_refused("@ A 192.0.2.999\n", 1, "master-file syntax");
    assert_records_refused("x A\n", 1, "master-file syntax");
    assert_records_refused("@ A 192.0.2.1\nx TXT ( \"a\"\n\"b\"\n", 2, "no partner");
    assert_records_refused("x TXT \"a\ny A 192.0.2.1\n", 1, "no partner");
    assert_records_refused("x TXT a )\n", 1, "no partner");
    assert_records_refused("$TTL\n", 1, "$TTL and $ORIGIN");
    assert_records_refused("$TTL 1x\n", 1, "$TTL takes");
    assert_records_refused("$ORIGIN a b\n", 1, "$ORIGIN takes");
    assert_records_refused("@ A 192.0.2.1\n"
                           "m TXT ( a\n"
                           "  b )\n"
                           "x NOSUCH 1\n",
                           4, "master-file syntax");
}

static void nameservers_inside_the_zone_need_addresses(void **state)
{
    (void)state;
    static const char *const bare[] = {"ns1.example.net", "ns2.auth.example.org"};
    static const char *const bad[] = {"ns1.auth.example.org 192.0.2.1 oops"};
    static const char *const foreign[] = {"ns1.example.net 192.0.2.1"};
    static const char *const nonsense[] = {"ns1..example.net"};
    struct zone_settings settings = settings_with(NULL);
    settings.nameservers = bare;
    settings.nameserver_count = 2;
    assert_refused(&settings, 1, "nameservers", 1, "needs its addresses");
    settings.nameserver_count = 1;
    settings.nameservers = bad;
    assert_refused(&settings, 1, "nameservers", 0, "\"oops\" is not an IP address");
    settings.nameservers = foreign;
    assert_refused(&settings, 1, "nameservers", 0, "outside the zone");
    settings.nameservers = nonsense;
    assert_refused(&settings, 1, "nameservers", 0, "not a nameserver's host name");
    settings.nameserver_count = 0;
    assert_refused(&settings, 1, "nameservers", 0, "at least one");
    settings = settings_with("@ NS ns3\n");
    assert_refused(&settings, 1, "records", 1, "needs its addresses");
}

static void nameservers_and_records_merge(void **state)
{
    (void)state;
    assert_answers("@ NS ns3\nns3 A 192.0.2.3\n@ 60 NS ns1.example.net.\n", "auth.example.org",
                   DNS_TYPE_NS,
                   (const char *const[]){"auth.example.org. 60 IN NS ns1.example.net.",
                                         "auth.example.org. 60 IN NS ns3.auth.example.org.", NULL});
}

static void names_and_contacts_are_checked(void **state)
{
    (void)state;
    static const char *const names[] = {
        "", ".", "a..b", "ex ample.org", "b\374cher.example", "*.example.org"};
    struct zone_settings settings = settings_with(NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        settings.name = names[i];
        assert_refused(&settings, 1, "name", 0, "not a zone's name");
    }
    static const char *const contacts[] = {"", "@example.org", "a@", "a b@example.org", "a@b@c..d"};
    settings = settings_with(NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(contacts); i++) {
        settings.contact = contacts[i];
        assert_refused(&settings, 1, "contact", 0, "not a mail address");
    }
}

static void a_zone_stands_once(void **state)
{
    (void)state;
    struct zone_settings settings[2] = {settings_with(NULL), settings_with(NULL)};
    settings[1].name = "AUTH.example.org.";
    assert_refused(settings, 2, "name", 0, "twice");
}

static void an_rrset_too_large_for_any_answer_is_refused(void **state)
{
    (void)state;
    size_t size = 200 * 300;
    char *records = calloc(1, size);
    size_t at = 0;
    for (int i = 0; i < 200; i++)
        at += (size_t)snprintf(records + at, size - at, "x TXT \"%03d%0247d\"\n", i, 0);
    assert_records_refused(records, 1, "too many for one answer");
    free(records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read_as_master_files_are),
        cmocka_unit_test(a_cname_is_alone),
        cmocka_unit_test(what_the_server_makes_or_lacks_is_refused),
        cmocka_unit_test(names_outside_the_zone_are_refused),
        cmocka_unit_test(broken_lines_are_named),
        cmocka_unit_test(nameservers_inside_the_zone_need_addresses),
        cmocka_unit_test(nameservers_and_records_merge),
        cmocka_unit_test(names_and_contacts_are_checked),
        cmocka_unit_test(a_zone_stands_once),
        cmocka_unit_test(an_rrset_too_large_for_any_answer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
