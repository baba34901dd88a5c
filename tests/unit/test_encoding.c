/*
 * Text encodings and slices: tables of what is accepted and what is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/encoding.h"

static const char canonical[] = "01234567-89ab-cdef-0123-456789abcdef";

static void every_uuid_form_of_acme_dns_is_read(void **state UNUSED)
{
    static const char *const good[] = {
        canonical,
        "01234567-89AB-CDEF-0123-456789ABCDEF",
        "{01234567-89ab-cdef-0123-456789abcdef}",
        "urn:uuid:01234567-89ab-cdef-0123-456789abcdef",
        "URN:UUID:01234567-89ab-cdef-0123-456789abcdef",
        "0123456789abcdef0123456789abcdef",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        uint8_t uuid[16];
        char text[UUID_TEXT_LENGTH + 1];
        assert_int_equal(uuid_parse(slice_text(good[i]), uuid), ERR_NONE);
        uuid_to_text(uuid, text);
        assert_string_equal(text, canonical);
    }
}

static void what_is_no_uuid_is_refused(void **state UNUSED)
{
    static const char *const bad[] = {"",
                                      "0",
                                      "01234567-89ab-cdef-0123-456789abcde",
                                      "01234567-89ab-cdef-0123-456789abcdefa",
                                      "01234567x89ab-cdef-0123-456789abcdef",
                                      "g1234567-89ab-cdef-0123-456789abcdef",
                                      "{01234567-89ab-cdef-0123-456789abcdef)",
                                      "(01234567-89ab-cdef-0123-456789abcdef}",
                                      "urn:guid:01234567-89ab-cdef-0123-456789abcdef",
                                      "0123456-789ab-cdef-0123-456789abcdef",
                                      "0123456789abcdef0123456789abcdeg"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        uint8_t uuid[16] = {7};
        assert_int_equal(uuid_parse(slice_text(bad[i]), uuid), ERR_MALFORMED);
        assert_int_equal(uuid[0], 7);
    }
}

static void base64_is_read_in_both_alphabets_padded_or_not(void **state UNUSED)
{
    static const struct {
        const char *text, *plain;
    } good[] = {{"", ""},        {"QQ==", "A"},   {"QQ", "A"},     {"QUI=", "AB"}, {"QUI", "AB"},
                {"QUJD", "ABC"}, {"Pz8_", "???"}, {"Pz8/", "???"}, {"dTpw", "u:p"}};
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        uint8_t out[16];
        size_t length = 99;
        assert_int_equal(base64_decode(slice_text(good[i].text), out, sizeof(out), &length),
                         ERR_NONE);
        assert_true(slice_is(slice_of(out, length), good[i].plain));
    }
    static const char *const bad[] = {"Q", "QQ=Q", "====", "Q Q=", "QUJDR", "\xff\xff\xff\xff"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        uint8_t out[16];
        size_t length = 99;
        assert_int_equal(base64_decode(slice_text(bad[i]), out, sizeof(out), &length),
                         ERR_MALFORMED);
        assert_int_equal(length, 99);
    }
    uint8_t small[2];
    size_t length;
    assert_int_equal(base64_decode(slice_text("QUJD"), small, sizeof(small), &length),
                     ERR_NO_SPACE);
}

static void a_reader_never_goes_past_the_end(void **state UNUSED)
{
    static const uint8_t bytes[] = {0, 0, 0, 9, 1, 2};
    struct reader reader = reader_of(slice_of(bytes, sizeof(bytes)));
    struct slice counted = read_counted(&reader);
    assert_true(reader.failed);
    assert_int_equal(counted.length, 0);
    assert_int_equal(read_u8(&reader), 0); /* it stays failed, though bytes are left */
    assert_true(reader.failed);
}

static void a_writer_never_goes_past_the_end(void **state UNUSED)
{
    uint8_t buffer[5] = {0};
    struct writer writer = writer_of(buffer, 4);
    write_u16(&writer, 0x0102);
    write_u32(&writer, 0xffffffff);
    assert_true(writer.failed);
    write_u8(&writer, 0xee);
    assert_int_equal(writer_length(&writer), 2);
    assert_int_equal(buffer[2], 0);
    assert_int_equal(buffer[4], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_uuid_form_of_acme_dns_is_read),
        cmocka_unit_test(what_is_no_uuid_is_refused),
        cmocka_unit_test(base64_is_read_in_both_alphabets_padded_or_not),
        cmocka_unit_test(a_reader_never_goes_past_the_end),
        cmocka_unit_test(a_writer_never_goes_past_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
