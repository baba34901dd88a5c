/*
 * The operator's door: who may come in, and the routes (see admin_front.h).
 */
#include "front/admin_front.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>
#include <urcu/urcu-qsbr.h>

#include "front/admin_private.h"

struct admin_route {
    const char *method;
    const char *path;
    bool has_rest; /* the path goes on behind a slash */
    void (*answer)(const struct admin_call *call);
};

static const struct admin_route routes[] = {
    {"GET", "/admin/status", false, admin_status},
    {"GET", "/admin/ledger", false, admin_ledger},
    {"POST", "/admin/ledger/erase", false, admin_ledger_erase},
    {"GET", "/admin/tokens", false, admin_tokens},
    {"POST", "/admin/tokens", false, admin_token_new},
    {"DELETE", "/admin/tokens/", true, admin_token_revoke},
    {"GET", "/admin/delegates/", true, admin_delegate},
    {"DELETE", "/admin/delegates/", true, admin_delegate_remove},
};

/* ---- who may come in ---- */

/* Whether the user UID is in GROUP, as its main group or another. */
static bool is_member(uid_t uid, gid_t group)
{
    enum { GROUPS_MAX = 128, ENTRY_MAX = 4096 };
    struct passwd entry, *found = NULL;
    char buffer[ENTRY_MAX];
    gid_t groups[GROUPS_MAX];
    int count = GROUPS_MAX;
    if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) != 0 || found == NULL)
        return false;
    if (getgrouplist(entry.pw_name, entry.pw_gid, groups, &count) < 0)
        return false;
    for (int i = 0; i < count; i++) {
        if (groups[i] == group)
            return true;
    }
    return false;
}

/* Offline for RCU: a directory service may take its time over the group. */
static bool is_in_group(const struct http_request *request, gid_t group)
{
    urcu_qsbr_thread_offline();
    bool member = request->peer_gid == group || is_member(request->peer_uid, group);
    urcu_qsbr_thread_online();
    return member;
}

static bool may_enter(const struct admin_front *front, const struct http_request *request)
{
    gid_t group = front->settings.admin_group;
    if (request->peer.family != 0 || request->peer_uid == (uid_t)-1)
        return false;
    if (request->peer_uid == 0 || request->peer_uid == geteuid())
        return true;
    return group != (gid_t)-1 && is_in_group(request, group);
}

/* ---- answers ---- */

void admin_answer(const struct admin_call *call, int status, json_t *body)
{
    char *text = body == NULL ? NULL : json_dumps(body, 0);
    json_decref(body);
    struct http_reply reply = {.status = status, .content_type = "application/json"};
    if (text == NULL) {
        reply.status = 503;
        reply.body = slice_text("{\"error\": \"unavailable\"}");
    } else {
        reply.body = slice_text(text);
    }
    http_reply(call->request, &reply);
    free(text);
}

void admin_answer_error(const struct admin_call *call, enum error error)
{
    int status = error == ERR_FORBIDDEN ? 403 : error_info(error)->http_status;
    admin_answer(call, status, json_pack("{s:s}", "error", error_info(error)->acmedns_word));
}

struct origin admin_origin(const struct admin_call *call)
{
    return (struct origin){.address = call->request->peer,
                           .user_agent = http_header_get(call->request, "User-Agent"),
                           .request_id = call->request->id};
}

struct slice admin_query_text(const struct admin_call *call, const char *name)
{
    struct slice query = call->request->query;
    while (query.length > 0) {
        size_t end = slice_find(query, '&');
        struct slice pair = slice_of(query.data, end);
        size_t equals = slice_find(pair, '=');
        if (slice_is(slice_of(pair.data, equals), name))
            return slice_from(pair, equals + 1);
        query = slice_from(query, end + 1);
    }
    return (struct slice){NULL, 0};
}

int64_t admin_query_integer(const struct admin_call *call, const char *name, int64_t default_)
{
    char text[24], *end;
    struct slice value = admin_query_text(call, name);
    if (value.length == 0 || slice_to_text(value, text, sizeof(text)) != ERR_NONE)
        return default_;
    int64_t number = strtoll(text, &end, 10);
    return *end == '\0' ? number : default_;
}

json_t *admin_text(const struct db_row *row, int column)
{
    struct slice text = db_bytes(row, column);
    json_t *string = json_stringn((const char *)text.data, text.length);
    return string == NULL ? json_string("") : string; /* not UTF-8: can't be shown */
}

/* ---- routing ---- */

static bool matches(const struct admin_route *route, struct slice path)
{
    if (!route->has_rest)
        return slice_is(path, route->path);
    struct slice rest = slice_from(path, strlen(route->path));
    return slice_starts(path, route->path) && rest.length > 0 &&
           slice_find(rest, '/') == rest.length;
}

void admin_front_handle(void *context, struct http_request *request)
{
    struct admin_call call = {.front = context, .request = request};
    bool known_path = false;
    if (!may_enter(call.front, request)) {
        LOG(call.front->settings.log, LOG_LEVEL_WARNING, "admin_refused",
            LOG_INT("uid", request->peer_uid));
        admin_answer_error(&call, ERR_FORBIDDEN);
        return;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(routes); i++) {
        if (!matches(&routes[i], request->path))
            continue;
        known_path = true;
        if (!slice_is(request->method, routes[i].method))
            continue;
        if (routes[i].has_rest)
            call.rest = slice_from(request->path, strlen(routes[i].path));
        routes[i].answer(&call);
        return;
    }
    admin_answer_error(&call, known_path ? ERR_METHOD : ERR_NOT_FOUND);
}

void admin_front_refuse(void *context UNUSED, int status UNUSED, struct http_reply *reply)
{
    reply->content_type = "application/json";
    reply->body = slice_text("{\"error\": \"bad_request\"}");
}

enum error admin_front_new(const struct admin_front_settings *settings, struct admin_front **out)
{
    struct admin_front *front = calloc(1, sizeof(*front));
    if (front == NULL)
        return ERR_MEMORY;
    front->settings = *settings;
    front->started_ms = clock_monotonic_ms(settings->clock);
    *out = front;
    return ERR_NONE;
}

void admin_front_free(struct admin_front *front)
{
    free(front);
}
