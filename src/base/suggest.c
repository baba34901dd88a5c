/*
 * "Did you mean" by edit distance (Levenshtein, and exchanged neighbours): see suggest.h.
 */
#include "base/suggest.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/ascii.h"

enum { WORD_MAX = 48 }; /* longer words are no key, option or command of ours */

static bool same(char a, char b)
{
    return ascii_lower((uint8_t)a) == ascii_lower((uint8_t)b);
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Insertions, deletions, replacements and exchanges of neighbours that make B of A; both at most
 * WORD_MAX bytes. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][WORD_MAX + 1]; /* row i, modulo 3: the first i bytes of A */
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = above[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1);
            row[j] = smallest(above[j] + 1, row[j - 1] + 1, replaced);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                row[j] = smallest(row[j], row[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

size_t suggestion_distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > WORD_MAX || b_length > WORD_MAX)
        return (size_t)-1;
    return distance(a, a_length, b, b_length);
}

void suggestion_offer(struct suggestion *suggestion, const char *word)
{
    size_t given_length = strlen(suggestion->given), length = strlen(word);
    size_t longer = given_length > length ? given_length : length;
    size_t changes = suggestion_distance(suggestion->given, word);
    if (changes < suggestion->distance && changes * 2 <= longer + 1) {
        suggestion->best = word;
        suggestion->distance = changes;
    }
}
