/*
 * Addresses and prefixes: what Go's net.ParseCIDR takes, and which clients a prefix contains.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/ip.h"

static void prefixes_are_read_as_go_reads_them(void **state UNUSED)
{
    static const struct {
        const char *text, *shown;
    } good[] = {{"192.168.100.1/24", "192.168.100.0/24"},
                {"127.0.0.1/8", "127.0.0.0/8"},
                {"0.0.0.0/0", "0.0.0.0/0"},
                {"1.2.3.4/32", "1.2.3.4/32"},
                {"::/0", "::/0"},
                {"2001:db8::1/64", "2001:db8::/64"},
                {"2001:db8::1/128", "2001:db8::1/128"},
                {"::ffff:127.0.0.1/128", "127.0.0.1/32"},
                {"::ffff:0:0/96", "0.0.0.0/0"},
                {"2001:db8:8000::/33", "2001:db8:8000::/33"}};
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        struct ip_prefix prefix;
        char text[IP_TEXT_MAX];
        assert_int_equal(ip_parse_prefix(slice_text(good[i].text), &prefix), ERR_NONE);
        ip_prefix_to_text(&prefix, text);
        assert_string_equal(text, good[i].shown);
    }
}

static void what_is_no_prefix_is_refused(void **state UNUSED)
{
    static const char *const bad[] = {"",           "1.2.3.4",         "1.2.3.4/33",
                                      "1.2.3.4/-1", "1.2.3.4/",        "1.2.3.4/08",
                                      "1.2.3/24",   "010.0.0.1/32",    "1.2.3.4/24/24",
                                      "::1/129",    "fe80::1%eth0/64", "/24",
                                      "::g/64",     " 1.2.3.4/32",     "1.2.3.4/32 ",
                                      "1.2.3.4/+8", "999.2.3.4/8",     "1.2.3.4/0x8"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct ip_prefix prefix;
        assert_int_equal(ip_parse_prefix(slice_text(bad[i]), &prefix), ERR_BAD_CIDR);
    }
}

static bool contains(const char *prefix_text, const char *address_text)
{
    struct ip_prefix prefix;
    struct ip_address address;
    assert_int_equal(ip_parse_prefix(slice_text(prefix_text), &prefix), ERR_NONE);
    assert_int_equal(ip_parse(slice_text(address_text), &address), ERR_NONE);
    return ip_prefix_contains(&prefix, &address);
}

static void a_prefix_contains_its_clients_and_no_others(void **state UNUSED)
{
    assert_true(contains("127.0.0.0/8", "127.255.0.1"));
    assert_false(contains("127.0.0.0/8", "128.0.0.1"));
    assert_true(contains("1.2.3.4/32", "::ffff:1.2.3.4"));
    assert_true(contains("::ffff:127.0.0.1/128", "127.0.0.1"));
    assert_true(contains("0.0.0.0/0", "9.9.9.9"));
    assert_false(contains("0.0.0.0/0", "2001:db8::1"));
    assert_false(contains("::/0", "127.0.0.1"));
    assert_true(contains("::/0", "::1"));
    assert_true(contains("2001:db8:8000::/33", "2001:db8:ffff::1"));
    assert_false(contains("2001:db8:8000::/33", "2001:db8:7fff::1"));
    assert_true(contains("10.0.0.0/31", "10.0.0.1"));
    assert_false(contains("10.0.0.0/31", "10.0.0.2"));
}

static void no_address_is_in_no_prefix(void **state UNUSED)
{
    const struct ip_address none = {.family = 0};
    struct ip_prefix prefix;
    assert_int_equal(ip_parse_prefix(slice_text("0.0.0.0/0"), &prefix), ERR_NONE);
    assert_false(ip_prefix_contains(&prefix, &none));
    prefix = (struct ip_prefix){.address = none, .length = 0};
    assert_false(ip_prefix_contains(&prefix, &none));
    const struct ip_address unknown = {.family = IP_UNKNOWN};
    prefix = (struct ip_prefix){.address = unknown, .length = 0};
    assert_false(ip_prefix_contains(&prefix, &unknown));
}

static void clients_are_counted_by_their_network(void **state UNUSED)
{
    struct ip_address address;
    char text[IP_TEXT_MAX];
    assert_int_equal(ip_parse(slice_text("192.0.2.200"), &address), ERR_NONE);
    struct ip_prefix network = ip_network_of(&address);
    ip_prefix_to_text(&network, text);
    assert_string_equal(text, "192.0.2.0/24");
    assert_int_equal(ip_parse(slice_text("2001:db8:1:2ff::7"), &address), ERR_NONE);
    network = ip_network_of(&address);
    ip_prefix_to_text(&network, text);
    assert_string_equal(text, "2001:db8:1:200::/56");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_are_read_as_go_reads_them),
        cmocka_unit_test(what_is_no_prefix_is_refused),
        cmocka_unit_test(a_prefix_contains_its_clients_and_no_others),
        cmocka_unit_test(no_address_is_in_no_prefix),
        cmocka_unit_test(clients_are_counted_by_their_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
