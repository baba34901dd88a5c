/*
 * locum, the command line: finds the command, sorts its words, runs it. One thread, one command.
 */
#include <curl/curl.h>
#include <unistd.h>

#include "cli/command.h"

/* --json is looked for first, so that whatever is wrong with the other words is said in JSON. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            return true;
    }
    return false;
}

static enum exit_code run_command(int argc, char **argv, const struct output *output)
{
    int used = 0;
    const struct command *command = command_find(argc, argv, &used);
    if (command == NULL && argc == 2 && strcmp(argv[1], "--help") == 0)
        return command_help(1, argv, output);
    if (command == NULL || command_is_mistyped(command, argc, argv, used))
        return command_unknown(argc, argv, output);
    struct arguments arguments;
    enum exit_code result =
        arguments_parse(command, (size_t)(argc - used), argv + used, output, &arguments);
    if (result != EXIT_DONE)
        return result;
    /* A hook's own words may be "--json" too; now it is known. */
    const struct output chosen = {output->out, output->err, arguments.options[OPTION_JSON] != NULL};
    if (arguments.options[OPTION_HELP] != NULL)
        command_own_help(command, &chosen);
    else
        result = command->run(&arguments, &chosen);
    arguments_fini(&arguments);
    return result;
}

static enum exit_code help(int argc, char **argv, const struct output *output)
{
    if (argc > 0)
        return command_help(argc, argv, output);
    command_list_help(output);
    return EXIT_DONE;
}

static enum exit_code version(const struct output *output)
{
    if (output->json)
        return output_json(output, json_pack("{s:s}", "version", LOCUM_VERSION));
    output_text(output, "locum %s\n", LOCUM_VERSION);
    return EXIT_DONE;
}

/* Runs what follows the program's name. */
static enum exit_code dispatch(int argc, char **argv, const struct output *output)
{
    if (argc == 0) {
        command_list_help(&(struct output){.out = output->err});
        return EXIT_USAGE;
    }
    const char *first = argv[0];
    if (strcmp(first, "help") == 0 || strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
        return help(argc - 1, argv + 1, output);
    if (strcmp(first, "--version") == 0)
        return version(output);
    if (first[0] == '-')
        return output_fail(output, EXIT_USAGE, "usage",
                           "the command comes first and its options after it; \"locum help\" lists "
                           "the commands.");
    return run_command(argc, argv, output);
}

int main(int argc, char **argv)
{
    const struct output output = {stdout, stderr, wants_json(argc, argv)};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return (int)output_no_memory(&output);
    enum exit_code result = dispatch(argc > 0 ? argc - 1 : 0, argv + 1, &output);
    /* What was not written was not done, for whoever reads it. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && result == EXIT_DONE)
        result = output_fail(&output, EXIT_FAILED, "output", "cannot write to standard output.");
    curl_global_cleanup();
    return (int)result;
}
