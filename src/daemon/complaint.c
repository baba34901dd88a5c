/*
 * Complaints about the configuration, and the search for what was meant (see complaint.h).
 */
#include "daemon/complaint.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "base/ascii.h"

enum { WORD_MAX = 64, FAR_AWAY = 1000 };

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

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static bool same(char a, char b)
{
    return ascii_lower((uint8_t)a) == ascii_lower((uint8_t)b);
}

unsigned edit_distance(const char *a, const char *b)
{
    /* The rows of the distance matrix for the first i-2, i-1 and i characters of A. */
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *here = rows[2];
    size_t a_length = strlen(a), b_length = strlen(b);

    if (a_length > WORD_MAX || b_length > WORD_MAX)
        return FAR_AWAY;
    for (size_t j = 0; j <= b_length; j++)
        here[j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned *spare = before;

        before = above;
        above = here;
        here = spare;
        here[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned replaced = above[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1);

            here[j] = least(replaced, least(above[j], here[j - 1]) + 1);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                here[j] = least(here[j], before[j - 2] + 1);
        }
    }
    return here[b_length];
}

const char *nearest_word(const char *text, const char *(*word)(const void *words, size_t i),
                         const void *words, size_t count)
{
    const char *nearest = NULL;
    unsigned nearest_distance = FAR_AWAY;

    for (size_t i = 0; i < count; i++) {
        const char *candidate = word(words, i);
        size_t longer = strlen(text) > strlen(candidate) ? strlen(text) : strlen(candidate);
        unsigned distance = edit_distance(text, candidate);

        /* Over half of the letters differ: a suggestion would be a guess. */
        if (distance * 2 <= longer + 1 && distance < nearest_distance) {
            nearest = candidate;
            nearest_distance = distance;
        }
    }
    return nearest;
}
