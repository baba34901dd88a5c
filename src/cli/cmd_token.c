/*
 * locum token: registration tokens, for servers whose policy wants one.
 */
#include "base/ascii.h"
#include "base/encoding.h"
#include "cli/admin_client.h"
#include "cli/command.h"

enum { NOTE_TEXT_MAX = 256, TOKEN_ID_MAX = 64 };

/* An id as text, whether locumd gives it as a number or as a string. */
static void id_to_text(json_t *id, char out[TOKEN_ID_MAX])
{
    if (json_is_string(id))
        (void)snprintf(out, TOKEN_ID_MAX, "%s", json_string_value(id));
    else
        (void)snprintf(out, TOKEN_ID_MAX, "%lld", (long long)json_integer_value(id));
    output_clean(out);
}

static enum exit_code create(struct http_client *http, const struct arguments *arguments)
{
    const struct output *output = http->output;
    const char *note = arguments->options[OPTION_NOTE];
    json_t *answer = NULL;
    enum exit_code result =
        admin_call(http, "POST", "/admin/tokens",
                   json_pack("{s:s}", "note", note != NULL ? note : ""), &answer);
    if (result != EXIT_DONE)
        return result;
    const char *token = member_text(answer, "token");
    if (token[0] == 0)
        result = output_fail(output, EXIT_FAILED, "unexpected_answer", "locumd gave no token.");
    else if (output->json)
        result = output_json(output, json_incref(answer));
    else
        output_text(output,
                    "%s\n\nThis token is shown once. Whoever has it can register: in LOCUM_TOKEN "
                    "for locum,\nfor other clients as part of the server's address: "
                    "https://HOST/token/TOKEN\n",
                    token);
    json_decref(answer);
    return result;
}

static void print_token(const struct output *output, json_t *token)
{
    char id[TOKEN_ID_MAX];
    char created[TIME_TEXT_MAX];
    char note[NOTE_TEXT_MAX];
    json_t *revoked = json_object_get(token, "revoked_ms");
    id_to_text(json_object_get(token, "id"), id);
    time_to_text(member_number(token, "created_ms"), created);
    (void)snprintf(note, sizeof(note), "%s", member_text(token, "note"));
    output_clean(note);
    output_text(output, "%-8s %s  %6lld use%s  %-8s %s\n", id, created,
                (long long)member_number(token, "uses"),
                member_number(token, "uses") == 1 ? " " : "s",
                json_is_integer(revoked) ? "revoked" : "valid", note);
}

static enum exit_code list(struct http_client *http, const struct arguments *arguments UNUSED)
{
    json_t *answer = NULL;
    enum exit_code result = admin_call(http, "GET", "/admin/tokens", NULL, &answer);
    if (result != EXIT_DONE)
        return result;
    json_t *tokens = json_object_get(answer, "tokens");
    size_t index;
    json_t *token;
    if (http->output->json) {
        result = output_json(http->output, json_incref(answer));
    } else {
        json_array_foreach(tokens, index, token)
        {
            print_token(http->output, token);
        }
        if (json_array_size(tokens) == 0)
            output_text(http->output, "There are no tokens; \"locum token new\" makes one.\n");
    }
    json_decref(answer);
    return result;
}

static bool is_id(const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        if (!ascii_is_digit((uint8_t)text[i]))
            return false;
    }
    return length > 0 && length < TOKEN_ID_MAX;
}

static enum exit_code revoke(struct http_client *http, const struct arguments *arguments)
{
    const char *id = arguments->operands[0];
    /* Not quoted: it may be a whole token, pasted. */
    if (!is_id(id))
        return output_fail(http->output, EXIT_USAGE, "usage",
                           "that is no token id; \"locum token list\" shows them.");
    char path[TOKEN_ID_MAX + 32];
    json_t *answer = NULL;
    (void)snprintf(path, sizeof(path), "/admin/tokens/%s", id);
    enum exit_code result = admin_call(http, "DELETE", path, NULL, &answer);
    if (result != EXIT_DONE)
        return result;
    if (http->output->json)
        result = output_json(http->output, json_incref(answer));
    else
        output_text(http->output, "Token %s registers no more; what it registered stays.\n", id);
    json_decref(answer);
    return result;
}

static enum exit_code run_new(const struct arguments *arguments, const struct output *output)
{
    return admin_run(arguments, output, create);
}

static enum exit_code run_list(const struct arguments *arguments, const struct output *output)
{
    return admin_run(arguments, output, list);
}

static enum exit_code run_revoke(const struct arguments *arguments, const struct output *output)
{
    return admin_run(arguments, output, revoke);
}

const struct command token_new_command = {
    .name = "token new",
    .summary = "make a registration token, shown once",
    .operands = "",
    .about = "Makes a token that lets whoever has it register, and shows it this once: only its\n"
             "hash is stored.",
    .example = "  locum token new --note \"web servers of the shop\"",
    .accepted = OPTIONS_ADMIN | OPTION_BIT(OPTION_NOTE),
    .exits = EXITS_FAILED | EXITS_UNREACHABLE,
    .run = run_new,
};

const struct command token_list_command = {
    .name = "token list",
    .summary = "list the registration tokens",
    .operands = "",
    .about = "Lists id, time, uses, state and note of each registration token; never the token.",
    .example = "  locum token list",
    .accepted = OPTIONS_ADMIN,
    .exits = EXITS_FAILED | EXITS_UNREACHABLE,
    .run = run_list,
};

const struct command token_revoke_command = {
    .name = "token revoke",
    .summary = "make a registration token invalid",
    .operands = "ID",
    .about = "Makes the token with this id invalid. What was registered with it goes on working.",
    .example = "  locum token revoke 3",
    .accepted = OPTIONS_ADMIN,
    .operands_min = 1,
    .operands_max = 1,
    .exits = EXITS_FAILED | EXITS_UNREACHABLE,
    .run = run_revoke,
};
