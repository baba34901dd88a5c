/*
 * CORS (see cors.h).
 */
#include "front/cors.h"

#include "front/api_private.h"

static const char allow_origin[] = "Access-Control-Allow-Origin";

/* What Access-Control-Allow-Origin says to this request; empty: nothing. */
static struct slice allowed_origin(const struct api_front *front,
                                   const struct http_request *request)
{
    struct slice origin = http_header_get(request, "Origin");
    if (origin.length == 0)
        return (struct slice){NULL, 0};
    if (front->settings.cors_origin_count == 0)
        return slice_text("*");
    for (size_t i = 0; i < front->settings.cors_origin_count; i++) {
        const char *allowed = front->settings.cors_origins[i];
        if (slice_is(slice_text(allowed), "*"))
            return slice_text("*");
        if (slice_equal_nocase(origin, slice_text(allowed)))
            return origin;
    }
    return (struct slice){NULL, 0};
}

static bool is_allowed_method(struct slice method)
{
    return slice_is(method, "GET") || slice_is(method, "POST");
}

size_t cors_headers(const struct api_front *front, const struct http_request *request,
                    struct http_header *out)
{
    struct slice origin = allowed_origin(front, request);
    bool permitted = is_allowed_method(request->method) || slice_is(request->method, "OPTIONS");
    out[0] = (struct http_header){slice_text("Vary"), slice_text("Origin")};
    if (origin.length == 0 || !permitted)
        return 1;
    out[1] = (struct http_header){slice_text(allow_origin), origin};
    return 2;
}

bool cors_is_preflight(const struct http_request *request)
{
    return slice_is(request->method, "OPTIONS") &&
           http_header_get(request, "Access-Control-Request-Method").length > 0;
}

static bool is_allowed_header(struct slice name)
{
    static const char *const allowed[] = {
        "accept",     "content-type", "x-requested-with",    "origin",
        "x-api-user", "x-api-key",    "x-registration-token"};
    for (size_t i = 0; i < ARRAY_LENGTH(allowed); i++) {
        if (slice_equal_nocase(name, slice_text(allowed[i])))
            return true;
    }
    return false;
}

static bool are_allowed_headers(struct slice list)
{
    while (list.length > 0) {
        size_t comma = slice_find(list, ',');
        struct slice name = slice_trim(slice_of(list.data, comma));
        if (name.length > 0 && !is_allowed_header(name))
            return false;
        list = slice_from(list, comma + 1);
    }
    return true;
}

void cors_answer_preflight(const struct api_front *front, struct http_request *request)
{
    struct http_header headers[4];
    struct slice method = http_header_get(request, "Access-Control-Request-Method");
    struct slice names = http_header_get(request, "Access-Control-Request-Headers");
    struct slice origin = allowed_origin(front, request);
    size_t count = 0;
    headers[count++] = (struct http_header){slice_text("Vary"), slice_text("Origin")};
    if (origin.length > 0 && is_allowed_method(method) && are_allowed_headers(names)) {
        headers[count++] = (struct http_header){slice_text(allow_origin), origin};
        headers[count++] = (struct http_header){slice_text("Access-Control-Allow-Methods"), method};
        if (names.length > 0)
            headers[count++] =
                (struct http_header){slice_text("Access-Control-Allow-Headers"), names};
    }
    const struct http_reply reply = {.status = 204, .headers = headers, .header_count = count};
    http_reply(request, &reply);
}
