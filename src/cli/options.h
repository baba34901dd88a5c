/*
 * The options of all commands, in one table: what they are called, which environment variable
 * stands in for them, what their help says. A command names those that it accepts.
 */
#ifndef LOCUM_CLI_OPTIONS_H
#define LOCUM_CLI_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "cli/output.h"

enum option_id {
    OPTION_DOMAIN,
    OPTION_ALLOWFROM,
    OPTION_SERVER,
    OPTION_TOKEN,
    OPTION_STORAGE,
    OPTION_CA_FILE,
    OPTION_TIMEOUT,
    OPTION_SOCKET,
    OPTION_DELEGATE,
    OPTION_AFTER,
    OPTION_LIMIT,
    OPTION_BEFORE,
    OPTION_DATABASE,
    OPTION_NOTE,
    OPTION_JSON,
    OPTION_HELP,
    OPTION_COUNT
};

typedef uint32_t option_set; /* bits 1 << enum option_id */

#define OPTION_BIT(id_) ((option_set)1 << (id_))
/* What every command accepts; what a command that speaks to a server, to admin.sock accepts. */
#define OPTIONS_ALL (OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_HELP))
#define OPTIONS_STORED                                                                             \
    (OPTIONS_ALL | OPTION_BIT(OPTION_SERVER) | OPTION_BIT(OPTION_STORAGE) |                        \
     OPTION_BIT(OPTION_CA_FILE) | OPTION_BIT(OPTION_TIMEOUT))
#define OPTIONS_REGISTER (OPTIONS_STORED | OPTION_BIT(OPTION_TOKEN))
#define OPTIONS_ADMIN (OPTIONS_ALL | OPTION_BIT(OPTION_SOCKET) | OPTION_BIT(OPTION_TIMEOUT))

struct option {
    const char *name;        /* without the two hyphens */
    const char *value_name;  /* NULL: takes no value */
    const char *environment; /* NULL: none */
    const char *help;        /* may hold newlines */
};

struct command;

/* The words of a command line, sorted. Strings belong to argv or the environment. */
struct arguments {
    const char *options[OPTION_COUNT]; /* NULL if neither given nor in the environment */
    option_set on_command_line;        /* not from the environment */
    const char *allowfrom[ALLOWFROM_MAX];
    size_t allowfrom_count;
    const char **operands; /* owned array */
    size_t operand_count;
};

const struct option *option_get(enum option_id id);
/* Sorts the COUNT words after the command's name. EXIT_USAGE, said, if they are not what COMMAND
 * accepts; whoever asks for help need not give the rest. */
MUST_CHECK enum exit_code arguments_parse(const struct command *command, size_t count, char **words,
                                          const struct output *output, struct arguments *out);
void arguments_fini(struct arguments *arguments);
/* The number of option ID, from MIN to MAX, or FALLBACK if it was not given. */
MUST_CHECK enum exit_code arguments_number(const struct arguments *arguments, enum option_id id,
                                           int64_t min, int64_t max, int64_t fallback,
                                           const struct output *output, int64_t *out);
/* Whether WORD is a challenge's TXT value (43 characters of base64url), which may begin with a
 * hyphen and is an operand nevertheless. */
bool is_challenge_value(const char *word);

#endif
