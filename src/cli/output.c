/*
 * Standard output and standard error of `locum`: see output.h.
 */
#include "cli/output.h"

#include <stdarg.h>
#include <stdint.h>

enum { MESSAGE_MAX = 2048 }; /* a sentence with a path (PATH_MAX is rarer than it is long) or URL */

void output_clean(char *text)
{
    for (uint8_t *at = (uint8_t *)text; *at != 0; at++) {
        bool c1 = at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f; /* U+0080 to U+009F in UTF-8 */
        if (c1) {
            at[0] = '?';
            at[1] = '?';
        } else if (*at < 0x20 || *at == 0x7f) {
            *at = '?';
        }
    }
}

/* {KIND: WORD, "message": TEXT}. Text that is no UTF-8 (a path, or a sentence that was cut within a
 * character) must not keep the failure from being said: its bytes become '?'. */
static json_t *json_line(const char *kind, const char *word, char *text)
{
    json_t *line = json_pack("{s:s, s:s}", kind, word, "message", text);
    if (line != NULL)
        return line;
    for (uint8_t *at = (uint8_t *)text; *at != 0; at++) {
        if (*at >= 0x80)
            *at = '?';
    }
    return json_pack("{s:s, s:s}", kind, word, "message", text);
}

static void say(const struct output *output, const char *kind, const char *word, const char *format,
                va_list values) __attribute__((format(printf, 4, 0)));

static void say(const struct output *output, const char *kind, const char *word, const char *format,
                va_list values)
{
    char text[MESSAGE_MAX];
    (void)vsnprintf(text, sizeof(text), format, values);
    output_clean(text);
    if (output->json) {
        json_t *line = json_line(kind, word, text);
        if (line != NULL && json_dumpf(line, output->err, JSON_ENSURE_ASCII) == 0)
            (void)fputc('\n', output->err);
        json_decref(line);
        return;
    }
    (void)fprintf(output->err, "locum: %s%s\n", kind[0] == 'w' ? "warning: " : "", text);
}

enum exit_code output_fail(const struct output *output, enum exit_code code, const char *word,
                           const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(output, "error", word, format, values);
    va_end(values);
    return code;
}

void output_warn(const struct output *output, const char *word, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(output, "warning", word, format, values);
    va_end(values);
}

enum exit_code output_json(const struct output *output, json_t *value)
{
    if (value == NULL)
        return output_no_memory(output);
    int result = json_dumpf(value, output->out, JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    json_decref(value);
    if (result != 0 || fputc('\n', output->out) == EOF)
        return output_fail(output, EXIT_FAILED, "output", "cannot write to standard output.");
    return EXIT_DONE;
}

void output_text(const struct output *output, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vfprintf(output->out, format, values);
    va_end(values);
}

enum exit_code output_no_memory(const struct output *output)
{
    return output_fail(output, EXIT_FAILED, "memory", "out of memory.");
}
