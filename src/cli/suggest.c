/*
 * "Did you mean" by edit distance (Levenshtein): see suggest.h.
 */
#include "cli/suggest.h"

#include <stdint.h>

enum { WORD_MAX = 32 }; /* longer words are no option or command of ours */

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Insertions, deletions and replacements that make B of A; both at most WORD_MAX bytes. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j];
            size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = smallest(above + 1, row[j - 1] + 1, replaced);
            diagonal = above;
        }
    }
    return row[b_length];
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
