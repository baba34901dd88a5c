/*
 * The machinery of the schema (see config_schema.h).
 */
#include "daemon/config_schema.h"

#include "base/suggest.h"
#include "daemon/config.h"
#include "daemon/config_values.h"

enum { LISTED_MAX = 512 };

/* ---- kinds of nodes ---- */

static const char *kind_name(const struct node *node)
{
    switch (node->kind) {
    case NODE_LIST:
        return "a list";
    case NODE_SECTION:
        return "a section of keys";
    default:
        return "a single value";
    }
}

static const char *subject(const struct schema_key *key, const struct node *node, char *out,
                           size_t size)
{
    snprintf(out, size, node->key != NULL ? "\"%s\"" : "an entry of \"%s\"", key->name);
    return out;
}

static enum error expect_kind(const struct schema_reading *reading, const struct schema_key *key,
                              const struct node *node, enum node_kind kind, const char *wanted)
{
    char name[QUOTED_MAX];

    subject(key, node, name, sizeof(name));
    if (node->kind == NODE_TEXT && node->empty)
        return complain(reading->complaint, node->key != NULL ? node->key_mark : node->mark,
                        "%s has no value; expected %s", name, wanted);
    if (node->kind != kind)
        return complain(reading->complaint, node->mark, "%s is %s; expected %s", name,
                        kind_name(node), wanted);
    return ERR_NONE;
}

enum error expect_text(const struct schema_reading *reading, const struct schema_key *key,
                       const struct node *node)
{
    enum error error = expect_kind(reading, key, node, NODE_TEXT, "a single value");

    if (error == ERR_NONE && node->folded)
        error =
            complain(reading->complaint, node->mark, "\">\" joins lines; write \"|\" to keep them");
    return error;
}

enum error expect_list(const struct schema_reading *reading, const struct schema_key *key,
                       const struct node *node, size_t *count)
{
    enum error error = expect_kind(reading, key, node, NODE_LIST, "a list, such as [one, two]");

    if (error != ERR_NONE)
        return error;
    *count = 0;
    for (const struct node *item = node->first; item != NULL; item = item->next)
        (*count)++;
    if (key->required && *count == 0)
        return complain(reading->complaint, node->mark,
                        "\"%s\" is empty; at least one entry is needed", key->name);
    return ERR_NONE;
}

enum error complain_value(const struct schema_reading *reading, const struct schema_key *key,
                          const struct node *node, const char *expects)
{
    char name[QUOTED_MAX], value[QUOTED_MAX];

    return complain(reading->complaint, node->mark, "%s is %s; expected %s",
                    subject(key, node, name, sizeof(name)), quoted(node->text, value), expects);
}

/* ---- sections ---- */

static const char *key_name(const void *section, size_t i)
{
    return ((const struct schema_section *)section)->keys[i].name;
}

static enum error complain_unknown(const struct schema_reading *reading,
                                   const struct schema_section *section, const struct node *entry)
{
    const char *nearest = nearest_word(entry->key, key_name, section, section->count);
    char name[QUOTED_MAX], keys[LISTED_MAX] = "";
    const char *in = section->title != NULL ? " in " : "";
    const char *title = section->title != NULL ? section->title : "";

    quoted(entry->key, name);
    if (nearest != NULL)
        return complain(reading->complaint, entry->key_mark,
                        "unknown key %s%s%s; did you mean \"%s\"?", name, in, title, nearest);
    for (size_t i = 0, used = 0; i < section->count && used < sizeof(keys); i++) {
        if (section->keys[i].take != NULL)
            used += (size_t)snprintf(keys + used, sizeof(keys) - used, "%s%s", used > 0 ? ", " : "",
                                     section->keys[i].name);
    }
    return complain(reading->complaint, entry->key_mark, "unknown key %s%s%s; the keys are %s",
                    name, in, title, keys);
}

static const struct schema_key *find_key(const struct schema_section *section, const char *name)
{
    for (size_t i = 0; i < section->count; i++) {
        if (strcmp(section->keys[i].name, name) == 0)
            return &section->keys[i];
    }
    return NULL;
}

static const struct node *find_entry(const struct node *node, const char *name)
{
    for (const struct node *entry = node->first; entry != NULL; entry = entry->next) {
        if (strcmp(entry->key, name) == 0)
            return entry;
    }
    return NULL;
}

static enum error check_required(const struct schema_reading *reading,
                                 const struct schema_section *section, const struct node *node)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct schema_key *key = &section->keys[i];

        if (!key->required || find_entry(node, key->name) != NULL)
            continue;
        if (section->title == NULL)
            return complain(reading->complaint, node->mark, "\"%s\" is missing", key->name);
        return complain(reading->complaint, node->key != NULL ? node->key_mark : node->mark,
                        "\"%s\" is missing in %s", key->name, section->title);
    }
    return ERR_NONE;
}

enum error schema_take_section(const struct schema_reading *reading,
                               const struct schema_section *section, const struct node *node,
                               void *out)
{
    enum error error;

    for (const struct node *entry = node->first; entry != NULL; entry = entry->next) {
        const struct schema_key *key = find_key(section, entry->key);

        if (key == NULL)
            return complain_unknown(reading, section, entry);
        if (key->take == NULL)
            return complain(reading->complaint, entry->key_mark,
                            "\"%s\" is not built in this version; take it out", key->name);
        error = key->take(reading, key, entry, (char *)out + key->offset);
        if (error != ERR_NONE)
            return error;
    }
    return check_required(reading, section, node);
}

enum error take_section(const struct schema_reading *reading, const struct schema_key *key,
                        const struct node *node, void *out)
{
    enum error error = expect_kind(reading, key, node, NODE_SECTION, "a section of keys");

    if (error == ERR_NONE)
        error = schema_take_section(reading, key->details, node, out);
    return error;
}

/* ---- words ---- */

/* The built word that TEXT was probably meant to be, or NULL: what is not built helps nobody. */
static const char *nearest_built(const struct schema_words *words, const char *text)
{
    struct suggestion suggestion = suggestion_for(text);

    for (size_t i = 0; i < words->count; i++) {
        if (!words->words[i].unbuilt)
            suggestion_offer(&suggestion, words->words[i].word);
    }
    return suggestion.best;
}

/* "token, open or closed", without those that are not built. */
static void list_words(const struct schema_words *words, char *out, size_t size)
{
    size_t built = 0, done = 0, used = 0;

    for (size_t i = 0; i < words->count; i++)
        built += !words->words[i].unbuilt;
    for (size_t i = 0; i < words->count && used < size; i++) {
        if (words->words[i].unbuilt)
            continue;
        done++;
        used += (size_t)snprintf(out + used, size - used, "%s%s",
                                 done == 1       ? ""
                                 : done == built ? " or "
                                                 : ", ",
                                 words->words[i].word);
    }
}

static enum error complain_word(const struct schema_reading *reading, const struct schema_key *key,
                                const struct node *node)
{
    const struct schema_words *words = key->details;
    const char *nearest = nearest_built(words, node->text);
    char expects[LISTED_MAX], value[QUOTED_MAX];

    list_words(words, expects, sizeof(expects));
    if (nearest == NULL)
        return complain_value(reading, key, node, expects);
    return complain(reading->complaint, node->mark,
                    "\"%s\" is %s; expected %s; did you mean \"%s\"?", key->name,
                    quoted(node->text, value), expects, nearest);
}

enum error take_word(const struct schema_reading *reading, const struct schema_key *key,
                     const struct node *node, void *out)
{
    const struct schema_words *words = key->details;
    char expects[LISTED_MAX];
    enum error error = expect_text(reading, key, node);

    if (error != ERR_NONE)
        return error;
    for (size_t i = 0; i < words->count; i++) {
        const struct schema_word *word = &words->words[i];

        if (strcmp(word->word, node->text) != 0)
            continue;
        if (word->unbuilt) {
            list_words(words, expects, sizeof(expects));
            return complain(reading->complaint, node->mark,
                            "\"%s: %s\" is not built in this version; expected %s", key->name,
                            word->word, expects);
        }
        memcpy(out, &word->value, sizeof(word->value));
        return ERR_NONE;
    }
    return complain_word(reading, key, node);
}

/* ---- numbers ---- */

enum error take_number(const struct schema_reading *reading, const struct schema_key *key,
                       const struct node *node, void *out)
{
    const struct schema_range *range = key->details;
    char expects[QUOTED_MAX];
    uint64_t number;
    enum error error = expect_text(reading, key, node);

    if (error != ERR_NONE)
        return error;
    if (value_number(node->text, &number) != ERR_NONE || number < range->least ||
        number > range->most) {
        snprintf(expects, sizeof(expects), "a whole number from %llu to %llu",
                 (unsigned long long)range->least, (unsigned long long)range->most);
        return complain_value(reading, key, node, expects);
    }
    *(uint32_t *)out = (uint32_t)number;
    return ERR_NONE;
}

enum error take_seconds(const struct schema_reading *reading, const struct schema_key *key,
                        const struct node *node, void *out)
{
    const struct schema_range *range = key->details;
    uint64_t seconds;
    int64_t milliseconds;
    enum error error = expect_text(reading, key, node);

    if (error != ERR_NONE)
        return error;
    if (value_number(node->text, &seconds) != ERR_NONE) {
        if (value_duration(node->text, &milliseconds) != ERR_NONE || milliseconds % 1000 != 0)
            return complain_value(reading, key, node, range->expects);
        seconds = (uint64_t)milliseconds / 1000;
    }
    if (seconds < range->least || seconds > range->most)
        return complain_value(reading, key, node, range->expects);
    *(uint32_t *)out = (uint32_t)seconds;
    return ERR_NONE;
}

enum error take_duration(const struct schema_reading *reading, const struct schema_key *key,
                         const struct node *node, void *out)
{
    const struct schema_range *range = key->details;
    int64_t milliseconds;
    enum error error = expect_text(reading, key, node);

    if (error != ERR_NONE)
        return error;
    if (value_duration(node->text, &milliseconds) != ERR_NONE ||
        (uint64_t)milliseconds < range->least || (uint64_t)milliseconds > range->most)
        return complain_value(reading, key, node, range->expects);
    *(int64_t *)out = milliseconds;
    return ERR_NONE;
}

/* ---- texts ---- */

enum error take_text(const struct schema_reading *reading, const struct schema_key *key,
                     const struct node *node, void *out)
{
    const struct schema_form *form = key->details;
    enum error error = expect_text(reading, key, node);

    if (error != ERR_NONE)
        return error;
    if (node->text[0] == '\0' || (form->valid != NULL && !form->valid(node->text)))
        return complain_value(reading, key, node, form->expects);
    *(struct config_text *)out = (struct config_text){node->text, node->mark};
    return ERR_NONE;
}

enum error take_texts(const struct schema_reading *reading, const struct schema_key *key,
                      const struct node *node, void *out)
{
    struct config_texts texts = {0};
    size_t count;
    enum error error = expect_list(reading, key, node, &count);

    if (error != ERR_NONE)
        return error;
    texts.items = arena_alloc(reading->arena, count * sizeof(*texts.items));
    if (texts.items == NULL)
        return ERR_MEMORY;
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        error = take_text(reading, key, item, &texts.items[texts.count++]);
        if (error != ERR_NONE)
            return error;
    }
    *(struct config_texts *)out = texts;
    return ERR_NONE;
}

enum error take_prefixes(const struct schema_reading *reading, const struct schema_key *key,
                         const struct node *node, void *out)
{
    struct config_prefixes prefixes = {0};
    size_t count;
    enum error error = expect_list(reading, key, node, &count);

    if (error != ERR_NONE)
        return error;
    prefixes.items = arena_alloc(reading->arena, count * sizeof(*prefixes.items));
    if (prefixes.items == NULL)
        return ERR_MEMORY;
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        error = expect_text(reading, key, item);
        if (error != ERR_NONE)
            return error;
        if (ip_parse_prefix_or_address(slice_text(item->text), &prefixes.items[prefixes.count]) !=
            ERR_NONE)
            return complain_value(reading, key, item,
                                  "an address or a prefix, such as 10.0.0.0/8 or 2001:db8::/32");
        prefixes.count++;
    }
    *(struct config_prefixes *)out = prefixes;
    return ERR_NONE;
}

enum error take_records(const struct schema_reading *reading, const struct schema_key *key,
                        const struct node *node, void *out)
{
    struct config_zone *zone = out;
    enum error error = expect_text(reading, key, node);

    if (error != ERR_NONE)
        return error;
    zone->records = (struct config_text){node->text, node->mark};
    zone->records_start = node->content;
    return ERR_NONE;
}
