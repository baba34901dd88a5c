/*
 * Credentials of requests (see request_auth.h).
 */
#include "front/request_auth.h"

#include "base/encoding.h"

/* What follows SCHEME and a space in the Authorization header; empty if it is another scheme. */
static struct slice authorization(const struct http_request *request, const char *scheme)
{
    struct slice value = http_header_get(request, "Authorization");
    size_t length = strlen(scheme);
    if (value.length <= length || value.data[length] != ' ' ||
        !slice_equal_nocase(slice_of(value.data, length), slice_text(scheme)))
        return (struct slice){NULL, 0};
    return slice_trim(slice_from(value, length));
}

static void read_basic(const struct http_request *request, struct basic_credentials *out)
{
    size_t length = 0;
    out->user = out->password = (struct slice){NULL, 0};
    struct slice encoded = authorization(request, "Basic");
    if (encoded.length == 0 ||
        base64_decode(encoded, out->buffer, sizeof(out->buffer), &length) != ERR_NONE)
        return;
    struct slice decoded = slice_of(out->buffer, length);
    size_t colon = slice_find(decoded, ':');
    out->user = slice_of(decoded.data, colon);
    out->password = slice_from(decoded, colon + 1);
}

struct credentials request_credentials(const struct http_request *request,
                                       struct basic_credentials *basic)
{
    struct slice user = http_header_get(request, "X-Api-User");
    struct slice key = http_header_get(request, "X-Api-Key");
    if (user.length > 0 || key.length > 0)
        return (struct credentials){user, key};
    read_basic(request, basic);
    return (struct credentials){basic->user, basic->password};
}

struct slice request_token(const struct http_request *request, struct slice in_path,
                           struct basic_credentials *basic)
{
    if (in_path.length > 0)
        return in_path;
    struct slice token = http_header_get(request, "X-Registration-Token");
    if (token.length == 0)
        token = authorization(request, "Bearer");
    if (token.length > 0)
        return token;
    read_basic(request, basic);
    return basic->password.length > 0 ? basic->password : basic->user;
}
