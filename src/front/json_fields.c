/*
 * JSON bodies (see json_fields.h), by jansson.
 */
#include "front/json_fields.h"

#include <strings.h>

static bool has_key_twice(json_t *object)
{
    const char *key, *other;
    json_t *value, *other_value;
    json_object_foreach(object, key, value)
    {
        size_t same = 0;
        json_object_foreach(object, other, other_value) same += strcasecmp(key, other) == 0;
        if (same > 1)
            return true;
    }
    return false;
}

static json_t *load(struct slice body, size_t flags)
{
    json_error_t why;
    if (body.length == 0)
        return json_object();
    return json_loadb((const char *)body.data, body.length, flags, &why);
}

enum error json_fields_parse(struct slice body, enum json_extent extent, json_t **out)
{
    enum { MEMBERS_MAX = 64 }; /* the check for doubles is quadratic */
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    if (extent == JSON_FIRST_VALUE)
        flags |= JSON_DISABLE_EOF_CHECK;
    json_t *root = load(body, flags);
    if (root == NULL) /* a member that nobody asks for may hold an integer beyond 64 bits */
        root = load(body, flags | JSON_DECODE_INT_AS_REAL);
    if (json_is_null(root))
        root = json_object(); /* json_null() is not counted */
    if (!json_is_object(root) || json_object_size(root) > MEMBERS_MAX || has_key_twice(root)) {
        json_decref(root);
        return ERR_MALFORMED_JSON;
    }
    *out = root;
    return ERR_NONE;
}

json_t *json_fields_get(const json_t *object, const char *name)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (strcasecmp(key, name) == 0)
            return value;
    }
    return NULL;
}

struct slice json_fields_text(const json_t *object, const char *name)
{
    const json_t *value = json_fields_get(object, name);
    if (!json_is_string(value))
        return (struct slice){NULL, 0};
    return slice_of(json_string_value(value), json_string_length(value));
}
