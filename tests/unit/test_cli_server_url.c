/*
 * The server's addresses, from what a user gives and from credentials files: cli/server_url.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/server_url.h"

static void assert_base(const char *given, const char *expected)
{
    char url[SERVER_URL_MAX];
    assert_null(server_url_base(given, url));
    assert_string_equal(url, expected);
}

static void assert_no_base(const char *given)
{
    char url[SERVER_URL_MAX] = "untouched";
    assert_non_null(server_url_base(given, url));
    assert_string_equal(url, "untouched");
}

static void a_base_ends_in_the_compatible_path_once(void **state)
{
    (void)state;
    const char *expected = "https://auth.example.org/api/v1/acme-dns-compat";
    assert_base("https://auth.example.org", expected);
    assert_base("https://auth.example.org/", expected);
    assert_base("auth.example.org", expected);
    assert_base("https://auth.example.org/api/v1/acme-dns-compat", expected);
    assert_base("https://auth.example.org/api/v1/acme-dns-compat/", expected);
    assert_base("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v1/acme-dns-compat");
    assert_base("http://[::1]:8080/", "http://[::1]:8080/api/v1/acme-dns-compat");
    assert_base("https://example.org/locum/", "https://example.org/locum/api/v1/acme-dns-compat");
    assert_base("https://auth.example.org/token/abc",
                "https://auth.example.org/token/abc/api/v1/acme-dns-compat");
}

static void what_is_no_base_is_refused(void **state)
{
    (void)state;
    assert_no_base("");
    assert_no_base("ftp://auth.example.org");
    assert_no_base("file:///etc/passwd");
    assert_no_base("https://");
    assert_no_base("https://user:secret@auth.example.org");
    assert_no_base("https://auth.example.org/?a=b");
    assert_no_base("https://auth.example.org/#a");
    assert_no_base("https://auth example.org");
    assert_no_base("https://auth.example.org:99999");
    char longer[SERVER_URL_MAX + 16] = "https://auth.example.org/";
    memset(longer + strlen(longer), 'a', SERVER_URL_MAX - strlen(longer) - 4);
    assert_no_base(longer);
}

static void a_stored_address_is_taken_as_it_is(void **state)
{
    (void)state;
    char url[SERVER_URL_MAX];
    assert_null(server_url_stored("https://auth.acme-dns.io/", url));
    assert_string_equal(url, "https://auth.acme-dns.io");
    assert_non_null(server_url_stored("gopher://auth.acme-dns.io", url));
}

static void a_registration_token_is_cut_out(void **state)
{
    (void)state;
    char with[] = "https://auth.example.org/token/abc/api/v1/acme-dns-compat";
    server_url_cut_token(with);
    assert_string_equal(with, "https://auth.example.org/api/v1/acme-dns-compat");
    char at_end[] = "https://auth.example.org/token/abc";
    server_url_cut_token(at_end);
    assert_string_equal(at_end, "https://auth.example.org");
    char twice[] = "https://auth.example.org/token/abc/token/def/x";
    server_url_cut_token(twice);
    assert_string_equal(twice, "https://auth.example.org/x");
    char without[] = "https://token.example.org/api/v1/acme-dns-compat";
    server_url_cut_token(without);
    assert_string_equal(without, "https://token.example.org/api/v1/acme-dns-compat");
}

static void endpoints_stand_below_and_beside_the_base(void **state)
{
    (void)state;
    char url[SERVER_URL_MAX];
    const char *base = "https://a.example/api/v1/acme-dns-compat";
    assert_true(server_url_endpoint(base, "update", url));
    assert_string_equal(url, "https://a.example/api/v1/acme-dns-compat/update");
    assert_true(server_url_own(base, "clear", url));
    assert_string_equal(url, "https://a.example/api/v1/clear");
    assert_true(server_url_own("https://a.example", "values", url));
    assert_string_equal(url, "https://a.example/api/v1/values");
    assert_true(server_url_own("https://a.example/locum", "values", url));
    assert_string_equal(url, "https://a.example/locum/api/v1/values");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_base_ends_in_the_compatible_path_once),
        cmocka_unit_test(what_is_no_base_is_refused),
        cmocka_unit_test(a_stored_address_is_taken_as_it_is),
        cmocka_unit_test(a_registration_token_is_cut_out),
        cmocka_unit_test(endpoints_stand_below_and_beside_the_base),
    };
    return cmocka_run_group_tests_name("cli server url", tests, NULL, NULL);
}
