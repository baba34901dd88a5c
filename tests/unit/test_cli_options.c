/*
 * The command line sorted into options and operands: cli/options.h, cli/command.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/command.h"

/* A value whose first character is a hyphen, as one in 64 is. */
#define HYPHEN_VALUE "-qXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0A"

struct fixture {
    char *said; /* on standard error */
    size_t said_length;
    struct output output;
    struct arguments arguments;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->output.err = open_memstream(&fixture->said, &fixture->said_length);
    fixture->output.out = fixture->output.err;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    arguments_fini(&fixture->arguments);
    (void)fclose(fixture->output.err);
    free(fixture->said);
    free(fixture);
    return 0;
}

/* Sorts the words of a NULL-terminated list. */
static enum exit_code parse(struct fixture *fixture, const struct command *command, char **words)
{
    size_t count = 0;
    while (words[count] != NULL)
        count++;
    return arguments_parse(command, count, words, &fixture->output, &fixture->arguments);
}

static void assert_said(struct fixture *fixture, const char *part)
{
    (void)fflush(fixture->output.err);
    assert_non_null(strstr(fixture->said, part));
}

static void options_stand_anywhere(void **state)
{
    struct fixture *fixture = *state;
    char *words[] = {"--json", HYPHEN_VALUE, "--domain=example.com", "--timeout", "5", NULL};
    assert_int_equal(parse(fixture, &update_command, words), EXIT_DONE);
    assert_string_equal(fixture->arguments.options[OPTION_DOMAIN], "example.com");
    assert_non_null(fixture->arguments.options[OPTION_JSON]);
    assert_int_equal(fixture->arguments.operand_count, 1);
    assert_string_equal(fixture->arguments.operands[0], HYPHEN_VALUE);
    int64_t timeout = 0;
    assert_int_equal(
        arguments_number(&fixture->arguments, OPTION_TIMEOUT, 1, 10, 3, &fixture->output, &timeout),
        EXIT_DONE);
    assert_int_equal(timeout, 5);
}

static void a_hooks_words_are_never_options(void **state)
{
    struct fixture *fixture = *state;
    char *words[] = {"--storage", "file", "deploy_challenge", "example.com", "--json",
                     "-value",    NULL};
    assert_int_equal(parse(fixture, &hook_dehydrated_command, words), EXIT_DONE);
    assert_int_equal(fixture->arguments.operand_count, 4);
    assert_string_equal(fixture->arguments.operands[2], "--json");
    assert_null(fixture->arguments.options[OPTION_JSON]);
    assert_string_equal(fixture->arguments.options[OPTION_STORAGE], "file");
}

static void the_environment_fills_in_and_the_command_line_wins(void **state)
{
    struct fixture *fixture = *state;
    char *words[] = {"--domain", "example.com", "--storage", "given", NULL};
    (void)setenv("LOCUM_SERVER", "https://environment.example", 1);
    (void)setenv("LOCUM_STORAGE", "environment", 1);
    (void)setenv("LOCUM_CA_FILE", "", 1);
    assert_int_equal(parse(fixture, &show_command, words), EXIT_DONE);
    assert_string_equal(fixture->arguments.options[OPTION_SERVER], "https://environment.example");
    assert_string_equal(fixture->arguments.options[OPTION_STORAGE], "given");
    assert_null(fixture->arguments.options[OPTION_CA_FILE]);
    assert_true((fixture->arguments.on_command_line & OPTION_BIT(OPTION_SERVER)) == 0);
    (void)unsetenv("LOCUM_SERVER");
    (void)unsetenv("LOCUM_STORAGE");
    (void)unsetenv("LOCUM_CA_FILE");
}

static void allowfrom_may_be_repeated_and_others_not(void **state)
{
    struct fixture *fixture = *state;
    char *twice[] = {"--domain", "a.example", "--domain", "b.example", NULL};
    assert_int_equal(parse(fixture, &register_command, twice), EXIT_USAGE);
    assert_said(fixture, "--domain is given twice");
    char *words[] = {
        "--allowfrom", "192.0.2.0/24", "--domain", "a.example", "--allowfrom=2001:db8::/56", NULL};
    assert_int_equal(parse(fixture, &register_command, words), EXIT_DONE);
    assert_int_equal(fixture->arguments.allowfrom_count, 2);
    assert_string_equal(fixture->arguments.allowfrom[1], "2001:db8::/56");
}

static void mistakes_are_named_and_nothing_is_kept(void **state)
{
    struct fixture *fixture = *state;
    char *unknown[] = {"--domian", "example.com", NULL};
    assert_int_equal(parse(fixture, &register_command, unknown), EXIT_USAGE);
    assert_said(fixture, "did you mean --domain?");
    char *not_its_own[] = {"--domain", "example.com", "--socket", "x", NULL};
    assert_int_equal(parse(fixture, &register_command, not_its_own), EXIT_USAGE);
    assert_said(fixture, "has no option --socket");
    char *no_value[] = {"--domain", NULL};
    assert_int_equal(parse(fixture, &register_command, no_value), EXIT_USAGE);
    assert_said(fixture, "--domain needs a value");
    char *needless[] = {"--json=yes", NULL};
    assert_int_equal(parse(fixture, &register_command, needless), EXIT_USAGE);
    assert_said(fixture, "--json takes no value");
    char *missing[] = {NULL};
    assert_int_equal(parse(fixture, &register_command, missing), EXIT_USAGE);
    assert_said(fixture, "needs --domain");
    char *too_many[] = {"--domain", "example.com", "more", NULL};
    assert_int_equal(parse(fixture, &register_command, too_many), EXIT_USAGE);
    assert_said(fixture, "one argument too many: \"more\"");
    char *too_few[] = {"--domain", "example.com", NULL};
    assert_int_equal(parse(fixture, &update_command, too_few), EXIT_USAGE);
    assert_said(fixture, "too few arguments");
    assert_null(fixture->arguments.operands);
}

static void help_needs_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    char *words[] = {"-h", NULL};
    assert_int_equal(parse(fixture, &update_command, words), EXIT_DONE);
    assert_non_null(fixture->arguments.options[OPTION_HELP]);
}

static void numbers_are_whole_and_in_range(void **state)
{
    struct fixture *fixture = *state;
    static const char *const wrong[] = {
        "", "0", "11", "5x", "+5", "-5", " 5", "0x5", "99999999999999999999"};
    int64_t number = 77;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        fixture->arguments.options[OPTION_TIMEOUT] = wrong[i];
        assert_int_equal(arguments_number(&fixture->arguments, OPTION_TIMEOUT, 1, 10, 3,
                                          &fixture->output, &number),
                         EXIT_USAGE);
    }
    assert_int_equal(number, 77);
}

static void commands_are_found_by_one_word_or_two(void **state)
{
    (void)state;
    int used = 0;
    char *one[] = {"ledger", "--json"};
    assert_ptr_equal(command_find(2, one, &used), &ledger_command);
    assert_int_equal(used, 1);
    char *two[] = {"ledger", "verify"};
    assert_ptr_equal(command_find(2, two, &used), &ledger_verify_command);
    assert_int_equal(used, 2);
    char *half[] = {"token"};
    assert_null(command_find(1, half, &used));
    char *part[] = {"led"};
    assert_null(command_find(1, part, &used));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(options_stand_anywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hooks_words_are_never_options, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_environment_fills_in_and_the_command_line_wins, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(allowfrom_may_be_repeated_and_others_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(mistakes_are_named_and_nothing_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(help_needs_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_are_whole_and_in_range, set_up, tear_down),
        cmocka_unit_test(commands_are_found_by_one_word_or_two),
    };
    return cmocka_run_group_tests_name("cli options", tests, NULL, NULL);
}
