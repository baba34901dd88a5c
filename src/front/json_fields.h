/*
 * JSON bodies as acme-dns's clients send them: one object whose keys match without case. A key that
 * comes twice, also in another case, is refused: two readers could take it for different requests.
 */
#ifndef LOCUM_FRONT_JSON_FIELDS_H
#define LOCUM_FRONT_JSON_FIELDS_H

#include <jansson.h>

#include "base/slice.h"

enum json_extent {
    JSON_WHOLE,       /* nothing but white space may follow the value */
    JSON_FIRST_VALUE, /* what follows the first value is not looked at */
};

/* Parses BODY; the caller decrefs OUT. An empty body and `null` are an empty object.
 * ERR_MALFORMED_JSON if it is not one JSON object, or has a key twice. */
MUST_CHECK enum error json_fields_parse(struct slice body, enum json_extent extent, json_t **out);
/* The member NAME (lower case), matched without case; NULL if it is not there. Borrowed. */
json_t *json_fields_get(const json_t *object, const char *name);
/* The string member NAME; an empty slice with data NULL if it is not there or no string. Borrowed.
 */
struct slice json_fields_text(const json_t *object, const char *name);

#endif
