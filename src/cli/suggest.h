/*
 * "Did you mean": the known word nearest to one that is not known. Pure.
 */
#ifndef LOCUM_CLI_SUGGEST_H
#define LOCUM_CLI_SUGGEST_H

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

/* Offers WORD (borrowed): it becomes BEST if it is nearer than every word before it, and near
 * enough to be a slip of the fingers (a third of the letters). */
void suggestion_offer(struct suggestion *suggestion, const char *word);

#endif
