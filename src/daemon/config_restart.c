/*
 * What takes a restart when the configuration changes, and complaints after the file was read (see
 * config.h).
 */
#include "daemon/config.h"

#include <stdarg.h>

enum error config_complain(const struct config *config, struct mark mark, char why[COMPLAINT_MAX],
                           const char *format, ...)
{
    struct complaint complaint = {config->file, why, COMPLAINT_MAX};
    char text[COMPLAINT_MAX];
    va_list values;

    va_start(values, format);
    vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    return complain(&complaint, mark, "%s", text);
}

static bool same_text(const struct config_text *a, const struct config_text *b)
{
    return strcmp(a->text, b->text) == 0;
}

static bool same_listens(const struct config_listens *a, const struct config_listens *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->items[i].text, b->items[i].text) != 0)
            return false;
    }
    return true;
}

void config_restart_keys(const struct config *old, const struct config *new, char *out, size_t size)
{
    const struct {
        const char *key;
        bool same;
    } keys[] = {
        {"server.data", same_text(&old->server.data, &new->server.data)},
        {"server.run", same_text(&old->server.run, &new->server.run)},
        {"server.node", same_text(&old->server.node, &new->server.node)},
        {"server.admin-group", same_text(&old->server.admin_group, &new->server.admin_group)},
        {"dns.listen", same_listens(&old->dns.listen, &new->dns.listen)},
        {"dns.threads", old->dns.threads == new->dns.threads},
        {"api.listen", same_listens(&old->api.listen, &new->api.listen)},
        {"api.tls", old->api.tls == new->api.tls},
        {"api.threads", old->api.threads == new->api.threads},
        {"api.connections", old->api.connections == new->api.connections},
        {"api.connections-per-prefix",
         old->api.connections_per_prefix == new->api.connections_per_prefix},
        {"database.url", same_text(&old->database.url, &new->database.url)},
    };
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_LENGTH(keys) && used < size; i++) {
        if (!keys[i].same)
            used +=
                (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? "," : "", keys[i].key);
    }
}
