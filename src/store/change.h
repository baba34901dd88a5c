/*
 * Change records: what a committed operation did, as the index needs it. They are absolute (the
 * whole new value set, not a difference), so that applying one twice does no harm, and they are
 * stored with a sequence that only grows, so that several nodes can follow one database.
 */
#ifndef LOCUM_STORE_CHANGE_H
#define LOCUM_STORE_CHANGE_H

#include <stdbool.h>

#include "base/limits.h"
#include "base/slice.h"

enum change_kind {
    CHANGE_DELEGATE_ADDED = 1,
    CHANGE_DELEGATE_REMOVED = 2,
    CHANGE_KEY_SET = 3, /* added or altered */
    CHANGE_KEY_REMOVED = 4,
    CHANGE_VALUES_SET = 5, /* all values of a delegate; none: it is empty now */
    CHANGE_TOKEN_SET = 6,
    CHANGE_TOKEN_REMOVED = 7,
    CHANGE_ZONE_SERIAL = 8,
};

struct change_value {
    uint8_t text[ACME_TXT_LENGTH];
    uint64_t sequence; /* of the change that brought it */
    int64_t added_ms;
};

struct change {
    uint64_t sequence; /* 0 until it is stored */
    enum change_kind kind;
    uint16_t zone;
    uint64_t delegate;                /* id; kinds 1 to 5 */
    struct slice label;               /* kinds 1 to 5: lower case */
    uint8_t key_id[16];               /* kinds 3, 4 */
    uint8_t hash[SECRET_HASH_LENGTH]; /* kinds 3, 6, 7: of the secret or the token */
    struct slice allowfrom; /* kind 3: the prefixes as text, one space between; empty: all */
    bool used;              /* kind 1: it has held a value or was asked for */
    uint32_t serial;        /* kind 8 */
    uint32_t value_count;   /* kind 5 */
    struct change_value values[VALUES_MAX];
};

/* Encodes everything but the sequence, for the store. A leading byte gives the version. */
void change_encode(const struct change *change, struct writer *writer);
/* Decodes into OUT, whose slices point into INPUT. ERR_MALFORMED. */
MUST_CHECK enum error change_decode(struct slice input, struct change *out);

#endif
