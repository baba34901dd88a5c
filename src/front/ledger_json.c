/*
 * Ledger rows as JSON (see ledger_json.h).
 */
#include "front/ledger_json.h"

#include "base/encoding.h"

/* Texts are UTF-8 when they are stored. One that was damaged since is shown as "?": the chain, or
 * what was committed to, then does not verify either. */
static json_t *text_json(const struct db_row *row, int column)
{
    struct slice text = db_bytes(row, column);
    if (text.length == 0)
        return json_string(""); /* its address may be NULL, which jansson refuses */
    json_t *string = json_stringn((const char *)text.data, text.length);
    return string == NULL ? json_string("?") : string;
}

static json_t *hex_json(const struct db_row *row, int column)
{
    char digits[2 * 64 + 1] = "";
    struct slice bytes = db_bytes(row, column);
    if (bytes.length <= 64)
        hex_encode(bytes, digits);
    return json_string(digits);
}

json_t *ledger_row_json(const struct db_row *row)
{
    return json_pack(
        "{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "node",
        (json_int_t)db_integer(row, 0), "sequence", (json_int_t)db_integer(row, 1), "time_ms",
        (json_int_t)db_integer(row, 2), "kind", text_json(row, 3), "zone", text_json(row, 4),
        "delegate", text_json(row, 5), "key", text_json(row, 6), "detail", text_json(row, 7),
        "change", (json_int_t)db_integer(row, 8), "operation", hex_json(row, 9), "commitment",
        hex_json(row, 10), "previous", hex_json(row, 11), "hash", hex_json(row, 12), "salt",
        hex_json(row, 13), "address", text_json(row, 14), "user_agent", text_json(row, 15));
}
