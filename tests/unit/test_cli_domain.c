/*
 * A user's domain as people type it, and the word that was meant: dns/domain.h, cli/suggest.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/suggest.h"
#include "dns/domain.h"

static void assert_domain(const char *given, const char *expected)
{
    char domain[DOMAIN_TEXT_MAX];
    assert_null(domain_normalise(given, domain));
    assert_string_equal(domain, expected);
}

static void assert_no_domain(const char *given)
{
    char domain[DOMAIN_TEXT_MAX] = "untouched";
    assert_non_null(domain_normalise(given, domain));
    assert_string_equal(domain, "untouched");
}

static void one_domain_however_it_is_written(void **state)
{
    (void)state;
    assert_domain("example.com", "example.com");
    assert_domain("EXAMPLE.Com", "example.com");
    assert_domain("example.com.", "example.com");
    assert_domain("*.example.com", "example.com");
    assert_domain("*.Example.COM.", "example.com");
    assert_domain("xn--bcher-kva.example", "xn--bcher-kva.example");
    assert_domain("localhost", "localhost");
    assert_domain("4.example.com", "4.example.com");
}

static void what_is_no_domain_is_refused(void **state)
{
    (void)state;
    assert_no_domain("");
    assert_no_domain(".");
    assert_no_domain("*.");
    assert_no_domain("*");
    assert_no_domain("example..com");
    assert_no_domain(".example.com");
    assert_no_domain("example.com..");
    assert_no_domain("*.*.example.com");
    assert_no_domain("-a.example.com");
    assert_no_domain("a-.example.com");
    assert_no_domain("exa mple.com");
    assert_no_domain("https://example.com");
    assert_no_domain("example.com\n");
    assert_no_domain("192.0.2.1");
    assert_no_domain("_acme-challenge.example.com");
}

static void letters_outside_ascii_get_a_hint(void **state)
{
    (void)state;
    char domain[DOMAIN_TEXT_MAX];
    assert_non_null(strstr(domain_normalise("b\xc3\xbc"
                                            "cher.example",
                                            domain),
                           "A-label"));
}

static void lengths_end_where_dns_ends_them(void **state)
{
    (void)state;
    char name[DOMAIN_TEXT_MAX + 8];
    char domain[DOMAIN_TEXT_MAX];
    memset(name, 'a', sizeof(name));
    name[63] = 0;
    assert_domain(name, name);
    name[63] = 'a';
    name[64] = 0;
    assert_no_domain(name);
    name[64] = 'a';
    name[63] = name[127] = name[191] = '.';
    name[253] = 0;
    assert_null(domain_normalise(name, domain));
    name[253] = 'a';
    name[254] = 0;
    assert_non_null(domain_normalise(name, domain));
}

static const char *suggested(const char *given)
{
    static const char *const words[] = {"register", "update", "clear", "show", "status"};
    struct suggestion suggestion = suggestion_for(given);
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        suggestion_offer(&suggestion, words[i]);
    return suggestion.best;
}

static void slips_of_the_fingers_are_guessed(void **state)
{
    (void)state;
    assert_string_equal(suggested("regsiter"), "register");
    assert_string_equal(suggested("updat"), "update");
    assert_string_equal(suggested("stats"), "status");
    assert_string_equal(suggested("clera"), "clear");
    assert_null(suggested("banana"));
    assert_null(suggested(""));
    assert_null(suggested("registerregisterregisterregisterregister"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_domain_however_it_is_written),
        cmocka_unit_test(what_is_no_domain_is_refused),
        cmocka_unit_test(letters_outside_ascii_get_a_hint),
        cmocka_unit_test(lengths_end_where_dns_ends_them),
        cmocka_unit_test(slips_of_the_fingers_are_guessed),
    };
    return cmocka_run_group_tests_name("cli domain", tests, NULL, NULL);
}
