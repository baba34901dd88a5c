/*
 * The YAML tree (see config_tree.h), built from libyaml's events. libyaml's marks count lines and
 * columns from 0, ours from 1; its columns count characters, as an editor does.
 */
#include "daemon/config_tree.h"

#include <yaml.h>

enum {
    DEPTH_MAX = 12,      /* three are needed; a deeper file is an attack on the stack */
    ENTRIES_MAX = 20000, /* of one section or list: duplicate keys are found by comparing pairs */
    SECTION_KEYS_MAX = 256,
};

static const char empty_file[] = "the file is empty; at least \"api\" and \"zones\" are needed";

struct tree_parser {
    yaml_parser_t yaml;
    struct slice input;
    struct arena *arena;
    const struct complaint *complaint;
};

static struct mark mark_of(yaml_mark_t mark)
{
    return (struct mark){mark.line + 1, mark.column + 1};
}

/* ---- before YAML: UTF-8 and control characters ---- */

/* Length of the UTF-8 sequence at DATA (RFC 3629), or 0 if it is none. */
static size_t utf8_length(const uint8_t *data, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = data[0] < 0x80   ? 1
                    : data[0] < 0xc2 ? 0
                    : data[0] < 0xe0 ? 2
                    : data[0] < 0xf0 ? 3
                    : data[0] < 0xf5 ? 4
                                     : 0;
    uint32_t code = length > 1 ? data[0] & (0x7fu >> length) : data[0];

    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((data[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (data[i] & 0x3fu);
    }
    if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    return length;
}

/* libyaml also takes UTF-16, and tells no line for a byte it refuses: so look first. */
static enum error check_characters(struct slice input, const struct complaint *complaint)
{
    struct mark mark = {1, 1};

    for (size_t i = 0; i < input.length;) {
        uint8_t c = input.data[i];
        size_t length = utf8_length(input.data + i, input.length - i);

        if (length == 0)
            return complain(complaint, mark, "the file is not UTF-8 text here (byte 0x%02x)", c);
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
            return complain(complaint, mark, "a control character (0x%02x) is not allowed", c);
        if (c == '\n')
            mark = (struct mark){mark.line + 1, 1};
        else
            mark.column++;
        i += length;
    }
    return ERR_NONE;
}

/* ---- errors of YAML itself ---- */

/* The byte at libyaml's place, whose `index` counts characters, not bytes. */
static int byte_at(struct slice input, struct mark mark)
{
    size_t i = 0;

    for (size_t line = 1; line < mark.line && i < input.length; i++)
        line += input.data[i] == '\n';
    for (size_t column = 1; column < mark.column && i < input.length; column++) {
        size_t length = utf8_length(input.data + i, input.length - i);
        i += length > 0 ? length : 1;
    }
    return i < input.length ? input.data[i] : -1;
}

static enum error yaml_failure(struct tree_parser *parser)
{
    const yaml_parser_t *yaml = &parser->yaml;
    struct mark mark = mark_of(yaml->problem_mark);
    const char *problem = yaml->problem != NULL ? yaml->problem : "it can't be read";

    if (yaml->error == YAML_MEMORY_ERROR)
        return ERR_MEMORY;
    if (byte_at(parser->input, mark) == '\t')
        return complain(parser->complaint, mark,
                        "a tab can't stand here; YAML is indented with spaces");
    if (yaml->context != NULL)
        return complain(parser->complaint, mark, "this is no YAML: %s (%s)", problem,
                        yaml->context);
    return complain(parser->complaint, mark, "this is no YAML: %s", problem);
}

static enum error next_event(struct tree_parser *parser, yaml_event_t *event)
{
    if (!yaml_parser_parse(&parser->yaml, event))
        return yaml_failure(parser);
    return ERR_NONE;
}

/* ---- nodes ---- */

static enum error parse_node(struct tree_parser *parser, yaml_event_t *event, unsigned depth,
                             struct node **out);

/* Refuses what can be attached to any node. EVENT's names are only looked at. */
static enum error check_decorations(const struct tree_parser *parser, struct mark mark,
                                    const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL)
        return complain(parser->complaint, mark,
                        "anchors (&name) are not supported; write the value out");
    if (tag != NULL)
        return complain(parser->complaint, mark,
                        "tags (!name) are not supported; write the value without");
    return ERR_NONE;
}

static bool is_null_word(const char *text)
{
    return text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

/* Where the lines of a block begin: the line after the `|`, at the indentation of the first line
 * that holds something. */
static struct mark block_content(struct slice input, struct mark indicator)
{
    struct mark content = {indicator.line + 1, 1};
    size_t i = 0, column = 1;

    for (size_t line = 1; line < content.line && i < input.length; i++)
        line += input.data[i] == '\n';
    for (; i < input.length; i++) {
        if (input.data[i] == '\n' || input.data[i] == '\r')
            column = 1;
        else if (input.data[i] == ' ')
            column++;
        else
            return (struct mark){content.line, column};
    }
    return content;
}

static enum error parse_text(struct tree_parser *parser, const yaml_event_t *event,
                             struct node *node)
{
    struct slice value = slice_of(event->data.scalar.value, event->data.scalar.length);
    yaml_scalar_style_t style = event->data.scalar.style;
    enum error error =
        check_decorations(parser, node->mark, event->data.scalar.anchor, event->data.scalar.tag);

    if (error != ERR_NONE)
        return error;
    if (slice_find(value, '\0') != value.length)
        return complain(parser->complaint, node->mark, "a NUL character is not allowed");
    node->text = arena_text(parser->arena, value);
    if (node->text == NULL)
        return ERR_MEMORY;
    node->kind = NODE_TEXT;
    node->empty = style == YAML_PLAIN_SCALAR_STYLE && is_null_word(node->text);
    node->literal = style == YAML_LITERAL_SCALAR_STYLE;
    node->folded = style == YAML_FOLDED_SCALAR_STYLE;
    node->content = node->literal ? block_content(parser->input, node->mark) : node->mark;
    return ERR_NONE;
}

static enum error parse_list(struct tree_parser *parser, const yaml_event_t *start, unsigned depth,
                             struct node *node)
{
    struct node **last = &node->first;
    enum error error = check_decorations(parser, node->mark, start->data.sequence_start.anchor,
                                         start->data.sequence_start.tag);

    node->kind = NODE_LIST;
    for (size_t count = 0; error == ERR_NONE; count++) {
        yaml_event_t event;
        bool ended;

        error = next_event(parser, &event);
        if (error != ERR_NONE)
            break;
        ended = event.type == YAML_SEQUENCE_END_EVENT;
        if (!ended && count >= ENTRIES_MAX)
            error = complain(parser->complaint, mark_of(event.start_mark),
                             "the list is too long; at most %d entries", ENTRIES_MAX);
        else if (!ended)
            error = parse_node(parser, &event, depth, last);
        if (!ended && error == ERR_NONE)
            last = &(*last)->next;
        yaml_event_delete(&event);
        if (ended)
            break;
    }
    return error;
}

static enum error check_key(struct tree_parser *parser, const struct node *section,
                            const struct node *key)
{
    char name[QUOTED_MAX];
    size_t count = 0;

    if (key->kind != NODE_TEXT)
        return complain(parser->complaint, key->mark, "a key must be a plain word");
    if (strcmp(key->text, "<<") == 0)
        return complain(parser->complaint, key->mark,
                        "merge keys (<<) are not supported; write the keys out");
    if (key->text[0] == '\0')
        return complain(parser->complaint, key->mark, "a key is missing before \":\"");
    for (const struct node *other = section->first; other != NULL; other = other->next, count++) {
        if (strcmp(other->key, key->text) == 0)
            return complain(parser->complaint, key->mark,
                            "duplicate key %s; it stands in line %zu already",
                            quoted(key->text, name), other->key_mark.line);
    }
    if (count >= SECTION_KEYS_MAX)
        return complain(parser->complaint, key->mark, "too many keys in one section");
    return ERR_NONE;
}

/* Reads the value that belongs to KEY and links it in. */
static enum error parse_entry(struct tree_parser *parser, const struct node *key, unsigned depth,
                              struct node **last)
{
    yaml_event_t event;
    enum error error = next_event(parser, &event);

    if (error != ERR_NONE)
        return error;
    error = parse_node(parser, &event, depth, last);
    yaml_event_delete(&event);
    if (error != ERR_NONE)
        return error;
    (*last)->key = key->text;
    (*last)->key_mark = key->mark;
    return ERR_NONE;
}

static enum error parse_section(struct tree_parser *parser, const yaml_event_t *start,
                                unsigned depth, struct node *node)
{
    struct node **last = &node->first;
    enum error error = check_decorations(parser, node->mark, start->data.mapping_start.anchor,
                                         start->data.mapping_start.tag);

    node->kind = NODE_SECTION;
    while (error == ERR_NONE) {
        struct node *key = NULL;
        yaml_event_t event;
        bool ended;

        error = next_event(parser, &event);
        if (error != ERR_NONE)
            break;
        ended = event.type == YAML_MAPPING_END_EVENT;
        if (!ended)
            error = parse_node(parser, &event, depth, &key);
        yaml_event_delete(&event);
        if (ended || error != ERR_NONE)
            break;
        error = check_key(parser, node, key);
        if (error == ERR_NONE)
            error = parse_entry(parser, key, depth, last);
        if (error == ERR_NONE)
            last = &(*last)->next;
    }
    return error;
}

/* Makes *OUT of the node that EVENT begins. EVENT stays the caller's. *OUT is set on success
 * only. */
static enum error parse_node(struct tree_parser *parser, yaml_event_t *event, unsigned depth,
                             struct node **out)
{
    struct node *node = arena_alloc(parser->arena, sizeof(*node));
    enum error error;

    if (node == NULL)
        return ERR_MEMORY;
    node->mark = mark_of(event->start_mark);
    if (depth > DEPTH_MAX)
        return complain(parser->complaint, node->mark, "this is nested too deeply");
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        error = parse_text(parser, event, node);
        break;
    case YAML_SEQUENCE_START_EVENT:
        error = parse_list(parser, event, depth + 1, node);
        break;
    case YAML_MAPPING_START_EVENT:
        error = parse_section(parser, event, depth + 1, node);
        break;
    case YAML_ALIAS_EVENT:
        return complain(parser->complaint, node->mark,
                        "aliases (*name) are not supported; write the value out");
    default:
        return complain(parser->complaint, node->mark, "this is not expected here");
    }
    if (error == ERR_NONE)
        *out = node;
    return error;
}

/* ---- the document ---- */

/* Takes the next event, which must be of TYPE; anything else is a second document. */
static enum error expect_event(struct tree_parser *parser, yaml_event_type_t type)
{
    yaml_event_t event;
    enum error error = next_event(parser, &event);

    if (error != ERR_NONE)
        return error;
    if (event.type != type) {
        error = event.type == YAML_STREAM_END_EVENT
                    ? complain(parser->complaint, (struct mark){1, 1}, "%s", empty_file)
                    : complain(parser->complaint, mark_of(event.start_mark),
                               "a second document begins here; one file is one document");
    } else if (type == YAML_DOCUMENT_START_EVENT &&
               event.data.document_start.tag_directives.start !=
                   event.data.document_start.tag_directives.end) {
        error = complain(parser->complaint, mark_of(event.start_mark),
                         "tags (%%TAG) are not supported");
    }
    yaml_event_delete(&event);
    return error;
}

static enum error parse_document(struct tree_parser *parser, struct node **out)
{
    yaml_event_t event;
    struct node *root = NULL;
    enum error error = expect_event(parser, YAML_STREAM_START_EVENT);

    if (error == ERR_NONE)
        error = expect_event(parser, YAML_DOCUMENT_START_EVENT);
    if (error == ERR_NONE)
        error = next_event(parser, &event);
    if (error != ERR_NONE)
        return error;
    error = parse_node(parser, &event, 0, &root);
    yaml_event_delete(&event);
    if (error == ERR_NONE)
        error = expect_event(parser, YAML_DOCUMENT_END_EVENT);
    if (error == ERR_NONE)
        error = expect_event(parser, YAML_STREAM_END_EVENT);
    if (error == ERR_NONE)
        *out = root;
    return error;
}

enum error config_tree_parse(struct slice yaml, struct arena *arena,
                             const struct complaint *complaint, const struct node **out)
{
    struct tree_parser parser = {.input = yaml, .arena = arena, .complaint = complaint};
    struct node *root = NULL;
    enum error error = check_characters(yaml, complaint);

    if (error != ERR_NONE)
        return error;
    if (yaml.length == 0)
        return complain(complaint, (struct mark){1, 1}, "%s", empty_file);
    if (!yaml_parser_initialize(&parser.yaml))
        return ERR_MEMORY;
    yaml_parser_set_encoding(&parser.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser.yaml, yaml.data, yaml.length);
    error = parse_document(&parser, &root);
    yaml_parser_delete(&parser.yaml);
    if (error == ERR_NONE)
        *out = root;
    return error;
}
