/*
 * What the DNS tests share: questions byte by byte, an index with known delegates, and answers read
 * back by ldns, which knows nothing of our code.
 */
#ifndef LOCUM_TESTS_DNS_FIXTURE_H
#define LOCUM_TESTS_DNS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ldns/ldns.h>

#include "dns/name.h"
#include "dns/protocol.h"
#include "zone/index.h"

enum { FIXTURE_ID = 0x1234 };

struct question {
    const char *name; /* as text */
    uint16_t type;
    uint16_t class; /* 0: IN */
    uint16_t flags; /* of the header */
    bool edns;
    uint16_t payload; /* with edns */
    uint8_t version;
    bool dnssec_ok;
};

static inline void write_header(struct writer *writer, uint16_t flags, uint16_t questions,
                                uint16_t answers, uint16_t authority, uint16_t additional)
{
    write_u16(writer, FIXTURE_ID);
    write_u16(writer, flags);
    write_u16(writer, questions);
    write_u16(writer, answers);
    write_u16(writer, authority);
    write_u16(writer, additional);
}

static inline void write_name(struct writer *writer, const char *text)
{
    uint8_t wire[DNS_NAME_MAX];
    struct dns_name name;
    assert_int_equal(dns_name_from_text(slice_text(text), &name, wire), ERR_NONE);
    write_bytes(writer, slice_of(wire, name.length));
}

static inline void write_question(struct writer *writer, const char *name, uint16_t type,
                                  uint16_t class)
{
    write_name(writer, name);
    write_u16(writer, type);
    write_u16(writer, class);
}

static inline void write_opt(struct writer *writer, uint16_t payload, uint8_t version,
                             bool dnssec_ok, struct slice options)
{
    write_u8(writer, 0);
    write_u16(writer, DNS_TYPE_OPT);
    write_u16(writer, payload);
    write_u8(writer, 0);
    write_u8(writer, version);
    write_u16(writer, dnssec_ok ? DNS_EDNS_DO : 0);
    write_u16(writer, (uint16_t)options.length);
    write_bytes(writer, options);
}

/* Writes the whole query to OUT and returns it. */
static inline struct slice build_query(const struct question *question, uint8_t *out, size_t size)
{
    struct writer writer = writer_of(out, size);
    write_header(&writer, question->flags, 1, 0, 0, question->edns ? 1 : 0);
    write_question(&writer, question->name, question->type,
                   question->class == 0 ? DNS_CLASS_IN : question->class);
    if (question->edns)
        write_opt(&writer, question->payload, question->version, question->dnssec_ok,
                  slice_of(NULL, 0));
    assert_false(writer.failed);
    return writer_slice(&writer);
}

/* The TXT value that fixtures give: 43 times the same letter. */
static inline void fill_value(uint8_t text[ACME_TXT_LENGTH], char letter)
{
    memset(text, letter, ACME_TXT_LENGTH);
}

/* Registers LABEL in ZONE with COUNT values 'A', 'B', ... */
static inline void add_delegate(struct index *index, uint16_t zone, uint64_t id, const char *label,
                                uint32_t count)
{
    struct change change = {.sequence = 2 * id,
                            .kind = CHANGE_DELEGATE_ADDED,
                            .zone = zone,
                            .delegate = id,
                            .label = slice_text(label)};
    assert_int_equal(index_apply(index, &change), ERR_NONE);
    if (count == 0)
        return;
    change.sequence++;
    change.kind = CHANGE_VALUES_SET;
    change.value_count = count;
    for (uint32_t i = 0; i < count; i++) {
        fill_value(change.values[i].text, (char)('A' + i));
        change.values[i].sequence = change.sequence;
    }
    assert_int_equal(index_apply(index, &change), ERR_NONE);
}

static inline ldns_pkt *parse_answer(struct slice answer)
{
    ldns_pkt *packet = NULL;
    assert_int_equal(ldns_wire2pkt(&packet, answer.data, answer.length), LDNS_STATUS_OK);
    return packet;
}

/* Asserts that record I of LIST is, as text with one space between fields, TEXT. */
static inline void assert_record(const ldns_rr_list *list, size_t i, const char *text)
{
    assert_true(i < ldns_rr_list_rr_count(list));
    char *got = ldns_rr2str(ldns_rr_list_rr(list, i));
    for (char *c = got; *c != '\0'; c++) {
        if (*c == '\t')
            *c = ' ';
    }
    got[strcspn(got, "\n")] = '\0';
    assert_string_equal(got, text);
    free(got);
}

#endif
