/*
 * Domain names in wire form (RFC 1035, section 3.1): labels, each after its length, ended by the
 * root's empty label. Pure; any thread.
 *
 * A struct dns_name is in lower case, so that two names are the same exactly if their bytes are
 * (RFC 4343). Lengths of labels are below 64 and letters are above: the bytes of a name can be
 * lower-cased without looking at where its labels begin.
 */
#ifndef LOCUM_DNS_NAME_H
#define LOCUM_DNS_NAME_H

#include "base/limits.h"
#include "base/slice.h"

enum { DNS_LABELS_MAX = 127 }; /* of one byte each, in 255 bytes */

struct dns_name {
    uint8_t length;                 /* bytes, the root's label among them: 1 to DNS_NAME_MAX */
    uint8_t labels;                 /* without the root's */
    uint8_t at[DNS_LABELS_MAX + 1]; /* where each label's length byte is; the last is the root's */
    uint8_t bytes[DNS_NAME_MAX];
};

static inline struct slice dns_name_slice(const struct dns_name *name)
{
    return slice_of(name->bytes, name->length);
}

/* The name without its first SKIP labels; SKIP is at most name->labels. */
static inline struct slice dns_name_suffix(const struct dns_name *name, unsigned skip)
{
    return slice_of(name->bytes + name->at[skip], (size_t)name->length - name->at[skip]);
}

/* The first label, without its length byte. NAME is not the root. */
static inline struct slice dns_name_first_label(const struct dns_name *name)
{
    return slice_of(name->bytes + 1, name->bytes[0]);
}

/* Reads a name without compression pointers, in lower case. False, with NAME undefined, if it ends
 * too early, is longer than 255 bytes, or holds anything but plain labels. */
MUST_CHECK bool dns_name_read(struct reader *reader, struct dns_name *name);
/* Walks over a name that may end in a compression pointer. MESSAGE is where offsets count from.
 * False if it is malformed or points anywhere but backwards. */
MUST_CHECK bool dns_name_skip(struct reader *reader, const uint8_t *message);
/* Reads a name that may be compressed, in lower case. False as above, or if it is too long. */
MUST_CHECK bool dns_name_unpack(struct reader *reader, const uint8_t *message,
                                struct dns_name *name);
/* Parses text: labels with dots between, final dot or not, "\." and "\065" as escapes (RFC 1035,
 * section 5.1); "." is the root. Only printable ASCII without space. CASE_KEPT, if not NULL, gets
 * the bytes with their case, DNS_NAME_MAX at most. ERR_MALFORMED. */
MUST_CHECK enum error dns_name_from_text(struct slice text, struct dns_name *name,
                                         uint8_t *case_kept);
/* Whether NAME is SUFFIX (lower case, wire form, at most 255 bytes) or below it. */
bool dns_name_is_under(const struct dns_name *name, struct slice suffix);
/* A fast hash without a key: for tables whose names the operator chose. */
uint64_t dns_name_hash(struct slice name);

#endif
