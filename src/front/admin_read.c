/*
 * What the operator may read. Each call opens a connection of its own, and its thread, which is the
 * operator's alone, is offline for RCU while it reads: a long listing never stands in the writer's
 * way.
 */
#include <urcu/urcu-qsbr.h>

#include "base/encoding.h"
#include "front/admin_private.h"
#include "front/ledger_json.h"

enum { LEDGER_PAGE_MAX = 1000 };

/* ---- /admin/status ---- */

static json_t *zones_json(const struct admin_front *front)
{
    json_t *list = json_array();
    struct service *service = front->settings.service;
    for (size_t i = 0; i < service_zone_count(service); i++) {
        uint16_t id = service_zone_id(service, i);
        json_array_append_new(
            list, json_pack("{s:s, s:I}", "name", service_zone_name(service, id), "serial",
                            (json_int_t)index_serial(service_index(service), id)));
    }
    return list;
}

static json_t *dns_json(const struct dns_front *dns)
{
    struct dns_counters counters = dns_front_counters(dns);
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "udp_queries",
        (json_int_t)counters.udp_queries, "tcp_queries", (json_int_t)counters.tcp_queries,
        "answers_noerror", (json_int_t)counters.answers_noerror, "answers_nxdomain",
        (json_int_t)counters.answers_nxdomain, "answers_refused",
        (json_int_t)counters.answers_refused, "answers_other", (json_int_t)counters.answers_other,
        "dropped", (json_int_t)counters.dropped, "truncated", (json_int_t)counters.truncated,
        "tcp_connections", (json_int_t)counters.tcp_connections);
}

void admin_status(const struct admin_call *call)
{
    const struct admin_front_settings *settings = &call->front->settings;
    struct service_status status;
    service_status(settings->service, &status);
    int64_t up_ms = clock_monotonic_ms(settings->clock) - call->front->started_ms;
    admin_answer(
        call, 200,
        json_pack(
            "{s:s, s:s, s:I, s:I, s:s, s:s, s:o, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:I,"
            " s:I, s:o, s:{s:I}}",
            "version", LOCUM_VERSION, "node", settings->node, "node_id",
            (json_int_t)service_node(settings->service), "uptime_s", (json_int_t)(up_ms / 1000),
            "storage", status.storage == STORAGE_OK ? "ok" : "failing", "storage_why",
            status.storage_why, "zones", zones_json(call->front), "delegates",
            (json_int_t)status.delegates, "keys", (json_int_t)status.keys, "registration",
            service_registration_policy(settings->service), "sequence", (json_int_t)status.sequence,
            "queue", (json_int_t)status.queue, "commits", (json_int_t)status.commits, "operations",
            (json_int_t)status.operations, "failures", (json_int_t)status.failures,
            "sightings_lost", (json_int_t)status.sightings_lost, "dns", dns_json(settings->dns),
            "api", "connections", (json_int_t)http_server_connections(settings->api)));
}

/* ---- listings ---- */

struct listing {
    json_t *rows;
    size_t limit;
    bool more;
};

/* Opens a connection to read from. The writer need not wait for this thread until close_reader():
 * nothing that a reader of the index borrows may be used between the two. */
static enum error open_reader(const struct admin_call *call, struct db **db)
{
    char why[256] = "";
    urcu_qsbr_thread_offline();
    enum error error = service_open_reader(call->front->settings.service, db, why, sizeof(why));
    if (error == ERR_NONE)
        return ERR_NONE;
    urcu_qsbr_thread_online();
    LOG(call->front->settings.log, LOG_LEVEL_ERROR, "admin_read_failed", LOG_TEXT("why", why));
    return error;
}

/* ERROR is what the reading came to. */
static void close_reader(const struct admin_call *call, struct db *db, enum error error)
{
    if (error == ERR_STORAGE)
        LOG(call->front->settings.log, LOG_LEVEL_ERROR, "admin_read_failed",
            LOG_TEXT("why", db_why(db)));
    db_close(db);
    urcu_qsbr_thread_online();
}

/* Runs STATEMENT on a connection of its own. */
static enum error list(const struct admin_call *call, enum statement statement,
                       const struct db_value *values, size_t count, db_row_function *row,
                       struct listing *listing)
{
    struct db *db;
    enum error error = open_reader(call, &db);
    if (error != ERR_NONE)
        return error;
    error = db_run(db, statement, values, count, row, listing);
    close_reader(call, db, error);
    return error;
}

static enum error take_ledger_row(void *context, const struct db_row *row)
{
    struct listing *listing = context;
    if (json_array_size(listing->rows) == listing->limit) {
        listing->more = true;
        return ERR_NONE;
    }
    json_t *json = ledger_row_json(row);
    return json_array_append_new(listing->rows, json) == 0 ? ERR_NONE : ERR_MEMORY;
}

void admin_ledger(const struct admin_call *call)
{
    struct slice delegate = admin_query_text(call, "delegate");
    int64_t limit = admin_query_integer(call, "limit", 100);
    if (limit < 1 || limit > LEDGER_PAGE_MAX)
        limit = LEDGER_PAGE_MAX;
    const int64_t own = (int64_t)service_node(call->front->settings.service);
    const struct db_value node = DB_OF_INT(admin_query_integer(call, "node", own));
    const struct db_value after = DB_OF_INT(admin_query_integer(call, "after", 0));
    const struct db_value count = DB_OF_INT(limit + 1); /* one more tells whether there is more */
    const struct db_value all[] = {node, after, count};
    const struct db_value one[] = {node, after, DB_OF_SLICE(delegate), count};
    struct listing listing = {.rows = json_array(), .limit = (size_t)limit};
    enum error error = delegate.length == 0 ? list(call, SQL_LEDGER_PAGE, all, ARRAY_LENGTH(all),
                                                   take_ledger_row, &listing)
                                            : list(call, SQL_LEDGER_PAGE_OF_DELEGATE, one,
                                                   ARRAY_LENGTH(one), take_ledger_row, &listing);
    if (error == ERR_NONE) {
        admin_answer(call, 200,
                     json_pack("{s:o, s:b}", "rows", listing.rows, "more", (int)listing.more));
        return;
    }
    json_decref(listing.rows);
    admin_answer_error(call, error);
}

static enum error take_token(void *context, const struct db_row *row)
{
    struct listing *listing = context;
    json_t *revoked = db_is_null(row, 4) ? json_null() : json_integer(db_integer(row, 4));
    json_t *json =
        json_pack("{s:I, s:o, s:I, s:I, s:o}", "id", (json_int_t)db_integer(row, 0), "note",
                  admin_text(row, 1), "created_ms", (json_int_t)db_integer(row, 2), "uses",
                  (json_int_t)db_integer(row, 3), "revoked_ms", revoked);
    return json_array_append_new(listing->rows, json) == 0 ? ERR_NONE : ERR_MEMORY;
}

void admin_tokens(const struct admin_call *call)
{
    struct listing listing = {.rows = json_array()};
    enum error error = list(call, SQL_TOKEN_LIST, NULL, 0, take_token, &listing);
    if (error == ERR_NONE) {
        admin_answer(call, 200, json_pack("{s:o}", "tokens", listing.rows));
        return;
    }
    json_decref(listing.rows);
    admin_answer_error(call, error);
}

/* ---- /admin/delegates/LABEL ---- */

static enum error take_value(void *context, const struct db_row *row)
{
    struct listing *listing = context;
    json_t *json =
        json_pack("{s:o, s:I, s:I}", "txt", admin_text(row, 1), "added_ms",
                  (json_int_t)db_integer(row, 2), "sequence", (json_int_t)db_integer(row, 0));
    return json_array_append_new(listing->rows, json) == 0 ? ERR_NONE : ERR_MEMORY;
}

/* The prefixes of a key, stored with one space between, as a list. */
static json_t *prefixes_json(struct slice text)
{
    json_t *prefixes = json_array();
    while (text.length > 0) {
        size_t end = slice_find(text, ' ');
        json_array_append_new(prefixes, json_stringn((const char *)text.data, end));
        text = slice_from(text, end + 1);
    }
    return prefixes;
}

static enum error take_key(void *context, const struct db_row *row)
{
    struct listing *listing = context;
    char id[UUID_TEXT_LENGTH + 1] = "";
    struct slice bytes = db_bytes(row, 0);
    if (bytes.length == 16)
        uuid_to_text(bytes.data, id);
    json_t *json =
        json_pack("{s:s, s:o, s:I}", "id", id, "allowfrom", prefixes_json(db_bytes(row, 1)),
                  "created_ms", (json_int_t)db_integer(row, 2));
    return json_array_append_new(listing->rows, json) == 0 ? ERR_NONE : ERR_MEMORY;
}

static enum error take_domain(void *context, const struct db_row *row)
{
    struct listing *listing = context;
    json_t *bound = db_is_null(row, 1) ? json_null() : json_integer(db_integer(row, 1));
    json_t *json = json_pack("{s:o, s:o}", "name", admin_text(row, 0), "bound_ms", bound);
    return json_array_append_new(listing->rows, json) == 0 ? ERR_NONE : ERR_MEMORY;
}

static enum error take_sighting(void *context, const struct db_row *row)
{
    struct listing *listing = context;
    const char *transport = db_integer(row, 2) == SIGHTING_TCP ? "tcp" : "udp";
    json_t *json = json_pack("{s:I, s:o, s:s, s:I}", "value_sequence",
                             (json_int_t)db_integer(row, 0), "prefix", admin_text(row, 1),
                             "transport", transport, "first_ms", (json_int_t)db_integer(row, 3));
    return json_array_append_new(listing->rows, json) == 0 ? ERR_NONE : ERR_MEMORY;
}

struct delegate_row {
    int64_t id, created_ms;
    bool found, used;
};

static enum error take_delegate(void *context, const struct db_row *row)
{
    struct delegate_row *out = context;
    *out = (struct delegate_row){db_integer(row, 0), db_integer(row, 3), true,
                                 db_integer(row, 4) != 0};
    return ERR_NONE;
}

/* Adds what STATEMENT lists for the delegate to ANSWER, under NAME. */
static enum error add_list(struct db *db, enum statement statement, int64_t delegate,
                           db_row_function *row, json_t *answer, const char *name)
{
    const struct db_value id = DB_OF_INT(delegate);
    struct listing listing = {.rows = json_array()};
    enum error error = db_run(db, statement, &id, 1, row, &listing);
    if (error == ERR_NONE && json_object_set(answer, name, listing.rows) != 0)
        error = ERR_MEMORY;
    json_decref(listing.rows);
    return error;
}

static enum error describe(struct db *db, uint16_t zone, struct slice label, json_t *answer)
{
    const struct db_value values[] = {DB_OF_INT(zone), DB_OF_SLICE(label)};
    struct delegate_row row = {0};
    enum error error =
        db_run(db, SQL_DELEGATE_FIND, values, ARRAY_LENGTH(values), take_delegate, &row);
    if (error != ERR_NONE)
        return error;
    if (!row.found)
        return ERR_NOT_FOUND;
    json_object_set_new(answer, "created_ms", json_integer(row.created_ms));
    json_object_set_new(answer, "used", json_boolean(row.used));
    error = add_list(db, SQL_VALUES_OF_DELEGATE, row.id, take_value, answer, "values");
    if (error == ERR_NONE)
        error = add_list(db, SQL_KEYS_OF_DELEGATE, row.id, take_key, answer, "keys");
    if (error == ERR_NONE)
        error = add_list(db, SQL_DOMAINS_OF_DELEGATE, row.id, take_domain, answer, "domains");
    if (error == ERR_NONE)
        error = add_list(db, SQL_SIGHTINGS_OF_DELEGATE, row.id, take_sighting, answer, "sightings");
    return error;
}

void admin_delegate(const struct admin_call *call)
{
    struct service *service = call->front->settings.service;
    uint16_t zone = service_find_label(service, call->rest);
    const char *zone_name = zone == 0 ? NULL : service_zone_name(service, zone);
    struct db *db;
    if (zone_name == NULL) {
        admin_answer_error(call, ERR_NOT_FOUND);
        return;
    }
    json_t *answer = json_pack(
        "{s:o, s:s%, s:s}", "fulldomain",
        json_sprintf("%.*s.%s", (int)call->rest.length, (const char *)call->rest.data, zone_name),
        "subdomain", (const char *)call->rest.data, call->rest.length, "zone", zone_name);
    enum error error = answer == NULL ? ERR_MEMORY : open_reader(call, &db);
    if (error == ERR_NONE) {
        error = describe(db, zone, call->rest, answer);
        close_reader(call, db, error);
    }
    if (error == ERR_NONE) {
        admin_answer(call, 200, answer);
        return;
    }
    json_decref(answer);
    admin_answer_error(call, error);
}
