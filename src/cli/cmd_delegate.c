/*
 * locum delegate: one delegate as the operator sees it, and its removal.
 */
#include "base/encoding.h"
#include "cli/admin_client.h"
#include "cli/command.h"

enum { PATH_TEXT_MAX = 128 };

/* Asks METHOD of the delegate that the first operand names. */
static enum exit_code call(struct http_client *http, const char *method,
                           const struct arguments *arguments, json_t **answer)
{
    char path[PATH_TEXT_MAX];
    const char *label = arguments->operands[0];
    size_t length = strlen(label);
    if (length == 0 || length > DNS_LABEL_MAX ||
        strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != length)
        return output_fail(http->output, EXIT_USAGE, "usage",
                           "that is no delegate's label: name it by the first part of the CNAME's "
                           "target, in lower case.");
    (void)snprintf(path, sizeof(path), "/admin/delegates/%s", label);
    return admin_call(http, method, path, NULL, answer);
}

static void print_values(const struct output *output, json_t *values)
{
    size_t index;
    json_t *value;
    json_array_foreach(values, index, value)
    {
        char added[TIME_TEXT_MAX];
        time_to_text(member_number(value, "added_ms"), added);
        output_text(output, "value     %s  %s\n", added, member_text(value, "txt"));
    }
}

static void print_keys(const struct output *output, json_t *keys)
{
    size_t index;
    json_t *key;
    json_array_foreach(keys, index, key)
    {
        size_t prefixes = json_array_size(json_object_get(key, "allowfrom"));
        output_text(output, "API key   %s, allowed from %s\n", member_text(key, "id"),
                    prefixes == 0 ? "everywhere" : "some prefixes (--json lists them)");
    }
}

static void print_rest(const struct output *output, json_t *delegate)
{
    size_t index;
    json_t *item;
    json_array_foreach(json_object_get(delegate, "domains"), index, item)
    {
        char name[DNS_NAME_TEXT_MAX];
        (void)snprintf(name, sizeof(name), "%s", member_text(item, "name"));
        output_clean(name);
        output_text(output, "domain    %s\n", name);
    }
    json_array_foreach(json_object_get(delegate, "sightings"), index, item)
    {
        output_text(output, "asked by  %s over %s\n", member_text(item, "prefix"),
                    member_text(item, "transport"));
    }
}

static enum exit_code show(struct http_client *http, const struct arguments *arguments)
{
    json_t *answer = NULL;
    enum exit_code result = call(http, "GET", arguments, &answer);
    if (result != EXIT_DONE)
        return result;
    if (http->output->json) {
        result = output_json(http->output, json_incref(answer));
    } else {
        char created[TIME_TEXT_MAX];
        time_to_text(member_number(answer, "created_ms"), created);
        output_text(http->output, "delegate  %s\ncreated   %s, %s\n",
                    member_text(answer, "fulldomain"), created,
                    json_is_true(json_object_get(answer, "used")) ? "used" : "never used");
        print_keys(http->output, json_object_get(answer, "keys"));
        print_values(http->output, json_object_get(answer, "values"));
        print_rest(http->output, answer);
    }
    json_decref(answer);
    return result;
}

static enum exit_code drop(struct http_client *http, const struct arguments *arguments)
{
    json_t *answer = NULL;
    enum exit_code result = call(http, "DELETE", arguments, &answer);
    if (result != EXIT_DONE)
        return result;
    if (http->output->json)
        result = output_json(http->output, json_incref(answer));
    else
        output_text(http->output,
                    "%s is gone, with its API keys and values; its label is never given out "
                    "again.\nCNAMEs that point to it lead to nothing now: tell their owners.\n",
                    arguments->operands[0]);
    json_decref(answer);
    return result;
}

static enum exit_code run_show(const struct arguments *arguments, const struct output *output)
{
    return admin_run(arguments, output, show);
}

static enum exit_code run_remove(const struct arguments *arguments, const struct output *output)
{
    return admin_run(arguments, output, drop);
}

const struct command delegate_show_command = {
    .name = "delegate show",
    .summary = "show a delegate: keys, values, who asked for it",
    .operands = "LABEL",
    .about =
        "Shows when the delegate was registered, its API keys (never a secret), its values and\n"
        "which networks asked for them. LABEL is the first part of the CNAME's target.",
    .example = "  locum delegate show 0b0e7b5c-3c1d-4b7a-9a53-6e0a4f1f2d11",
    .accepted = OPTIONS_ADMIN,
    .operands_min = 1,
    .operands_max = 1,
    .exits = EXITS_FAILED | EXITS_UNREACHABLE,
    .run = run_show,
};

const struct command delegate_remove_command = {
    .name = "delegate remove",
    .summary = "remove a delegate for good",
    .operands = "LABEL",
    .about =
        "Removes the delegate, its API keys and its values. This can't be undone: the label is\n"
        "never given out again, and CNAMEs that point to it lead to nothing.",
    .example = "  locum delegate remove 0b0e7b5c-3c1d-4b7a-9a53-6e0a4f1f2d11",
    .accepted = OPTIONS_ADMIN,
    .operands_min = 1,
    .operands_max = 1,
    .exits = EXITS_FAILED | EXITS_UNREACHABLE,
    .run = run_remove,
};
