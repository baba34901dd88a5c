/*
 * Entries of master-file text (see master_file.h).
 */
#include "zone/master_file.h"

/* State within one entry. */
struct scan {
    int depth; /* open parentheses */
    bool quoted;
    bool empty; /* nothing but blanks so far */
    char *out;
};

static void put(struct scan *scan, char c)
{
    *scan->out++ = c;
    if (c != ' ' && c != '\t')
        scan->empty = false;
}

static void skip_comment(struct master_file *file)
{
    while (*file->at != '\0' && *file->at != '\n')
        file->at++;
}

/* Takes the character C outside quotes. False if it ends the entry. */
static bool take_plain(struct master_file *file, struct scan *scan, char c)
{
    switch (c) {
    case ';':
        skip_comment(file);
        return true;
    case '(':
        scan->depth++;
        put(scan, ' ');
        return true;
    case ')':
        scan->depth--;
        put(scan, ' ');
        return scan->depth >= 0;
    case '\r':
        put(scan, ' ');
        return true;
    case '\n':
        file->line++;
        if (scan->depth == 0)
            return false;
        put(scan, ' ');
        return true;
    default:
        put(scan, c);
        return true;
    }
}

/* Takes one line, or the lines within parentheses. False if quote or parenthesis do not match. */
static bool take_entry(struct master_file *file, struct scan *scan)
{
    while (*file->at != '\0') {
        char c = *file->at++;
        if (c == '\\' && *file->at != '\0' && *file->at != '\n') {
            put(scan, c);
            put(scan, *file->at++);
        } else if (scan->quoted && c == '\n') {
            return false; /* a string goes on over lines by mistake alone */
        } else if (c == '"') {
            scan->quoted = !scan->quoted;
            put(scan, c);
        } else if (scan->quoted) {
            put(scan, c);
        } else if (!take_plain(file, scan, c)) {
            break;
        }
    }
    return scan->depth == 0 && !scan->quoted;
}

enum error master_file_next(struct master_file *file, struct master_entry *entry)
{
    for (;;) {
        struct scan scan = {.empty = true, .out = entry->text};
        entry->line = file->line;
        if (*file->at == '\0')
            return ERR_NOT_FOUND;
        if (!take_entry(file, &scan))
            return ERR_MALFORMED;
        *scan.out = '\0';
        if (!scan.empty)
            return ERR_NONE;
    }
}
