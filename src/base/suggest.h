/*
 * "Did you mean": the known word nearest to one that is not known. Pure.
 */
#ifndef LOCUM_BASE_SUGGEST_H
#define LOCUM_BASE_SUGGEST_H

#include <stddef.h>

struct suggestion {
    const char *given;
    const char *best; /* NULL until a word is near enough */
    size_t distance;  /* of BEST */
};

static inline struct suggestion suggestion_for(const char *given)
{
    return (struct suggestion){given, NULL, (size_t)-1};
}

/* The number of single-character insertions, deletions, replacements and exchanges of neighbours
 * that make A into B, without regard to case; SIZE_MAX if either is longer than 48 bytes. */
size_t suggestion_distance(const char *a, const char *b);
/* Offers WORD (borrowed): it becomes BEST if it is nearer than every word before it, and near
 * enough: if over half of the letters differ a suggestion would be a guess. Case does not count. */
void suggestion_offer(struct suggestion *suggestion, const char *word);

#endif
