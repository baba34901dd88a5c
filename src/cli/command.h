/*
 * What a command is: its words, what it accepts, what its help teaches, and its function. Each
 * cmd_*.c holds one command or a few that belong together; commands.c lists them.
 */
#ifndef LOCUM_CLI_COMMAND_H
#define LOCUM_CLI_COMMAND_H

#include "cli/options.h"
#include "cli/output.h"

/* Bits of `exits`: which exit codes a command can end with, besides 0 and 2. */
enum {
    EXITS_FAILED = 1 << EXIT_FAILED,
    EXITS_ACTION = 1 << EXIT_ACTION,
    EXITS_UNREACHABLE = 1 << EXIT_UNREACHABLE
};

struct command {
    const char *name;     /* one or two words, e.g. "ledger verify" */
    const char *summary;  /* for the list of commands */
    const char *operands; /* for the usage line, "" if there are none */
    const char *about;    /* paragraphs */
    const char *example;
    option_set accepted;
    option_set required;
    size_t operands_min;
    size_t operands_max;
    bool rest_is_literal; /* from the first operand on, nothing is an option */
    unsigned exits;
    enum exit_code (*run)(const struct arguments *arguments, const struct output *output);
};

extern const struct command register_command;
extern const struct command update_command;
extern const struct command clear_command;
extern const struct command show_command;
extern const struct command hook_certbot_command;
extern const struct command hook_uacme_command;
extern const struct command hook_dehydrated_command;
extern const struct command status_command;
extern const struct command ledger_command;
extern const struct command ledger_verify_command;
extern const struct command ledger_erase_command;
extern const struct command delegate_show_command;
extern const struct command delegate_remove_command;
extern const struct command token_new_command;
extern const struct command token_list_command;
extern const struct command token_revoke_command;

/* The command that the first words of ARGV name, and in *USED how many words they are; NULL if it
 * is none. */
const struct command *command_find(int argc, char **argv, int *used);
/* Whether COMMAND, of USED words, was only found because the second word of a longer one is wrong:
 * "ledger verfy". */
bool command_is_mistyped(const struct command *command, int argc, char **argv, int used);
/* Says that no command is named so, and which may have been meant. */
enum exit_code command_unknown(int argc, char **argv, const struct output *output);
/* The list of commands. */
void command_list_help(const struct output *output);
/* One command's help; for the first word of a two-word command, the help of all of them. */
MUST_CHECK enum exit_code command_help(int argc, char **argv, const struct output *output);
void command_own_help(const struct command *command, const struct output *output);

#endif
