/*
 * Routing of the public HTTP door (see api_front.h). The acme-dns routes stand at "/" and below
 * /api/v1/acme-dns-compat, each also below /token/TOKEN. Off the routes it answers as acme-dns's
 * router does: 405 with Allow, redirects of doubled or trailing slashes and of wrong case, 404.
 */
#include "front/api_front.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "base/encoding.h"
#include "front/api_private.h"
#include "front/client_address.h"
#include "front/cors.h"

enum {
    PATH_MAX_BYTES = 512, /* longer paths match no route */
    HTML_GROWTH = 5,      /* the longest entity that stands for one character */
};

struct route {
    const char *path;
    const char *method;
    const char *allow; /* as acme-dns lists it: sorted */
    void (*answer)(const struct api_call *call);
};

static const char compat_prefix[] = "/api/v1/acme-dns-compat";
static const char token_prefix[] = "/token/";

static const struct route acmedns_routes[] = {
    {"/register", "POST", "OPTIONS, POST", acmedns_register},
    {"/update", "POST", "OPTIONS, POST", acmedns_update},
    {"/health", "GET", "GET, OPTIONS", acmedns_health},
};

static const struct route v1_routes[] = {
    {"/api/v1/clear", "POST", "OPTIONS, POST", v1_clear},
    {"/api/v1/values", "GET", "GET, OPTIONS", v1_values},
};

static const struct route *find_in(const struct route *routes, size_t count, struct slice path)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_is(path, routes[i].path))
            return &routes[i];
    }
    return NULL;
}

static const struct route *find_route(const struct api_front *front, struct slice path)
{
    const struct route *route = find_in(v1_routes, ARRAY_LENGTH(v1_routes), path);
    if (route != NULL)
        return route;
    if (slice_starts(path, compat_prefix))
        path = slice_from(path, sizeof(compat_prefix) - 1);
    route = find_in(acmedns_routes, ARRAY_LENGTH(acmedns_routes), path);
    if (route != NULL && route->answer == acmedns_register &&
        service_registration_closed(front->settings.service))
        return NULL; /* a closed registration has no route, as in acme-dns */
    return route;
}

/* Cuts /token/TOKEN off the front of PATH, if it is there. */
static struct slice take_token(struct slice *path)
{
    size_t prefix = sizeof(token_prefix) - 1;
    if (!slice_starts(*path, token_prefix))
        return (struct slice){NULL, 0};
    struct slice rest = slice_from(*path, prefix);
    size_t length = slice_find(rest, '/');
    if (length == 0 || length == rest.length || !is_base64url(slice_of(rest.data, length)))
        return (struct slice){NULL, 0};
    *path = slice_from(rest, length);
    return slice_of(rest.data, length);
}

/* The path as it was probably meant: single slashes, none at the end, lower case. */
static struct slice mend_path(struct slice path, uint8_t *out)
{
    size_t length = 0;
    if (path.length > PATH_MAX_BYTES)
        return (struct slice){NULL, 0};
    for (size_t i = 0; i < path.length; i++) {
        if (path.data[i] == '/' && length > 0 && out[length - 1] == '/')
            continue;
        out[length++] = ascii_lower(path.data[i]);
    }
    if (length > 1 && out[length - 1] == '/')
        length--;
    return slice_of(out, length);
}

/* TEXT as it may stand in an HTML attribute. OUT has HTML_GROWTH times its room. */
static void escape_html(const char *text, char *out, size_t size)
{
    static const struct {
        char from;
        const char *to;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&#34;"}, {'\'', "&#39;"}};
    struct writer writer = writer_of(out, size - 1);
    for (; *text != '\0'; text++) {
        struct slice piece = slice_of(text, 1);
        for (size_t i = 0; i < ARRAY_LENGTH(entities); i++) {
            if (*text == entities[i].from)
                piece = slice_text(entities[i].to);
        }
        write_bytes(&writer, piece);
    }
    out[writer_length(&writer)] = '\0';
}

/* Go's http.Redirect(): GET gets a body for people, other methods keep theirs (307). */
static void answer_redirect(const struct api_call *call, struct slice path)
{
    char target[2 * PATH_MAX_BYTES + 64], link[HTML_GROWTH * sizeof(target)],
        body[sizeof(link) + 64];
    struct slice query = call->request->query;
    bool get = slice_is(call->request->method, "GET");
    int length = snprintf(target, sizeof(target), "%.*s%.*s%.*s%s%.*s",
                          call->token.length > 0 ? (int)sizeof(token_prefix) - 1 : 0, token_prefix,
                          (int)call->token.length, (const char *)call->token.data, (int)path.length,
                          (const char *)path.data, query.length > 0 ? "?" : "", (int)query.length,
                          (const char *)query.data);
    if (length < 0 || (size_t)length >= sizeof(target)) {
        api_answer_text(call, 404, "404 page not found\n");
        return;
    }
    escape_html(target, link, sizeof(link));
    snprintf(body, sizeof(body), "<a href=\"%s\">Moved Permanently</a>.\n\n", link);
    if (get)
        api_answer_with(call, 301, "text/html; charset=utf-8", slice_text(body), "Location",
                        target);
    else
        api_answer_with(call, 307, NULL, (struct slice){NULL, 0}, "Location", target);
}

static void answer_no_route(const struct api_call *call, struct slice path)
{
    uint8_t buffer[PATH_MAX_BYTES];
    struct slice mended = mend_path(path, buffer);
    const struct route *route = find_route(call->front, mended);
    if (route != NULL && slice_is(call->request->method, route->method))
        answer_redirect(call, mended);
    else
        api_answer_text(call, 404, "404 page not found\n");
}

static void answer_wrong_method(const struct api_call *call, const struct route *route)
{
    const struct http_header nosniff = {slice_text("X-Content-Type-Options"),
                                        slice_text("nosniff")};
    struct http_header headers[4];
    size_t count = cors_headers(call->front, call->request, headers);
    bool options = slice_is(call->request->method, "OPTIONS");
    headers[count++] = (struct http_header){slice_text("Allow"), slice_text(route->allow)};
    struct http_reply reply = {.status = 200, .headers = headers};
    if (!options) {
        headers[count++] = nosniff;
        reply.status = 405;
        reply.content_type = "text/plain; charset=utf-8";
        reply.body = slice_text("Method Not Allowed\n");
    }
    reply.header_count = count;
    http_reply(call->request, &reply);
}

void api_front_handle(void *context, struct http_request *request)
{
    struct api_front *front = context;
    struct slice path = request->path;
    struct api_call call = {.front = front,
                            .request = request,
                            .client = client_address(request, front->settings.trusted_proxies,
                                                     front->settings.trusted_proxy_count),
                            .route = "none"};
    if (cors_is_preflight(request)) {
        cors_answer_preflight(front, request);
        return;
    }
    if (slice_is(path, "*")) { /* OPTIONS, about the server as a whole (RFC 9110, section 9.3.7) */
        api_answer(&call, 200, NULL, (struct slice){NULL, 0});
        return;
    }
    call.token = take_token(&path);
    const struct route *route = find_route(front, path);
    if (route == NULL) {
        answer_no_route(&call, path);
        return;
    }
    call.route = route->path;
    if (!slice_is(request->method, route->method))
        answer_wrong_method(&call, route);
    else
        route->answer(&call);
}

void api_front_refuse(void *context UNUSED, int status, struct http_reply *reply)
{
    static const struct {
        int status;
        const char *body;
    } bodies[] = {
        {400, "{\"error\": \"bad_request\"}"},
        {408, "{\"error\": \"timeout\"}"},
        {413, "{\"error\": \"payload_too_large\"}"},
        {417, "{\"error\": \"expectation_failed\"}"},
        {431, "{\"error\": \"headers_too_large\"}"},
        {501, "{\"error\": \"not_implemented\"}"},
        {503, "{\"error\": \"unavailable\"}"},
        {505, "{\"error\": \"version_not_supported\"}"},
    };
    static const struct http_header vary = {{(const uint8_t *)"Vary", 4},
                                            {(const uint8_t *)"Origin", 6}};
    reply->content_type = "application/json";
    reply->headers = &vary;
    reply->header_count = 1;
    for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
        if (bodies[i].status == status)
            reply->body = slice_text(bodies[i].body);
    }
}

enum error api_front_new(const struct api_front_settings *settings, struct api_front **out)
{
    struct api_front *front = calloc(1, sizeof(*front));
    if (front == NULL)
        return ERR_MEMORY;
    front->settings = *settings;
    front->public_url = strdup(settings->public_url);
    if (front->public_url == NULL) {
        free(front);
        return ERR_MEMORY;
    }
    size_t length = strlen(front->public_url);
    while (length > 0 && front->public_url[length - 1] == '/')
        front->public_url[--length] = '\0';
    *out = front;
    return ERR_NONE;
}

void api_front_free(struct api_front *front)
{
    if (front == NULL)
        return;
    free(front->public_url);
    free(front);
}
