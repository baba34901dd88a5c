/*
 * The commands, how they are found by name, and how their help is put together: see command.h.
 */
#include "base/suggest.h"
#include "cli/command.h"

static const struct command *const commands[] = {
    &register_command,        &update_command,
    &clear_command,           &show_command,
    &hook_certbot_command,    &hook_uacme_command,
    &hook_dehydrated_command, &status_command,
    &ledger_command,          &ledger_verify_command,
    &ledger_erase_command,    &token_new_command,
    &token_list_command,      &token_revoke_command,
    &delegate_show_command,   &delegate_remove_command,
};

enum { FIRST_OPERATOR_COMMAND = 7 };

static const char *const exit_texts[] = {
    [EXIT_DONE] = "done",
    [EXIT_FAILED] = "failed: the server refused, or something is wrong that a retry won't mend",
    [EXIT_USAGE] = "the command line or the environment is wrong",
    [EXIT_ACTION] = "registered now; add the CNAME that is shown, then run it again",
    [EXIT_UNREACHABLE] = "server or storage out of reach, or it asked to wait: try again later",
};

/* How many words of ARGV the name of COMMAND is; 0 if they are others. */
static int words_matched(const struct command *command, int argc, char **argv)
{
    const char *space = strchr(command->name, ' ');
    size_t first = space != NULL ? (size_t)(space - command->name) : strlen(command->name);
    if (argc < 1 || strlen(argv[0]) != first || memcmp(argv[0], command->name, first) != 0)
        return 0;
    if (space == NULL)
        return 1;
    return argc > 1 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

const struct command *command_find(int argc, char **argv, int *used)
{
    const struct command *found = NULL;
    int longest = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
        int words = words_matched(commands[i], argc, argv);
        if (words > longest) {
            longest = words;
            found = commands[i];
        }
    }
    if (found != NULL)
        *used = longest;
    return found;
}

/* Whether COMMAND is of two words, of which WORD is the first. */
static bool is_in_group(const struct command *command, const char *word)
{
    size_t length = strlen(word);
    return strncmp(command->name, word, length) == 0 && command->name[length] == ' ';
}

static bool is_group(const char *word)
{
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
        if (is_in_group(commands[i], word))
            return true;
    }
    return false;
}

bool command_is_mistyped(const struct command *command, int argc, char **argv, int used)
{
    return used == 1 && argc > 1 && argv[1][0] != '-' && command->operands_max == 0 &&
           is_group(argv[0]);
}

/* "locum token lsit": the first word is right. */
static enum exit_code unknown_in_group(int argc, char **argv, const struct output *output)
{
    struct suggestion suggestion = suggestion_for(argc > 1 ? argv[1] : "");
    char all[128] = "";
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
        if (!is_in_group(commands[i], argv[0]))
            continue;
        const char *second = commands[i]->name + strlen(argv[0]) + 1;
        suggestion_offer(&suggestion, second);
        size_t length = strlen(all);
        (void)snprintf(all + length, sizeof(all) - length, "%s%s", length > 0 ? ", " : "", second);
    }
    if (argc > 1 && suggestion.best != NULL)
        return output_fail(output, EXIT_USAGE, "usage",
                           "there is no command \"%s %s\"; did you mean \"locum %s %s\"?", argv[0],
                           argv[1], argv[0], suggestion.best);
    return output_fail(output, EXIT_USAGE, "usage",
                       "\"locum %s\" needs one of these words next: %s; see \"locum help %s\".",
                       argv[0], all, argv[0]);
}

enum exit_code command_unknown(int argc, char **argv, const struct output *output)
{
    if (is_group(argv[0]))
        return unknown_in_group(argc, argv, output);
    struct suggestion suggestion = suggestion_for(argv[0]);
    char first[32];
    suggestion_offer(&suggestion, "help");
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
        (void)snprintf(first, sizeof(first), "%.*s", (int)strcspn(commands[i]->name, " "),
                       commands[i]->name);
        const char *before = suggestion.best;
        suggestion_offer(&suggestion, first);
        if (suggestion.best != before)
            suggestion.best = commands[i]->name; /* outlives this function */
    }
    if (suggestion.best != NULL)
        return output_fail(output, EXIT_USAGE, "usage",
                           "there is no command \"%s\"; did you mean \"locum %.*s\"?", argv[0],
                           (int)strcspn(suggestion.best, " "), suggestion.best);
    return output_fail(output, EXIT_USAGE, "usage",
                       "there is no command \"%s\"; \"locum help\" lists them.", argv[0]);
}

void command_list_help(const struct output *output)
{
    output_text(output,
                "locum: keep the answers to ACME DNS challenges on a locum server\n"
                "\n"
                "usage: locum COMMAND [OPTION]... [ARGUMENT]...\n"
                "       locum help COMMAND, locum COMMAND --help\n"
                "       locum --version\n"
                "\n"
                "For whoever holds a domain, against a server (--server or LOCUM_SERVER):\n");
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
        if (i == FIRST_OPERATOR_COMMAND)
            output_text(output, "\nFor whoever runs locumd, on the same machine:\n");
        output_text(output, "  %-18s %s\n", commands[i]->name, commands[i]->summary);
    }
    output_text(
        output,
        "\n"
        "A first certificate, with certbot:\n"
        "  export LOCUM_SERVER=https://auth.example.org\n"
        "  locum register --domain example.com     # shows one CNAME: add it to your zone\n"
        "  certbot certonly --manual --preferred-challenges dns -d example.com \\\n"
        "    --manual-auth-hook \"locum hook certbot auth\" \\\n"
        "    --manual-cleanup-hook \"locum hook certbot cleanup\"\n"
        "\n"
        "Every command takes --json. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 add the\n"
        "CNAME first, 4 server or storage out of reach (try again later).\n");
}

/* Writes one option: its name, then its help, whose lines stand below each other. */
static void option_help(const struct option *option, bool required, const struct output *output)
{
    char name[40];
    (void)snprintf(name, sizeof(name), "--%s%s%s", option->name,
                   option->value_name != NULL ? " " : "",
                   option->value_name != NULL ? option->value_name : "");
    const char *label = name;
    for (const char *line = option->help; *line != 0;) {
        size_t length = strcspn(line, "\n");
        output_text(output, "  %-20s %.*s%s\n", label, (int)length, line,
                    required && label == name ? " (required)" : "");
        label = "";
        line += length + (line[length] == '\n' ? 1 : 0);
    }
    if (option->environment != NULL)
        output_text(output, "  %-20s environment: %s\n", "", option->environment);
}

void command_own_help(const struct command *command, const struct output *output)
{
    output_text(output, "locum %s: %s\n\nusage: locum %s [OPTION]...%s%s\n\n%s\n\nOptions:\n",
                command->name, command->summary, command->name,
                command->operands[0] != 0 ? " " : "", command->operands, command->about);
    for (enum option_id id = 0; id < OPTION_COUNT; id++) {
        if ((command->accepted & OPTION_BIT(id)) != 0)
            option_help(option_get(id), (command->required & OPTION_BIT(id)) != 0, output);
    }
    output_text(output, "\nExample:\n%s\n\nExit codes:\n", command->example);
    unsigned exits = command->exits | 1U << EXIT_DONE | 1U << EXIT_USAGE;
    for (size_t i = 0; i < ARRAY_LENGTH(exit_texts); i++) {
        if ((exits & 1U << i) != 0)
            output_text(output, "  %zu  %s\n", i, exit_texts[i]);
    }
}

enum exit_code command_help(int argc, char **argv, const struct output *output)
{
    int used = 0;
    const struct command *command = command_find(argc, argv, &used);
    if (command != NULL && used == argc) {
        command_own_help(command, output);
        return EXIT_DONE;
    }
    if (argc != 1 || !is_group(argv[0]))
        return command_unknown(argc, argv, output);
    output_text(output, "usage: locum %s COMMAND [OPTION]...\n\n", argv[0]);
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
        if (is_in_group(commands[i], argv[0]))
            output_text(output, "  %-18s %s\n", commands[i]->name, commands[i]->summary);
    }
    output_text(output, "\n\"locum help %s COMMAND\" explains one of them.\n", argv[0]);
    return EXIT_DONE;
}
