/*
 * The ledger's rows from locumd's socket: see ledger_source.h.
 */
#include "base/encoding.h"
#include "cli/admin_client.h"
#include "cli/ledger_source.h"

/* The member NAME; false if it is no string. */
static bool text_member(json_t *row, const char *name, struct slice *out)
{
    json_t *member = json_object_get(row, name);
    if (!json_is_string(member))
        return false;
    *out = slice_of(json_string_value(member), json_string_length(member));
    return true;
}

/* Decodes the hexadecimal member NAME, at most MAX bytes, to *AT, which moves on. */
static bool hex_member(json_t *row, const char *name, size_t max, uint8_t **at, struct slice *out)
{
    struct slice text;
    if (!text_member(row, name, &text) || text.length % 2 != 0 || text.length / 2 > max ||
        hex_decode(text, *at, text.length / 2) != ERR_NONE)
        return false;
    *out = slice_of(*at, text.length / 2);
    *at += text.length / 2;
    return true;
}

static bool hash_member(json_t *row, const char *name, uint8_t out[LEDGER_HASH_LENGTH])
{
    struct slice text;
    return text_member(row, name, &text) && hex_decode(text, out, LEDGER_HASH_LENGTH) == ERR_NONE;
}

bool ledger_record_of_json(json_t *row, uint8_t bytes[LEDGER_ROW_BYTES], struct ledger_record *out)
{
    struct ledger_record record = {0};
    uint8_t *at = bytes;
    record.row.node = (uint64_t)member_number(row, "node");
    record.row.sequence = (uint64_t)member_number(row, "sequence");
    record.row.time_ms = member_number(row, "time_ms");
    record.row.change = (uint64_t)member_number(row, "change");
    bool read =
        text_member(row, "kind", &record.row.kind) && text_member(row, "zone", &record.row.zone) &&
        text_member(row, "delegate", &record.row.delegate) &&
        text_member(row, "key", &record.row.key_id) &&
        text_member(row, "detail", &record.row.detail) &&
        text_member(row, "address", &record.address) &&
        text_member(row, "user_agent", &record.user_agent) &&
        hex_member(row, "operation", 16, &at, &record.row.operation) &&
        hex_member(row, "commitment", LEDGER_HASH_LENGTH, &at, &record.row.commitment) &&
        hex_member(row, "salt", 256, &at, &record.salt) &&
        hash_member(row, "previous", record.row.previous) && hash_member(row, "hash", record.hash);
    record.has_private = record.salt.length > 0;
    if (read)
        *out = record;
    return read;
}

/* Hands the rows of one page on. False if TAKE has enough, or if a row can't be read. */
static bool walk_page(json_t *rows, ledger_taker *take, void *context, uint64_t *after,
                      bool *readable)
{
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        uint8_t bytes[LEDGER_ROW_BYTES];
        struct ledger_record record;
        /* Rows that do not advance would be asked for again and again. */
        *readable = ledger_record_of_json(row, bytes, &record) && record.row.sequence > *after;
        if (!*readable || !take(context, &record))
            return false;
        *after = record.row.sequence;
    }
    return json_array_size(rows) > 0;
}

enum exit_code ledger_walk_admin(struct http_client *http, ledger_taker *take, void *context)
{
    uint64_t after = 0;
    for (bool more = true; more;) {
        char path[96];
        json_t *page = NULL;
        bool readable = true;
        (void)snprintf(path, sizeof(path), "/admin/ledger?after=%llu&limit=%d",
                       (unsigned long long)after, LEDGER_PAGE);
        enum exit_code result = admin_call(http, "GET", path, NULL, &page);
        if (result != EXIT_DONE)
            return result;
        more = walk_page(json_object_get(page, "rows"), take, context, &after, &readable) &&
               json_is_true(json_object_get(page, "more"));
        json_decref(page);
        if (!readable)
            return output_fail(http->output, EXIT_FAILED, "unexpected_answer",
                               "locumd gave a ledger row that can't be read, after sequence %llu.",
                               (unsigned long long)after);
    }
    return EXIT_DONE;
}
