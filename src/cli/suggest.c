/*
 * "Did you mean" by edit distance (Levenshtein, and exchanged neighbours): see suggest.h.
 */
#include "cli/suggest.h"

#include <stdint.h>

enum { WORD_MAX = 32 }; /* longer words are no option or command of ours */

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
            size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = smallest(above[j] + 1, row[j - 1] + 1, replaced);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smallest(row[j], row[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

void suggestion_offer(struct suggestion *suggestion, const char *word)
{
    size_t given_length = strlen(suggestion->given);
    size_t length = strlen(word);
    if (given_length > WORD_MAX || length > WORD_MAX)
        return;
    size_t changes = distance(suggestion->given, given_length, word, length);
    if (changes * 3 <= length + 1 && changes < suggestion->distance) {
        suggestion->best = word;
        suggestion->distance = changes;
    }
}
