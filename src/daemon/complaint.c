/*
 * Complaints about the configuration (see complaint.h).
 */
#include "daemon/complaint.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/suggest.h"

enum error complain(const struct complaint *complaint, struct mark mark, const char *format, ...)
{
    va_list values;
    int used = snprintf(complaint->why, complaint->size, "%s:%zu:%zu: ", complaint->file, mark.line,
                        mark.column);

    if (used < 0 || (size_t)used >= complaint->size)
        return ERR_CONFIG;
    va_start(values, format);
    vsnprintf(complaint->why + used, complaint->size - (size_t)used, format, values);
    va_end(values);
    return ERR_CONFIG;
}

const char *quoted(const char *text, char out[QUOTED_MAX])
{
    static const char cut[] = "...";
    size_t used = 0;

    out[used++] = '"';
    for (; *text != '\0'; text++) {
        if (used + sizeof(cut) + 1 >= QUOTED_MAX) {
            memcpy(out + used, cut, sizeof(cut) - 1);
            used += sizeof(cut) - 1;
            break;
        }
        out[used++] = (*text >= 0x20 && *text < 0x7f) ? *text : '?';
    }
    out[used++] = '"';
    out[used] = '\0';
    return out;
}

const char *nearest_word(const char *text, const char *(*word)(const void *words, size_t i),
                         const void *words, size_t count)
{
    struct suggestion suggestion = suggestion_for(text);

    for (size_t i = 0; i < count; i++)
        suggestion_offer(&suggestion, word(words, i));
    return suggestion.best;
}
