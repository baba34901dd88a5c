/*
 * locum status: what the running locumd says of itself, as a table.
 */
#include "cli/admin_client.h"
#include "cli/command.h"

enum { TEXT_MAX = 512 };

static void duration_to_text(int64_t seconds, char *out, size_t size)
{
    long long days = seconds / 86400;
    long long hours = seconds / 3600 % 24;
    long long minutes = seconds / 60 % 60;
    if (days > 0)
        (void)snprintf(out, size, "%lld d %lld h", days, hours);
    else if (hours > 0)
        (void)snprintf(out, size, "%lld h %lld min", hours, minutes);
    else
        (void)snprintf(out, size, "%lld min %lld s", minutes, (long long)(seconds % 60));
}

static void print_row(const struct output *output, const char *name, const char *text)
{
    char clean[TEXT_MAX];
    (void)snprintf(clean, sizeof(clean), "%s", text);
    output_clean(clean);
    output_text(output, "%-14s %s\n", name, clean);
}

static void print_number(const struct output *output, const char *name, int64_t number)
{
    output_text(output, "%-14s %lld\n", name, (long long)number);
}

/* Every number of the object MEMBER, whatever this version of locumd counts. */
static void print_counters(const struct output *output, const char *title, json_t *counters)
{
    const char *name;
    json_t *value;
    json_object_foreach(counters, name, value)
    {
        char text[TEXT_MAX];
        (void)snprintf(text, sizeof(text), "%-20.100s %12lld", name,
                       (long long)json_integer_value(value));
        print_row(output, title, text);
        title = "";
    }
}

static void print_head(const struct output *output, json_t *status)
{
    char text[TEXT_MAX];
    char up[64];
    duration_to_text(member_number(status, "uptime_s"), up, sizeof(up));
    (void)snprintf(text, sizeof(text), "%.100s, version %.40s, up %s", member_text(status, "node"),
                   member_text(status, "version"), up);
    print_row(output, "node", text);
    const char *why = member_text(status, "storage_why");
    (void)snprintf(text, sizeof(text), "%.40s%s%.300s", member_text(status, "storage"),
                   why[0] != 0 ? ": " : "", why);
    print_row(output, "storage", text);
    print_row(output, "registration", member_text(status, "registration"));
}

static void print_work(const struct output *output, json_t *status)
{
    char text[TEXT_MAX];
    print_number(output, "delegates", member_number(status, "delegates"));
    print_number(output, "API keys", member_number(status, "keys"));
    (void)snprintf(
        text, sizeof(text),
        "%lld operations in %lld commits, %lld failures, %lld waiting; sequence %lld",
        (long long)member_number(status, "operations"), (long long)member_number(status, "commits"),
        (long long)member_number(status, "failures"), (long long)member_number(status, "queue"),
        (long long)member_number(status, "sequence"));
    print_row(output, "writer", text);
    (void)snprintf(text, sizeof(text), "%lld lost",
                   (long long)member_number(status, "sightings_lost"));
    print_row(output, "sightings", text);
}

static void print_zones(const struct output *output, json_t *zones)
{
    const char *title = "zones";
    size_t index;
    json_t *zone;
    json_array_foreach(zones, index, zone)
    {
        char text[TEXT_MAX];
        (void)snprintf(text, sizeof(text), "%.300s, serial %lld", member_text(zone, "name"),
                       (long long)member_number(zone, "serial"));
        print_row(output, title, text);
        title = "";
    }
}

static void print_status(const struct output *output, json_t *status)
{
    print_head(output, status);
    print_zones(output, json_object_get(status, "zones"));
    print_work(output, status);
    print_counters(output, "dns", json_object_get(status, "dns"));
    print_counters(output, "api", json_object_get(status, "api"));
}

static enum exit_code run(const struct arguments *arguments, const struct output *output)
{
    struct http_client http;
    json_t *status = NULL;
    enum exit_code result = admin_init(arguments, output, &http);
    if (result != EXIT_DONE)
        return result;
    result = admin_call(&http, "GET", "/admin/status", NULL, &status);
    if (result == EXIT_DONE) {
        bool failing = strcmp(member_text(status, "storage"), "failing") == 0;
        if (output->json)
            result = output_json(output, json_incref(status));
        else
            print_status(output, status);
        if (failing && result == EXIT_DONE)
            result = output_fail(output, EXIT_UNREACHABLE, "storage",
                                 "locumd can't write its database; changes are refused until it "
                                 "can, and DNS serves what it had.");
    }
    json_decref(status);
    http_client_fini(&http);
    return result;
}

const struct command status_command = {
    .name = "status",
    .summary = "show how the running locumd does",
    .operands = "",
    .about = "Shows node, storage, zones, delegates, the writer's work and the DNS counters. Ends\n"
             "with 4 if locumd does not run or can't write its database.",
    .example = "  locum status --json | jq .dns",
    .accepted = OPTIONS_ADMIN,
    .exits = EXITS_FAILED | EXITS_UNREACHABLE,
    .run = run,
};
