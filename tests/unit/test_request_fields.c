/*
 * What is read from a request before any rule applies: JSON members, client addresses behind
 * proxies, credentials.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "front/client_address.h"
#include "front/json_fields.h"
#include "front/request_auth.h"

/* ---- JSON ---- */

static enum error parse(const char *body, enum json_extent extent, const char *expected_txt)
{
    json_t *fields = NULL;
    enum error error = json_fields_parse(slice_text(body), extent, &fields);
    if (error == ERR_NONE) {
        struct slice txt = json_fields_text(fields, "txt");
        assert_true(slice_is(txt, expected_txt));
        json_decref(fields);
    } else {
        assert_null(fields);
    }
    return error;
}

static void members_match_without_case(void **state UNUSED)
{
    assert_int_equal(parse("{\"txt\":\"v\"}", JSON_WHOLE, "v"), ERR_NONE);
    assert_int_equal(parse("{\"Txt\":\"v\"}\n", JSON_WHOLE, "v"), ERR_NONE);
    assert_int_equal(parse(" {\"TXT\":\"\\u0061\"} ", JSON_WHOLE, "a"), ERR_NONE);
    assert_int_equal(parse("{\"other\":{\"txt\":\"v\"}}", JSON_WHOLE, ""), ERR_NONE);
    assert_int_equal(parse("{\"txt\":5}", JSON_WHOLE, ""), ERR_NONE);
}

static void nothing_and_null_are_an_empty_object(void **state UNUSED)
{
    assert_int_equal(parse("", JSON_WHOLE, ""), ERR_NONE);
    assert_int_equal(parse("null", JSON_WHOLE, ""), ERR_NONE);
    assert_int_equal(parse("null\n", JSON_WHOLE, ""), ERR_NONE);
}

static void what_is_no_single_object_is_refused(void **state UNUSED)
{
    static const char *const bad[] = {"  ",  "[]",         "\"x\"", "5",
                                      "a=b", "{\"txt\":}", "{",     "\xef\xbb\xbf{}",
                                      "{}x", "{} {}",      "true",  "{\"txt\":\"\\u0000\"}"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_int_equal(parse(bad[i], JSON_WHOLE, ""), ERR_MALFORMED_JSON);
    assert_int_equal(parse("{\"txt\":\"v\"} trailing", JSON_FIRST_VALUE, "v"), ERR_NONE);
}

static void a_member_that_comes_twice_is_refused(void **state UNUSED)
{
    static const char *const bad[] = {"{\"txt\":\"a\",\"txt\":\"b\"}",
                                      "{\"txt\":\"a\",\"Txt\":\"b\"}",
                                      "{\"other\":1,\"OTHER\":2,\"txt\":\"a\"}"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        assert_int_equal(parse(bad[i], JSON_WHOLE, ""), ERR_MALFORMED_JSON);
        assert_int_equal(parse(bad[i], JSON_FIRST_VALUE, ""), ERR_MALFORMED_JSON);
    }
}

/* ---- clients ---- */

/* The client of a request from PEER with up to two X-Forwarded-For lines, behind 10.0.0.0/8. */
static const char *client(const char *peer, const char *first, const char *second)
{
    static char text[IP_TEXT_MAX];
    struct http_header headers[2];
    struct ip_prefix trusted;
    struct http_request request = {.headers = headers};
    if (first != NULL)
        headers[request.header_count++] =
            (struct http_header){slice_text("X-Forwarded-For"), slice_text(first)};
    if (second != NULL)
        headers[request.header_count++] =
            (struct http_header){slice_text("x-forwarded-for"), slice_text(second)};
    if (peer[0] != '\0')
        assert_int_equal(ip_parse(slice_text(peer), &request.peer), ERR_NONE);
    assert_int_equal(ip_parse_prefix(slice_text("10.0.0.0/8"), &trusted), ERR_NONE);
    struct ip_address address = client_address(&request, &trusted, 1);
    ip_to_text(&address, text);
    return text;
}

static void only_a_trusted_proxy_is_believed(void **state UNUSED)
{
    assert_string_equal(client("192.0.2.1", "1.1.1.1", NULL), "192.0.2.1");
    assert_string_equal(client("192.0.2.1", NULL, NULL), "192.0.2.1");
    assert_string_equal(client("10.0.0.1", "1.1.1.1", NULL), "1.1.1.1");
    assert_string_equal(client("10.0.0.1", NULL, NULL), "10.0.0.1");
    assert_string_equal(client("", "1.1.1.1", NULL), "1.1.1.1"); /* a Unix socket */
}

static void the_nearest_untrusted_hop_counts(void **state UNUSED)
{
    assert_string_equal(client("10.0.0.1", "6.6.6.6, 1.1.1.1", NULL), "1.1.1.1");
    assert_string_equal(client("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.9.9.9", NULL), "1.1.1.1");
    assert_string_equal(client("10.0.0.1", "6.6.6.6", "1.1.1.1"), "1.1.1.1");
    assert_string_equal(client("10.0.0.1", "1.1.1.1", "10.2.2.2"), "1.1.1.1");
    assert_string_equal(client("10.0.0.1", "10.3.3.3, 10.2.2.2", NULL), "10.3.3.3");
    assert_string_equal(client("10.0.0.1", "6.6.6.6, junk", NULL), "unknown");
    assert_string_equal(client("10.0.0.1", "6.6.6.6, 1.1.1.1:80, 10.2.2.2", NULL), "unknown");
    assert_string_equal(client("10.0.0.1", ", ,1.1.1.1,,", NULL), "1.1.1.1");
    assert_string_equal(client("10.0.0.1", "2001:db8::1", NULL), "2001:db8::1");
}

/* ---- credentials ---- */

static struct credentials credentials_of(const struct http_header *headers, size_t count,
                                         struct basic_credentials *basic)
{
    const struct http_request request = {.headers = headers, .header_count = count};
    return request_credentials(&request, basic);
}

static void own_headers_win_over_basic(void **state UNUSED)
{
    struct basic_credentials basic;
    const struct http_header both[] = {
        {slice_text("Authorization"), slice_text("Basic dTpw")},
        {slice_text("x-api-user"), slice_text("user")},
        {slice_text("X-Api-Key"), slice_text("key")},
    };
    struct credentials found = credentials_of(both, 3, &basic);
    assert_true(slice_is(found.key_id, "user"));
    assert_true(slice_is(found.secret, "key"));
    found = credentials_of(both, 2, &basic); /* half a pair is not completed from Basic */
    assert_true(slice_is(found.key_id, "user"));
    assert_int_equal(found.secret.length, 0);
    found = credentials_of(both, 1, &basic);
    assert_true(slice_is(found.key_id, "u"));
    assert_true(slice_is(found.secret, "p"));
    found = credentials_of(both, 0, &basic);
    assert_int_equal(found.key_id.length + found.secret.length, 0);
}

static void basic_that_is_empty_or_broken_is_no_credential(void **state UNUSED)
{
    static const char *const values[] = {
        "Basic", "Basic ", "Basic Og==", "Basic !!!!", "Bearer x", "basicdTpw"};
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        struct basic_credentials basic;
        const struct http_header header = {slice_text("Authorization"), slice_text(values[i])};
        struct credentials found = credentials_of(&header, 1, &basic);
        assert_int_equal(found.key_id.length + found.secret.length, 0);
    }
}

static void a_token_stands_in_path_header_bearer_or_basic(void **state UNUSED)
{
    static const struct {
        const char *in_path, *name, *value, *expected;
    } cases[] = {{"path", "X-Registration-Token", "header", "path"},
                 {"", "X-Registration-Token", "header", "header"},
                 {"", "Authorization", "Bearer token", "token"},
                 {"", "Authorization", "bearer  token ", "token"},
                 {"", "Authorization", "Basic dTpw", "p"}, /* u:p */
                 {"", "Authorization", "Basic dTo=", "u"}, /* u: */
                 {"", "Authorization", "Basic OnA=", "p"}, /* :p */
                 {"", "Authorization", "Digest x", ""},
                 {"", "Other", "x", ""}};
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct basic_credentials basic;
        const struct http_header header = {slice_text(cases[i].name), slice_text(cases[i].value)};
        const struct http_request request = {.headers = &header, .header_count = 1};
        assert_true(slice_is(request_token(&request, slice_text(cases[i].in_path), &basic),
                             cases[i].expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_match_without_case),
        cmocka_unit_test(nothing_and_null_are_an_empty_object),
        cmocka_unit_test(what_is_no_single_object_is_refused),
        cmocka_unit_test(a_member_that_comes_twice_is_refused),
        cmocka_unit_test(only_a_trusted_proxy_is_believed),
        cmocka_unit_test(the_nearest_untrusted_hop_counts),
        cmocka_unit_test(own_headers_win_over_basic),
        cmocka_unit_test(basic_that_is_empty_or_broken_is_no_credential),
        cmocka_unit_test(a_token_stands_in_path_header_bearer_or_basic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
