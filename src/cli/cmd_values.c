/*
 * locum update, clear and show: the values of a domain's delegate, with the stored credentials.
 */
#include "cli/command.h"
#include "cli/user.h"

typedef enum exit_code (*value_step)(struct user *user, const char *domain,
                                     const struct credentials *credentials);

/* What the three have in common: finds the credentials of --domain and takes STEP with them. */
static enum exit_code with_credentials(const struct arguments *arguments,
                                       const struct output *output, value_step step)
{
    struct user user;
    enum exit_code result = user_init(&user, arguments, output);
    if (result != EXIT_DONE)
        return result;
    char domain[DOMAIN_TEXT_MAX];
    struct credentials credentials;
    result = user_domain(&user, arguments->options[OPTION_DOMAIN], domain);
    if (result == EXIT_DONE && arguments->operand_count > 0)
        result = user_check_txt(&user, arguments->operands[0]);
    if (result == EXIT_DONE)
        result = user_need(&user, domain, &credentials);
    if (result == EXIT_DONE) {
        result = step(&user, domain, &credentials);
        credentials_fini(&credentials);
    }
    user_fini(&user);
    return result;
}

static enum exit_code update(struct user *user, const char *domain,
                             const struct credentials *credentials)
{
    const char *txt = user->arguments->operands[0];
    enum exit_code result = api_update(&user->http, credentials, txt);
    if (result != EXIT_DONE)
        return result;
    if (user->output->json)
        return output_json(user->output,
                           json_pack("{s:s, s:s, s:s}", "domain", domain, "fulldomain",
                                     credentials->fulldomain, "txt", txt));
    output_text(user->output, "%s. TXT \"%s\" is served now.\n", credentials->fulldomain, txt);
    return EXIT_DONE;
}

static enum exit_code clear(struct user *user, const char *domain,
                            const struct credentials *credentials)
{
    const char *txt = user->arguments->operand_count > 0 ? user->arguments->operands[0] : NULL;
    int64_t cleared = 0;
    enum exit_code result = api_clear(&user->http, credentials, txt, &cleared);
    if (result != EXIT_DONE)
        return result;
    if (cleared < 0)
        return output_fail(user->output, EXIT_FAILED, "unsupported",
                           "%s is a server that can't clear values; the next updates will push "
                           "them out.",
                           credentials->server_url);
    if (user->output->json)
        return output_json(user->output,
                           json_pack("{s:s, s:s, s:I}", "domain", domain, "fulldomain",
                                     credentials->fulldomain, "cleared", (json_int_t)cleared));
    output_text(user->output, "%lld value%s cleared from %s.\n", (long long)cleared,
                cleared == 1 ? "" : "s", credentials->fulldomain);
    return EXIT_DONE;
}

static void print_values(const struct output *output, json_t *values)
{
    size_t index;
    json_t *value;
    json_array_foreach(values, index, value)
    {
        char line[128];
        const char *txt = json_string_value(json_object_get(value, "txt"));
        const char *added = json_string_value(json_object_get(value, "added"));
        (void)snprintf(line, sizeof(line), "  TXT \"%s\" since %s", txt != NULL ? txt : "",
                       added != NULL ? added : "?");
        output_clean(line);
        output_text(output, "%s\n", line);
    }
}

static enum exit_code show(struct user *user, const char *domain,
                           const struct credentials *credentials)
{
    json_t *values = NULL;
    enum exit_code result = api_values(&user->http, credentials, &values);
    if (result != EXIT_DONE)
        return result;
    if (user->output->json)
        return output_json(user->output,
                           json_pack("{s:s, s:o, s:s, s:s, s:s, s:o?}", "domain", domain, "cname",
                                     user_cname_json(domain, credentials), "fulldomain",
                                     credentials->fulldomain, "subdomain", credentials->subdomain,
                                     "server_url", credentials->server_url, "values", values));
    user_show_cname(user, domain, credentials);
    if (values == NULL)
        output_text(user->output, "The server %s does not tell which values it serves.\n",
                    credentials->server_url);
    else if (json_array_size(values) == 0)
        output_text(user->output, "No value is served there now.\n");
    else
        output_text(user->output, "Served there now, oldest first:\n");
    print_values(user->output, values);
    json_decref(values);
    return EXIT_DONE;
}

static enum exit_code run_update(const struct arguments *arguments, const struct output *output)
{
    return with_credentials(arguments, output, update);
}

static enum exit_code run_clear(const struct arguments *arguments, const struct output *output)
{
    return with_credentials(arguments, output, clear);
}

static enum exit_code run_show(const struct arguments *arguments, const struct output *output)
{
    return with_credentials(arguments, output, show);
}

const struct command update_command = {
    .name = "update",
    .summary = "serve a challenge's TXT value",
    .operands = "TXT",
    .about = "Adds TXT, a dns-01 challenge's value of 43 characters, to those that the domain's\n"
             "delegate serves. When it has ended with 0, the value is stored and served.",
    .example = "  locum update --domain example.com "
               "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0",
    .accepted = OPTIONS_STORED | OPTION_BIT(OPTION_DOMAIN),
    .required = OPTION_BIT(OPTION_DOMAIN),
    .operands_min = 1,
    .operands_max = 1,
    .exits = EXITS_FAILED | EXITS_UNREACHABLE,
    .run = run_update,
};

const struct command clear_command = {
    .name = "clear",
    .summary = "stop serving one value, or all",
    .operands = "[TXT]",
    .about = "Removes TXT, or every value, from the domain's delegate. Values also leave by\n"
             "themselves after some days.",
    .example = "  locum clear --domain example.com",
    .accepted = OPTIONS_STORED | OPTION_BIT(OPTION_DOMAIN),
    .required = OPTION_BIT(OPTION_DOMAIN),
    .operands_max = 1,
    .exits = EXITS_FAILED | EXITS_UNREACHABLE,
    .run = run_clear,
};

const struct command show_command = {
    .name = "show",
    .summary = "show a domain's CNAME and the values served",
    .operands = "",
    .about = "Shows the CNAME that the domain needs, and the values that its delegate serves.",
    .example = "  locum show --domain example.com --json",
    .accepted = OPTIONS_STORED | OPTION_BIT(OPTION_DOMAIN),
    .required = OPTION_BIT(OPTION_DOMAIN),
    .exits = EXITS_FAILED | EXITS_UNREACHABLE,
    .run = run_show,
};
