/*
 * locum ledger: what happened to delegates; whether its chain is whole; erasing addresses from it.
 */
#include "base/ascii.h"
#include "base/encoding.h"
#include "cli/admin_client.h"
#include "cli/command.h"
#include "cli/ledger_source.h"

enum { LINE_MAX_BYTES = 2048, WHY_MAX = 256 };

static bool is_label(const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        if (!ascii_is_alphanumeric((uint8_t)text[i]) && text[i] != '-' && text[i] != '_')
            return false;
    }
    return length > 0 && length <= DNS_LABEL_MAX;
}

/* --delegate may be the whole name: its first label is what counts. */
static enum exit_code delegate_label(const struct arguments *arguments, const struct output *output,
                                     char out[DNS_LABEL_MAX + 1])
{
    const char *given = arguments->options[OPTION_DELEGATE];
    out[0] = 0;
    if (given == NULL)
        return EXIT_DONE;
    (void)snprintf(out, DNS_LABEL_MAX + 1, "%.*s", (int)strcspn(given, "."), given);
    if (strcspn(given, ".") > DNS_LABEL_MAX || !is_label(out))
        return output_fail(output, EXIT_USAGE, "usage",
                           "--delegate must be a delegate's label, the first part of its name.");
    for (char *at = out; *at != 0; at++)
        *at = (char)ascii_lower((uint8_t)*at);
    return EXIT_DONE;
}

/* One row for people: time, node/sequence, kind, name, then what is not empty. */
static void print_row(const struct output *output, json_t *row)
{
    static const struct {
        const char *name, *title;
    } rest[] = {{"detail", ""}, {"key", "key "}, {"address", "from "}, {"user_agent", "by "}};
    char line[LINE_MAX_BYTES];
    char time[TIME_TEXT_MAX];
    time_to_text(member_number(row, "time_ms"), time);
    const char *zone = member_text(row, "zone");
    int length = snprintf(line, sizeof(line), "%s  %lld/%-6lld  %-12s  %s%s%s", time,
                          (long long)member_number(row, "node"),
                          (long long)member_number(row, "sequence"), member_text(row, "kind"),
                          member_text(row, "delegate"), zone[0] != 0 ? "." : "", zone);
    for (size_t i = 0; i < ARRAY_LENGTH(rest); i++) {
        const char *text = member_text(row, rest[i].name);
        if (text[0] == 0 || length < 0 || (size_t)length >= sizeof(line))
            continue;
        length +=
            snprintf(line + length, sizeof(line) - (size_t)length, "  %s%s", rest[i].title, text);
    }
    output_clean(line);
    output_text(output, "%s\n", line);
}

/* Prints one page; *AFTER moves to its last row, *LEFT goes down. */
static enum exit_code print_page(const struct output *output, json_t *rows, int64_t *after,
                                 int64_t *left)
{
    enum exit_code result = EXIT_DONE;
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        if (output->json)
            result = output_json(output, json_incref(row));
        else
            print_row(output, row);
        *after = member_number(row, "sequence");
        (*left)--;
        if (result != EXIT_DONE)
            break;
    }
    return result;
}

static enum exit_code list(struct http_client *http, const char *delegate, int64_t after,
                           int64_t left)
{
    for (bool more = true; more && left > 0;) {
        char path[192];
        json_t *page = NULL;
        (void)snprintf(path, sizeof(path), "/admin/ledger?after=%lld&limit=%lld%s%s",
                       (long long)after, (long long)(left < LEDGER_PAGE ? left : LEDGER_PAGE),
                       delegate[0] != 0 ? "&delegate=" : "", delegate);
        enum exit_code result = admin_call(http, "GET", path, NULL, &page);
        if (result != EXIT_DONE)
            return result;
        json_t *rows = json_object_get(page, "rows");
        more = json_is_true(json_object_get(page, "more")) && json_array_size(rows) > 0;
        result = print_page(http->output, rows, &after, &left);
        json_decref(page);
        if (result != EXIT_DONE)
            return result;
    }
    return EXIT_DONE;
}

static enum exit_code run_list(const struct arguments *arguments, const struct output *output)
{
    struct http_client http;
    char delegate[DNS_LABEL_MAX + 1];
    int64_t after = 0;
    int64_t limit = 0;
    enum exit_code result = delegate_label(arguments, output, delegate);
    if (result == EXIT_DONE)
        result = arguments_number(arguments, OPTION_AFTER, 0, INT64_MAX, 0, output, &after);
    if (result == EXIT_DONE)
        result = arguments_number(arguments, OPTION_LIMIT, 1, INT64_MAX, INT64_MAX, output, &limit);
    if (result == EXIT_DONE)
        result = admin_init(arguments, output, &http);
    if (result != EXIT_DONE)
        return result;
    result = list(&http, delegate, after, limit);
    http_client_fini(&http);
    return result;
}

struct verification {
    struct ledger_verifier verifier;
    const char *fault; /* NULL while all is well */
    uint64_t node;     /* of the row at fault */
    uint64_t sequence;
};

static bool verify_row(void *context, const struct ledger_record *record)
{
    struct verification *verification = context;
    verification->fault = ledger_verifier_take(&verification->verifier, record);
    verification->node = record->row.node;
    verification->sequence = record->row.sequence;
    return verification->fault == NULL;
}

static enum exit_code report_fault(const struct output *output,
                                   const struct verification *verification)
{
    if (output->json) {
        enum exit_code result = output_json(
            output, json_pack("{s:b, s:I, s:I, s:s}", "verified", 0, "node",
                              (json_int_t)verification->node, "sequence",
                              (json_int_t)verification->sequence, "reason", verification->fault));
        if (result != EXIT_DONE)
            return result;
    }
    return output_fail(output, EXIT_FAILED, "ledger_broken",
                       "the ledger does not verify: row %llu of node %llu %s; keep the database as "
                       "it is and compare it with a backup.",
                       (unsigned long long)verification->sequence,
                       (unsigned long long)verification->node, verification->fault);
}

static enum exit_code report(const struct output *output, const struct verification *verification)
{
    const struct ledger_verifier *verifier = &verification->verifier;
    char hash[2 * LEDGER_HASH_LENGTH + 1];
    if (verification->fault != NULL)
        return report_fault(output, verification);
    hex_encode(slice_of(verifier->hash, sizeof(verifier->hash)), hash);
    if (output->json)
        return output_json(output, json_pack("{s:b, s:I, s:I, s:I, s:I, s:s}", "verified", 1,
                                             "rows", (json_int_t)verifier->rows, "nodes",
                                             (json_int_t)verifier->nodes, "erased",
                                             (json_int_t)verifier->erased, "sequence",
                                             (json_int_t)verifier->sequence, "hash", hash));
    output_text(output,
                "The ledger verifies: %llu rows of %llu node%s, %llu of them with address erased.\n"
                "It ends with row %llu, hash %s.\n",
                (unsigned long long)verifier->rows, (unsigned long long)verifier->nodes,
                verifier->nodes == 1 ? "" : "s", (unsigned long long)verifier->erased,
                (unsigned long long)verifier->sequence, hash);
    return EXIT_DONE;
}

static enum exit_code walk_socket(const struct arguments *arguments, const struct output *output,
                                  struct verification *verification)
{
    struct http_client http;
    enum exit_code result = admin_init(arguments, output, &http);
    if (result != EXIT_DONE)
        return result;
    result = ledger_walk_admin(&http, verify_row, verification);
    http_client_fini(&http);
    return result;
}

static enum exit_code walk_file(const char *path, const struct output *output,
                                struct verification *verification)
{
    char why[WHY_MAX] = "";
    switch (ledger_file_walk(path, verify_row, verification, why, sizeof(why))) {
    case ERR_NONE:
        return EXIT_DONE;
    case ERR_NOT_FOUND:
        return output_fail(output, EXIT_USAGE, "usage", "there is no file %s.", path);
    case ERR_MALFORMED:
        return output_fail(output, EXIT_FAILED, "database_malformed",
                           "%s is damaged or no database of locum's: %s.", path, why);
    default:
        return output_fail(output, EXIT_UNREACHABLE, "storage",
                           "cannot read %s: %s; run this as root or as locumd's user.", path, why);
    }
}

static enum exit_code run_verify(const struct arguments *arguments, const struct output *output)
{
    const char *database = arguments->options[OPTION_DATABASE];
    struct verification verification = {0};
    ledger_verifier_init(&verification.verifier);
    enum exit_code result = database != NULL ? walk_file(database, output, &verification)
                                             : walk_socket(arguments, output, &verification);
    return result == EXIT_DONE ? report(output, &verification) : result;
}

/* Reads YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ. */
static bool date_to_ms(const char *text, int64_t *out)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"};
    for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
        struct tm time = {0};
        const char *end = strptime(text, forms[i], &time);
        int day = time.tm_mday;
        if (end == NULL || *end != 0)
            continue;
        time_t seconds = timegm(&time);
        *out = (int64_t)seconds * 1000;
        return time.tm_mday == day; /* not 2026-02-30 */
    }
    return false;
}

static enum exit_code erase_request(const struct arguments *arguments, const struct output *output,
                                    json_t **out)
{
    const char *before = arguments->options[OPTION_BEFORE];
    char delegate[DNS_LABEL_MAX + 1];
    int64_t before_ms = 0;
    if ((before != NULL) == (arguments->options[OPTION_DELEGATE] != NULL))
        return output_fail(output, EXIT_USAGE, "usage",
                           "\"locum ledger erase\" needs either --delegate LABEL or --before "
                           "DATE.");
    if (before != NULL && !date_to_ms(before, &before_ms))
        return output_fail(output, EXIT_USAGE, "usage",
                           "--before is \"%s\", but must be a date such as 2026-01-31 or "
                           "2026-01-31T12:00:00Z.",
                           before);
    enum exit_code result = delegate_label(arguments, output, delegate);
    if (result != EXIT_DONE)
        return result;
    *out = before != NULL ? json_pack("{s:I}", "before_ms", (json_int_t)before_ms)
                          : json_pack("{s:s}", "delegate", delegate);
    return *out != NULL ? EXIT_DONE : output_no_memory(output);
}

static enum exit_code run_erase(const struct arguments *arguments, const struct output *output)
{
    struct http_client http;
    json_t *request = NULL;
    json_t *answer = NULL;
    enum exit_code result = erase_request(arguments, output, &request);
    if (result != EXIT_DONE)
        return result;
    result = admin_init(arguments, output, &http);
    if (result != EXIT_DONE) {
        json_decref(request);
        return result;
    }
    result = admin_call(&http, "POST", "/admin/ledger/erase", request, &answer);
    if (result == EXIT_DONE && output->json)
        result = output_json(output, json_incref(answer));
    else if (result == EXIT_DONE)
        output_text(output, "Address and user agent of %lld rows are erased.\n",
                    (long long)member_number(answer, "erased"));
    json_decref(answer);
    http_client_fini(&http);
    return result;
}

const struct command ledger_command = {
    .name = "ledger",
    .summary = "list what happened to delegates",
    .operands = "",
    .about = "Lists the ledger's rows, oldest first: who registered, updated and cleared, with\n"
             "which API key, from where. With --json one object a line.",
    .example = "  locum ledger --delegate 0f4a7a1c-3f5b-4a8e-9a53-b0a6f1d9c0de",
    .accepted = OPTIONS_ADMIN | OPTION_BIT(OPTION_DELEGATE) | OPTION_BIT(OPTION_AFTER) |
                OPTION_BIT(OPTION_LIMIT),
    .exits = EXITS_FAILED | EXITS_UNREACHABLE,
    .run = run_list,
};

const struct command ledger_verify_command = {
    .name = "ledger verify",
    .summary = "check that no row of the ledger was changed or removed",
    .operands = "",
    .about =
        "Walks the ledger from its first row and computes every hash anew: sequences without a\n"
        "gap, each row holding the hash of the row before it, addresses as committed to (or\n"
        "erased). Names the first row that is wrong and ends with 1. Note the last row's hash\n"
        "somewhere else: rows cut off at the end are found by it alone. With --database the\n"
        "SQLite file is read directly, also while locumd runs or is down.",
    .example = "  locum ledger verify --database /var/lib/locum/locum.db",
    .accepted = OPTIONS_ADMIN | OPTION_BIT(OPTION_DATABASE),
    .exits = EXITS_FAILED | EXITS_UNREACHABLE,
    .run = run_verify,
};

const struct command ledger_erase_command = {
    .name = "ledger erase",
    .summary = "erase addresses and user agents from the ledger",
    .operands = "",
    .about = "Erases the addresses and user agents of one delegate, or of all rows before a date,\n"
             "for good. The rows stay, and the ledger still verifies.",
    .example = "  locum ledger erase --before 2026-01-01",
    .accepted = OPTIONS_ADMIN | OPTION_BIT(OPTION_DELEGATE) | OPTION_BIT(OPTION_BEFORE),
    .exits = EXITS_FAILED | EXITS_UNREACHABLE,
    .run = run_erase,
};
