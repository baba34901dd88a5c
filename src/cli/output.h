/*
 * What `locum` says and how it ends: people's text or JSON (--json) on standard output, one
 * sentence or one JSON object on standard error, and the exit code. Secrets pass here only where
 * a command exists to show them. Everything runs on the main thread.
 *
 * Convention of this layer: a function that can fail reports the failure through
 * output_fail(), once, and returns the exit code, EXIT_DONE if all is well.
 */
#ifndef LOCUM_CLI_OUTPUT_H
#define LOCUM_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/attributes.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,      /* the server refused, or something is wrong that a retry won't mend */
    EXIT_USAGE = 2,       /* the command line or the environment */
    EXIT_ACTION = 3,      /* the user must do something first: add the CNAME */
    EXIT_UNREACHABLE = 4, /* no server, no storage, or asked to wait: try again later */
};

struct output {
    FILE *out; /* borrowed */
    FILE *err; /* borrowed */
    bool json;
};

/* Says why the command fails: a sentence, or {"error": WORD, "message": sentence}. Returns CODE. */
enum exit_code output_fail(const struct output *output, enum exit_code code, const char *word,
                           const char *format, ...) PRINTF_LIKE(4, 5);
/* Says something that needs attention and does not stop the command. */
void output_warn(const struct output *output, const char *word, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Writes VALUE as one line of JSON to standard output and takes it. EXIT_FAILED if VALUE is NULL
 * (it could not be made for lack of memory). */
MUST_CHECK enum exit_code output_json(const struct output *output, json_t *value);
/* Text for people on standard output. */
void output_text(const struct output *output, const char *format, ...) PRINTF_LIKE(2, 3);
/* Replaces control characters by '?', in place: text from outside must not drive a terminal. */
void output_clean(char *text);
/* "memory": the only thing to say when an allocation fails. */
enum exit_code output_no_memory(const struct output *output);

#endif
