/*
 * The machinery of the schema: a table of keys for each section, each key with the function that
 * takes its value, and what that function needs to know. The tables themselves stand in
 * config_keys.c.
 */
#ifndef LOCUM_DAEMON_CONFIG_SCHEMA_H
#define LOCUM_DAEMON_CONFIG_SCHEMA_H

#include "daemon/config_tree.h"

struct schema_reading {
    struct arena *arena; /* takes what the values point to */
    const struct complaint *complaint;
};

struct schema_key;

/* Takes the value NODE of KEY into OUT. */
typedef enum error schema_take(const struct schema_reading *reading, const struct schema_key *key,
                               const struct node *node, void *out);

struct schema_key {
    const char *name;
    schema_take *take; /* NULL: the feature is not built, the key is refused */
    size_t offset;     /* of the value in the section's structure */
    bool required;
    const void *details; /* as `take` needs it */
};

struct schema_section {
    const char *title; /* "\"dns\"", "an entry of \"zones\""; NULL for the whole file */
    const struct schema_key *keys;
    size_t count;
};

struct schema_word {
    const char *word;
    unsigned value; /* of the enum */
    bool unbuilt;
};

struct schema_words {
    const struct schema_word *words;
    size_t count;
};

struct schema_range {
    uint64_t least;
    uint64_t most;
    const char *expects; /* durations: what the message says */
};

struct schema_form {
    bool (*valid)(const char *text); /* NULL: any text that is not empty */
    const char *expects;
};

/* OUT is the structure of the section. */
MUST_CHECK enum error schema_take_section(const struct schema_reading *reading,
                                          const struct schema_section *section,
                                          const struct node *node, void *out);

/* What DETAILS and OUT are, for each: */
schema_take take_section;  /* schema_section; the structure that belongs to it */
schema_take take_word;     /* schema_words; an enum */
schema_take take_number;   /* schema_range; uint32_t */
schema_take take_seconds;  /* schema_range in seconds; uint32_t: a bare number or a duration */
schema_take take_duration; /* schema_range in milliseconds; int64_t */
schema_take take_text;     /* schema_form; struct config_text */
schema_take take_texts;    /* schema_form; struct config_texts */
schema_take take_prefixes; /* nothing; struct config_prefixes */
schema_take take_records;  /* nothing; struct config_zone */

/* For further ones: complains unless NODE is a text (a list) and has a value. */
MUST_CHECK enum error expect_text(const struct schema_reading *reading,
                                  const struct schema_key *key, const struct node *node);
MUST_CHECK enum error expect_list(const struct schema_reading *reading,
                                  const struct schema_key *key, const struct node *node,
                                  size_t *count);
/* `"KEY" is "VALUE"; expected EXPECTS`. */
MUST_CHECK enum error complain_value(const struct schema_reading *reading,
                                     const struct schema_key *key, const struct node *node,
                                     const char *expects);

#endif
