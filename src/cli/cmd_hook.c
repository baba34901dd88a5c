/*
 * locum hook: what certbot, uacme and dehydrated call to have a challenge's value served and
 * cleared again. Each speaks in its own way; below that they are the same three steps. A domain
 * without credentials is registered on the spot, and the hook ends with 3: the CNAME must be added
 * before the certificate can be had.
 */
#include "cli/command.h"
#include "cli/user.h"

enum hook_action { HOOK_PRESENT, HOOK_CLEAN };

struct challenge {
    enum hook_action action;
    const char *domain;
    const char *txt;
};

struct hook_result {
    const char *done; /* "updated", "registered", "cleared" or "nothing" */
    char domain[DOMAIN_TEXT_MAX];
    struct credentials credentials;
};

static enum exit_code present(struct user *user, const char *txt, struct hook_result *result)
{
    bool fresh = false;
    enum exit_code code = user_find_or_register(user, result->domain, &result->credentials, &fresh);
    if (code != EXIT_DONE)
        return code;
    if (!fresh) {
        result->done = "updated";
        return api_update(&user->http, &result->credentials, txt);
    }
    result->done = "registered";
    if (!user->output->json)
        user_show_cname(user, result->domain, &result->credentials);
    return output_fail(user->output, EXIT_ACTION, "cname_needed",
                       "%s is registered now; add the record _acme-challenge.%s. CNAME %s. and "
                       "run this again.",
                       result->domain, result->domain, result->credentials.fulldomain);
}

/* What was never registered, or is on a server that can't clear, needs no cleaning. */
static enum exit_code clean(struct user *user, const char *txt, struct hook_result *result)
{
    bool found = false;
    int64_t cleared = 0;
    enum exit_code code = user_find(user, result->domain, &result->credentials, &found);
    if (code == EXIT_DONE && found)
        code = api_clear(&user->http, &result->credentials, txt, &cleared);
    result->done = code == EXIT_DONE && cleared > 0 ? "cleared" : "nothing";
    return code;
}

static json_t *result_json(const struct hook_result *result)
{
    if (result->credentials.fulldomain[0] == 0)
        return json_pack("{s:s, s:s}", "domain", result->domain, "done", result->done);
    return json_pack("{s:s, s:s, s:o}", "domain", result->domain, "done", result->done, "cname",
                     user_cname_json(result->domain, &result->credentials));
}

/* Meets one challenge and appends what was done to DONE. */
static enum exit_code meet(struct user *user, const struct challenge *challenge, json_t *done)
{
    struct hook_result result = {.done = "nothing"};
    enum exit_code code = user_domain(user, challenge->domain, result.domain);
    if (code == EXIT_DONE)
        code = user_check_txt(user, challenge->txt);
    if (code != EXIT_DONE)
        return code;
    code = challenge->action == HOOK_PRESENT ? present(user, challenge->txt, &result)
                                             : clean(user, challenge->txt, &result);
    if (code == EXIT_DONE || code == EXIT_ACTION)
        (void)json_array_append_new(done, result_json(&result));
    credentials_fini(&result.credentials);
    return code;
}

/* Of several challenges that go wrong, what the user can mend first decides the exit code. */
static enum exit_code graver(enum exit_code a, enum exit_code b)
{
    static const int weight[] = {[EXIT_DONE] = 0,
                                 [EXIT_ACTION] = 1,
                                 [EXIT_UNREACHABLE] = 2,
                                 [EXIT_FAILED] = 3,
                                 [EXIT_USAGE] = 4};
    return weight[a] >= weight[b] ? a : b;
}

/* Meets all, also after one that failed: a user wants all the CNAMEs at once. */
static enum exit_code meet_all(const struct arguments *arguments, const struct output *output,
                               const struct challenge *challenges, size_t count)
{
    struct user user;
    enum exit_code code = user_init(&user, arguments, output);
    if (code != EXIT_DONE)
        return code;
    json_t *done = json_array();
    for (size_t i = 0; i < count; i++)
        code = graver(code, meet(&user, &challenges[i], done));
    if (output->json)
        code = graver(code, output_json(output, json_pack("{s:o}", "challenges", done)));
    else
        json_decref(done);
    user_fini(&user);
    return code;
}

/* Nothing to do: said in JSON only. */
static enum exit_code nothing(const struct output *output)
{
    return output->json ? output_json(output, json_pack("{s:[]}", "challenges")) : EXIT_DONE;
}

static enum exit_code run_certbot(const struct arguments *arguments, const struct output *output)
{
    const char *operation = arguments->operands[0];
    const char *domain = getenv("CERTBOT_DOMAIN");
    const char *txt = getenv("CERTBOT_VALIDATION");
    bool auth = strcmp(operation, "auth") == 0;
    if (!auth && strcmp(operation, "cleanup") != 0)
        return output_fail(output, EXIT_USAGE, "usage",
                           "\"locum hook certbot\" takes \"auth\" or \"cleanup\", not \"%s\".",
                           operation);
    if (domain == NULL || txt == NULL)
        return output_fail(output, EXIT_USAGE, "usage",
                           "CERTBOT_DOMAIN and CERTBOT_VALIDATION are not set; certbot calls this "
                           "as its --manual-auth-hook.");
    const struct challenge challenge = {auth ? HOOK_PRESENT : HOOK_CLEAN, domain, txt};
    return meet_all(arguments, output, &challenge, 1);
}

/* uacme offers one challenge type after the other; what a hook does not want it declines by
 * failing, without a word. */
static enum exit_code run_uacme(const struct arguments *arguments, const struct output *output)
{
    const char *operation = arguments->operands[0];
    bool begin = strcmp(operation, "begin") == 0;
    if (!begin && strcmp(operation, "done") != 0 && strcmp(operation, "failed") != 0)
        return output_fail(output, EXIT_USAGE, "usage",
                           "\"locum hook uacme\" takes \"begin\", \"done\" or \"failed\", not "
                           "\"%s\".",
                           operation);
    if (strcmp(arguments->operands[1], "dns-01") != 0)
        return begin ? EXIT_FAILED : EXIT_DONE;
    const struct challenge challenge = {begin ? HOOK_PRESENT : HOOK_CLEAN, arguments->operands[2],
                                        arguments->operands[4]};
    return meet_all(arguments, output, &challenge, 1);
}

/* dehydrated gives DOMAIN TOKEN VALUE, several times over with HOOK_CHAIN=yes, and calls hooks for
 * much else, today and tomorrow: that is left alone. */
static enum exit_code run_dehydrated(const struct arguments *arguments, const struct output *output)
{
    const char *operation = arguments->operands[0];
    bool deploy = strcmp(operation, "deploy_challenge") == 0;
    if (!deploy && strcmp(operation, "clean_challenge") != 0)
        return nothing(output);
    size_t words = arguments->operand_count - 1;
    if (words == 0 || words % 3 != 0)
        return output_fail(output, EXIT_USAGE, "usage",
                           "%s wants DOMAIN TOKEN VALUE, once or several times.", operation);
    struct challenge *challenges = calloc(words / 3, sizeof(*challenges));
    if (challenges == NULL)
        return output_no_memory(output);
    for (size_t i = 0; i < words / 3; i++)
        challenges[i] =
            (struct challenge){deploy ? HOOK_PRESENT : HOOK_CLEAN, arguments->operands[1 + 3 * i],
                               arguments->operands[3 + 3 * i]};
    enum exit_code code = meet_all(arguments, output, challenges, words / 3);
    free(challenges);
    return code;
}

#define HOOK_ABOUT                                                                                 \
    "The credentials are looked up by the domain in the credentials file. A domain that is not\n"  \
    "there yet is registered, its CNAME is shown, and the hook ends with 3: add the CNAME, then\n" \
    "run the client again. Set LOCUM_SERVER (and LOCUM_TOKEN, if the server wants one) for that."

const struct command hook_certbot_command = {
    .name = "hook certbot",
    .summary = "serve and clear challenges for certbot",
    .operands = "auth|cleanup",
    .about =
        "For certbot's --manual-auth-hook and --manual-cleanup-hook. certbot gives the domain\n"
        "and the value in CERTBOT_DOMAIN and CERTBOT_VALIDATION.\n\n" HOOK_ABOUT,
    .example = "  LOCUM_SERVER=https://auth.example.org certbot certonly --manual \\\n"
               "    --preferred-challenges dns -d example.com -d '*.example.com' \\\n"
               "    --manual-auth-hook \"locum hook certbot auth\" \\\n"
               "    --manual-cleanup-hook \"locum hook certbot cleanup\"",
    .accepted = OPTIONS_REGISTER,
    .operands_min = 1,
    .operands_max = 1,
    .exits = EXITS_FAILED | EXITS_ACTION | EXITS_UNREACHABLE,
    .run = run_certbot,
};

const struct command hook_uacme_command = {
    .name = "hook uacme",
    .summary = "serve and clear challenges for uacme",
    .operands = "begin|done|failed METHOD IDENT TOKEN AUTH",
    .about =
        "For uacme's --hook, through the script packaging/hooks/uacme: uacme runs a program by\n"
        "its path alone. Challenges other than dns-01 are declined. Options of locum stand\n"
        "before the first argument.\n\n" HOOK_ABOUT,
    .example = "  LOCUM_SERVER=https://auth.example.org \\\n"
               "    uacme --hook " LOCUM_HOOKS "/uacme issue example.com '*.example.com'",
    .accepted = OPTIONS_REGISTER,
    .operands_min = 5,
    .operands_max = 5,
    .rest_is_literal = true,
    .exits = EXITS_FAILED | EXITS_ACTION | EXITS_UNREACHABLE,
    .run = run_uacme,
};

const struct command hook_dehydrated_command = {
    .name = "hook dehydrated",
    .summary = "serve and clear challenges for dehydrated",
    .operands = "OPERATION [ARGUMENT]...",
    .about =
        "For dehydrated's HOOK, through the script packaging/hooks/dehydrated: dehydrated runs\n"
        "a program by its path alone. HOOK_CHAIN=yes works too, and saves time. Operations\n"
        "other than deploy_challenge and clean_challenge do nothing. Options of locum stand\n"
        "before the operation.\n\n" HOOK_ABOUT,
    .example = "  LOCUM_SERVER=https://auth.example.org dehydrated --cron --challenge dns-01 \\\n"
               "    --domain example.com --hook " LOCUM_HOOKS "/dehydrated",
    .accepted = OPTIONS_REGISTER,
    .operands_min = 1,
    .operands_max = SIZE_MAX,
    .rest_is_literal = true,
    .exits = EXITS_FAILED | EXITS_ACTION | EXITS_UNREACHABLE,
    .run = run_dehydrated,
};
