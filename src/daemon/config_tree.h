/*
 * YAML as a tree of nodes with their places: the form between libyaml's events and the schema. What
 * YAML offers beyond sections, lists and text is refused here, each with its own message: several
 * documents, anchors, aliases, tags, merge keys, a key twice.
 */
#ifndef LOCUM_DAEMON_CONFIG_TREE_H
#define LOCUM_DAEMON_CONFIG_TREE_H

#include "base/arena.h"
#include "daemon/complaint.h"

enum node_kind { NODE_TEXT, NODE_LIST, NODE_SECTION };

struct node {
    enum node_kind kind;
    struct mark mark;
    const char *text;    /* NODE_TEXT; never NULL, holds no NUL */
    bool empty;          /* NODE_TEXT: written as nothing, ~ or null */
    bool literal;        /* NODE_TEXT: a block after `|`: its lines are lines of the file */
    bool folded;         /* NODE_TEXT: a block after `>` */
    struct mark content; /* NODE_TEXT: where the text itself begins */
    const char *key;     /* in a section: the key this is the value of; else NULL */
    struct mark key_mark;
    struct node *first; /* NODE_LIST, NODE_SECTION */
    struct node *next;  /* the next entry of the same list or section */
};

/* Reads one document. The nodes live in ARENA. ERR_CONFIG with a complaint, or ERR_MEMORY. */
MUST_CHECK enum error config_tree_parse(struct slice yaml, struct arena *arena,
                                        const struct complaint *complaint, const struct node **out);

#endif
