/*
 * Options and operands: see options.h.
 */
#include "cli/options.h"

#include <errno.h>

#include "base/encoding.h"
#include "base/suggest.h"
#include "cli/command.h"

static const struct option options[OPTION_COUNT] = {
    [OPTION_DOMAIN] = {"domain", "DOMAIN", NULL,
                       "the domain of the certificate; *.DOMAIN shares it"},
    [OPTION_ALLOWFROM] = {"allowfrom", "CIDR", NULL,
                          "take updates from these addresses only, e.g. 192.0.2.0/24\n"
                          "(may be repeated; default: from everywhere)"},
    [OPTION_SERVER] = {"server", "URL", "LOCUM_SERVER",
                       "the server, e.g. https://auth.example.org; stored credentials\n"
                       "know theirs, so this is needed once only"},
    [OPTION_TOKEN] = {"token", "TOKEN", "LOCUM_TOKEN",
                      "registration token, if the server wants one; better in the\n"
                      "environment: other users can see command lines"},
    [OPTION_STORAGE] = {"storage", "FILE", "LOCUM_STORAGE",
                        "credentials, in lego's format (default as root:\n"
                        "/etc/locum/credentials.json, else locum/credentials.json\n"
                        "in $XDG_CONFIG_HOME or ~/.config)"},
    [OPTION_CA_FILE] = {"ca-file", "FILE", "LOCUM_CA_FILE",
                        "PEM certificates to trust instead of the system's"},
    [OPTION_TIMEOUT] = {"timeout", "SECONDS", NULL, "how long one request may take (default: 30)"},
    [OPTION_SOCKET] = {"socket", "PATH", "LOCUM_ADMIN_SOCKET",
                       "locumd's socket (default: /run/locum/admin.sock)"},
    [OPTION_DELEGATE] = {"delegate", "LABEL", NULL, "only rows of this delegate"},
    [OPTION_AFTER] = {"after", "N", NULL, "only rows after sequence N (default: 0)"},
    [OPTION_LIMIT] = {"limit", "N", NULL, "at most N rows (default: all)"},
    [OPTION_BEFORE] = {"before", "DATE", NULL,
                       "rows before DATE, which is YYYY-MM-DD or\n"
                       "YYYY-MM-DDTHH:MM:SSZ, in UTC"},
    [OPTION_DATABASE] = {"database", "FILE", NULL,
                         "read this SQLite file instead of asking locumd"},
    [OPTION_NOTE] = {"note", "TEXT", NULL, "what the token is for, shown by \"locum token list\""},
    [OPTION_JSON] = {"json", NULL, NULL, "print JSON, errors on standard error too"},
    [OPTION_HELP] = {"help", NULL, NULL, "show this help"},
};

const struct option *option_get(enum option_id id)
{
    return &options[id];
}

bool is_challenge_value(const char *word)
{
    struct slice text = slice_text(word);
    return text.length == ACME_TXT_LENGTH && is_base64url(text);
}

/* The option that the first LENGTH bytes of NAME name; OPTION_COUNT if COMMAND has none such. */
static enum option_id find_option(const struct command *command, const char *name, size_t length)
{
    enum option_id id = 0;
    for (; id < OPTION_COUNT; id++) {
        if ((command->accepted & OPTION_BIT(id)) != 0 && strlen(options[id].name) == length &&
            memcmp(options[id].name, name, length) == 0)
            break;
    }
    return id;
}

static enum exit_code unknown_option(const struct command *command, const char *word,
                                     const struct output *output)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
    const char *bare = name + strspn(name, "-");
    struct suggestion suggestion = suggestion_for(bare);
    for (enum option_id id = 0; id < OPTION_COUNT; id++) {
        if ((command->accepted & OPTION_BIT(id)) != 0)
            suggestion_offer(&suggestion, options[id].name);
    }
    if (suggestion.best != NULL)
        return output_fail(output, EXIT_USAGE, "usage",
                           "\"locum %s\" has no option %s; did you mean --%s?", command->name, name,
                           suggestion.best);
    return output_fail(output, EXIT_USAGE, "usage",
                       "\"locum %s\" has no option %s; see \"locum help %s\".", command->name, name,
                       command->name);
}

static enum exit_code keep_option(struct arguments *arguments, enum option_id id, const char *value,
                                  const struct output *output)
{
    if (id == OPTION_ALLOWFROM) {
        if (arguments->allowfrom_count == ALLOWFROM_MAX)
            return output_fail(output, EXIT_USAGE, "usage",
                               "--allowfrom may be given %d times at most.", ALLOWFROM_MAX);
        arguments->allowfrom[arguments->allowfrom_count++] = value;
    } else if (options[id].value_name != NULL &&
               (arguments->on_command_line & OPTION_BIT(id)) != 0) {
        return output_fail(output, EXIT_USAGE, "usage", "--%s is given twice.", options[id].name);
    }
    arguments->options[id] = value;
    arguments->on_command_line |= OPTION_BIT(id);
    return EXIT_DONE;
}

/* Reads the option at words[*at] and its value, which may be the next word. */
static enum exit_code parse_option(const struct command *command, size_t count, char **words,
                                   size_t *at, const struct output *output,
                                   struct arguments *arguments)
{
    const char *word = words[*at];
    const char *name = word + 2;
    size_t length = strcspn(name, "=");
    enum option_id id = strcmp(word, "-h") == 0 ? OPTION_HELP : OPTION_COUNT;
    if (word[1] == '-')
        id = find_option(command, name, length);
    if (id == OPTION_COUNT)
        return unknown_option(command, word, output);

    bool has_value = word[1] == '-' && name[length] == '=';
    if (options[id].value_name == NULL) {
        if (has_value)
            return output_fail(output, EXIT_USAGE, "usage", "--%s takes no value.",
                               options[id].name);
        return keep_option(arguments, id, "", output);
    }
    const char *value = has_value ? name + length + 1 : NULL;
    if (!has_value && *at + 1 < count)
        value = words[++*at];
    if (value == NULL)
        return output_fail(output, EXIT_USAGE, "usage", "--%s needs a value: --%s %s.",
                           options[id].name, options[id].name, options[id].value_name);
    return keep_option(arguments, id, value, output);
}

static enum exit_code sort_words(const struct command *command, size_t count, char **words,
                                 const struct output *output, struct arguments *arguments)
{
    bool literal = false;
    for (size_t i = 0; i < count; i++) {
        const char *word = words[i];
        bool operand = literal || word[0] != '-' || word[1] == 0 || is_challenge_value(word);
        if (operand) {
            arguments->operands[arguments->operand_count++] = word;
            literal = literal || command->rest_is_literal;
        } else if (strcmp(word, "--") == 0) {
            literal = true;
        } else {
            enum exit_code result = parse_option(command, count, words, &i, output, arguments);
            if (result != EXIT_DONE)
                return result;
        }
    }
    return EXIT_DONE;
}

/* An empty variable is as good as none: that is how scripts switch one off. */
static void read_environment(const struct command *command, struct arguments *arguments)
{
    for (enum option_id id = 0; id < OPTION_COUNT; id++) {
        if ((command->accepted & OPTION_BIT(id)) == 0 || arguments->options[id] != NULL ||
            options[id].environment == NULL)
            continue;
        const char *value = getenv(options[id].environment);
        if (value != NULL && value[0] != 0)
            arguments->options[id] = value;
    }
}

static enum exit_code check_complete(const struct command *command,
                                     const struct arguments *arguments, const struct output *output)
{
    for (enum option_id id = 0; id < OPTION_COUNT; id++) {
        if ((command->required & OPTION_BIT(id)) != 0 && arguments->options[id] == NULL)
            return output_fail(output, EXIT_USAGE, "usage",
                               "\"locum %s\" needs --%s %s; see \"locum help %s\".", command->name,
                               options[id].name, options[id].value_name, command->name);
    }
    if (arguments->operand_count < command->operands_min)
        return output_fail(output, EXIT_USAGE, "usage",
                           "too few arguments; usage: locum %s [OPTION]... %s", command->name,
                           command->operands);
    if (arguments->operand_count > command->operands_max)
        return output_fail(output, EXIT_USAGE, "usage",
                           "one argument too many: \"%s\"; see \"locum help %s\".",
                           arguments->operands[command->operands_max], command->name);
    return EXIT_DONE;
}

enum exit_code arguments_parse(const struct command *command, size_t count, char **words,
                               const struct output *output, struct arguments *out)
{
    struct arguments arguments = {.operands = calloc(count + 1, sizeof(*arguments.operands))};
    if (arguments.operands == NULL)
        return output_no_memory(output);
    enum exit_code result = sort_words(command, count, words, output, &arguments);
    if (result == EXIT_DONE && arguments.options[OPTION_HELP] == NULL) {
        read_environment(command, &arguments);
        result = check_complete(command, &arguments, output);
    }
    if (result == EXIT_DONE)
        *out = arguments;
    else
        arguments_fini(&arguments);
    return result;
}

void arguments_fini(struct arguments *arguments)
{
    free(arguments->operands);
    arguments->operands = NULL;
}

enum exit_code arguments_number(const struct arguments *arguments, enum option_id id, int64_t min,
                                int64_t max, int64_t fallback, const struct output *output,
                                int64_t *out)
{
    const char *text = arguments->options[id];
    if (text == NULL) {
        *out = fallback;
        return EXIT_DONE;
    }
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (text[strspn(text, "0123456789")] != 0 || end == text || errno != 0 || value < min ||
        value > max)
        return output_fail(output, EXIT_USAGE, "usage",
                           "--%s is \"%s\", but must be a whole number from %lld to %lld.",
                           options[id].name, text, (long long)min, (long long)max);
    *out = value;
    return EXIT_DONE;
}
