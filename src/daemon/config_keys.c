/*
 * The tables of the keys, section by section, with their ranges and defaults (see config_keys.h).
 */
#include "daemon/config_keys.h"

#include <sys/un.h>

#include "daemon/config_values.h"

#define KEYS(title_, keys_)                                                                        \
    {                                                                                              \
        .title = (title_), .keys = (keys_), .count = ARRAY_LENGTH(keys_)                           \
    }

enum { THREADS_MAX = 64 };

/* ---- addresses to listen on ---- */

enum error config_parse_listen(const char *text, bool with_unix, struct config_listen *out)
{
    static const char scheme[] = "unix:";
    struct config_listen listen = {.text = text};
    struct sockaddr_un *un = (struct sockaddr_un *)(void *)&listen.address;
    enum error error;

    if (with_unix && strncmp(text, scheme, sizeof(scheme) - 1) == 0) {
        listen.path = text + sizeof(scheme) - 1;
        if (listen.path[0] != '/' || strlen(listen.path) >= sizeof(un->sun_path))
            return ERR_MALFORMED;
        un->sun_family = AF_UNIX;
        memcpy(un->sun_path, listen.path, strlen(listen.path) + 1);
        listen.length = sizeof(*un);
    } else {
        error = value_socket_address(text, &listen.address, &listen.length);
        if (error != ERR_NONE)
            return error;
    }
    *out = listen;
    return ERR_NONE;
}

/* DETAILS points to a bool: whether Unix sockets are taken. */
static enum error take_listens(const struct schema_reading *reading, const struct schema_key *key,
                               const struct node *node, void *out)
{
    bool with_unix = *(const bool *)key->details;
    struct config_listens listens = {0};
    size_t count;
    enum error error = expect_list(reading, key, node, &count);

    if (error != ERR_NONE)
        return error;
    if (count == 0)
        return complain(reading->complaint, node->mark,
                        "\"listen\" is empty; at least one entry is needed");
    listens.items = arena_alloc(reading->arena, count * sizeof(*listens.items));
    if (listens.items == NULL)
        return ERR_MEMORY;
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        struct config_listen *listen = &listens.items[listens.count++];

        error = expect_text(reading, key, item);
        if (error != ERR_NONE)
            return error;
        if (config_parse_listen(item->text, with_unix, listen) != ERR_NONE)
            return complain_value(reading, key, item,
                                  with_unix ? "ADDRESS:PORT, '[IPV6-ADDRESS]:PORT' or unix:/PATH"
                                            : "ADDRESS:PORT or '[IPV6-ADDRESS]:PORT'");
        listen->mark = item->mark;
    }
    *(struct config_listens *)out = listens;
    return ERR_NONE;
}

/* ---- forms ---- */

static bool is_absolute(const char *text)
{
    return text[0] == '/';
}

static bool is_public_url(const char *text)
{
    return value_is_url(text, true);
}

static bool is_origin(const char *text)
{
    return value_is_url(text, false);
}

static bool is_database_url(const char *text)
{
    return strncmp(text, "sqlite:", 7) == 0 && text[7] != '\0' && strncmp(text + 7, "//", 2) != 0;
}

static const struct schema_form any_file = {NULL, "the name of a file"};
static const struct schema_form any_group = {NULL, "the name of a group"};
static const struct schema_form absolute_path = {is_absolute,
                                                 "an absolute path, such as /var/lib/locum"};
static const struct schema_form node_name = {
    value_is_node_name, "1 to 64 letters, digits, dots, hyphens and underscores"};
static const struct schema_form public_url = {
    is_public_url, "a URL without user, query or fragment, such as https://auth.example.org"};
static const struct schema_form origin = {
    is_origin, "an origin, such as https://console.example.org (scheme, host, port, no path)"};
static const struct schema_form database_url = {
    is_database_url, "sqlite:FILE (in the data folder) or sqlite:/ABSOLUTE/FILE"};
static const struct schema_form domain = {
    value_is_domain,
    "a domain name, such as auth.example.org (international names in their xn-- form)"};
static const struct schema_form mail_address = {value_is_mail_address,
                                                "a mail address, such as hostmaster@example.org"};
static const struct schema_form nameserver = {
    NULL, "a host name, such as ns1.example.net, or a host name and its addresses"};

/* ---- server, log, dns ---- */

static const struct schema_key server_keys[] = {
    {"data", take_text, offsetof(struct config, server.data), false, &absolute_path},
    {"run", take_text, offsetof(struct config, server.run), false, &absolute_path},
    {"node", take_text, offsetof(struct config, server.node), false, &node_name},
    {"admin-group", take_text, offsetof(struct config, server.admin_group), false, &any_group},
};
static const struct schema_section server_section = KEYS("\"server\"", server_keys);

static const struct schema_word level_words[] = {{"debug", LOG_LEVEL_DEBUG, false},
                                                 {"info", LOG_LEVEL_INFO, false},
                                                 {"warning", LOG_LEVEL_WARNING, false},
                                                 {"error", LOG_LEVEL_ERROR, false}};
static const struct schema_words levels = {level_words, ARRAY_LENGTH(level_words)};
static const struct schema_word format_words[] = {{"text", LOG_FORMAT_TEXT, false},
                                                  {"json", LOG_FORMAT_JSON, false}};
static const struct schema_words formats = {format_words, ARRAY_LENGTH(format_words)};

static const struct schema_key log_keys[] = {
    {"level", take_word, offsetof(struct config, log.level), false, &levels},
    {"format", take_word, offsetof(struct config, log.format), false, &formats},
};
static const struct schema_section log_section = KEYS("\"log\"", log_keys);

static const bool without_unix = false, with_unix = true;
static const struct schema_range thread_range = {1, THREADS_MAX, NULL};

static const struct schema_key dns_keys[] = {
    {"listen", take_listens, offsetof(struct config, dns.listen), false, &without_unix},
    {"threads", take_number, offsetof(struct config, dns.threads), false, &thread_range},
};
static const struct schema_section dns_section = KEYS("\"dns\"", dns_keys);

/* ---- api ---- */

static const struct schema_word tls_words[] = {
    {"off", CONFIG_TLS_OFF, false}, {"file", CONFIG_TLS_FILE, false}, {"acme", 0, true}};
static const struct schema_words tls_modes = {tls_words, ARRAY_LENGTH(tls_words)};
static const struct schema_range connection_range = {1, 1000000, NULL};

static const struct schema_range limit_range = {0, 1000000, NULL};

static const struct schema_key api_keys[] = {
    {"listen", take_listens, offsetof(struct config, api.listen), false, &with_unix},
    {"tls", take_word, offsetof(struct config, api.tls), false, &tls_modes},
    {"certificate", take_text, offsetof(struct config, api.certificate), false, &any_file},
    {"private-key", take_text, offsetof(struct config, api.private_key), false, &any_file},
    {"public-url", take_text, offsetof(struct config, api.public_url), true, &public_url},
    {"trusted-proxies", take_prefixes, offsetof(struct config, api.trusted_proxies), false, NULL},
    {"cors-origins", take_texts, offsetof(struct config, api.cors_origins), false, &origin},
    {"threads", take_number, offsetof(struct config, api.threads), false, &thread_range},
    {"connections", take_number, offsetof(struct config, api.connections), false,
     &connection_range},
    {"connections-per-prefix", take_number, offsetof(struct config, api.connections_per_prefix),
     false, &connection_range},
    {"updates-per-hour", take_number, offsetof(struct config, api.updates_per_hour), false,
     &limit_range},
};
static const struct schema_section api_section = KEYS("\"api\"", api_keys);

/* ---- zones ---- */

/* dnssec and host-names have one value so far; nothing is stored. */
static const struct schema_word off_on_words[] = {{"off", 0, false},   {"no", 0, false},
                                                  {"false", 0, false}, {"on", 0, true},
                                                  {"yes", 0, true},    {"true", 0, true}};
static const struct schema_words off_on = {off_on_words, ARRAY_LENGTH(off_on_words)};
static const struct schema_word host_name_words[] = {
    {"off", 0, false}, {"loopback", 0, true}, {"no-address", 0, true}};
static const struct schema_words host_names = {host_name_words, ARRAY_LENGTH(host_name_words)};

static enum error take_fixed_word(const struct schema_reading *reading,
                                  const struct schema_key *key, const struct node *node,
                                  void *out UNUSED)
{
    unsigned value;

    return take_word(reading, key, node, &value);
}

static const struct schema_range ttl_range = {
    0, 86400, "a number of seconds up to 86400, or a duration such as 5m"};
static const struct schema_range value_range = {VALUES_MIN, VALUES_MAX, NULL};
/* A value must outlive the slowest validation, and an age beyond ten years is a slip. */
static const struct schema_range lifetime_range = {
    1000, UINT64_C(3650) * 86400000, "a duration from 1s to 3650d, such as 12h or 7d"};

static const struct schema_key zone_keys[] = {
    {"name", take_text, offsetof(struct config_zone, name), true, &domain},
    {"nameservers", take_texts, offsetof(struct config_zone, nameservers), true, &nameserver},
    {"contact", take_text, offsetof(struct config_zone, contact), true, &mail_address},
    {"records", take_records, 0, false, NULL},
    {"records-file", take_text, offsetof(struct config_zone, records_file), false, &any_file},
    {"dnssec", take_fixed_word, 0, false, &off_on},
    {"txt-ttl", take_seconds, offsetof(struct config_zone, txt_ttl), false, &ttl_range},
    {"negative-ttl", take_seconds, offsetof(struct config_zone, negative_ttl), false, &ttl_range},
    {"values", take_number, offsetof(struct config_zone, values), false, &value_range},
    {"value-lifetime", take_duration, offsetof(struct config_zone, value_lifetime_ms), false,
     &lifetime_range},
    {"host-names", take_fixed_word, 0, false, &host_names},
};
static const struct schema_section zone_section = KEYS("an entry of \"zones\"", zone_keys);

static enum error take_zones(const struct schema_reading *reading, const struct schema_key *key,
                             const struct node *node, void *out)
{
    struct config_zones zones = {0};
    size_t count;
    enum error error = expect_list(reading, key, node, &count);

    if (error != ERR_NONE)
        return error;
    zones.items = arena_alloc(reading->arena, count * sizeof(*zones.items));
    if (zones.items == NULL)
        return ERR_MEMORY;
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        struct config_zone *zone = &zones.items[zones.count++];

        zone->negative_ttl = 1;
        zone->values = VALUES_MAX;
        zone->value_lifetime_ms = INT64_C(7) * 86400000;
        error = take_section(reading, key, item, zone);
        if (error != ERR_NONE)
            return error;
    }
    *(struct config_zones *)out = zones;
    return ERR_NONE;
}

/* ---- registration, database ---- */

static const struct schema_word policy_words[] = {{"token", REGISTRATION_TOKEN, false},
                                                  {"open", REGISTRATION_OPEN, false},
                                                  {"closed", REGISTRATION_CLOSED, false}};
static const struct schema_words policies = {policy_words, ARRAY_LENGTH(policy_words)};

static const struct schema_key registration_keys[] = {
    {"policy", take_word, offsetof(struct config, registration.policy), false, &policies},
    {"limit", take_number, offsetof(struct config, registration.limit), false, &limit_range},
    {"exempt", take_prefixes, offsetof(struct config, registration.exempt), false, NULL},
    {"unused-lifetime", take_duration, offsetof(struct config, registration.unused_lifetime_ms),
     false, &lifetime_range},
};
static const struct schema_section registration_section =
    KEYS("\"registration\"", registration_keys);

static enum error take_database_url(const struct schema_reading *reading,
                                    const struct schema_key *key, const struct node *node,
                                    void *out)
{
    const struct schema_form *form = key->details;

    if (node->kind == NODE_TEXT &&
        (strncmp(node->text, "postgresql:", 11) == 0 || strncmp(node->text, "postgres:", 9) == 0))
        return complain(reading->complaint, node->mark,
                        "PostgreSQL is not built in this version; expected %s", form->expects);
    return take_text(reading, key, node, out);
}

static const struct schema_key database_keys[] = {
    {"url", take_database_url, offsetof(struct config, database.url), false, &database_url},
};
static const struct schema_section database_section = KEYS("\"database\"", database_keys);

/* ---- the whole file ---- */

static const struct schema_key file_keys[] = {
    {"server", take_section, 0, false, &server_section},
    {"log", take_section, 0, false, &log_section},
    {"dns", take_section, 0, false, &dns_section},
    {"api", take_section, 0, true, &api_section},
    {"zones", take_zones, offsetof(struct config, zones), true, &zone_section},
    {"registration", take_section, 0, false, &registration_section},
    {"database", take_section, 0, false, &database_section},
    {"acme", NULL, 0, false, NULL},
    {"metrics", NULL, 0, false, NULL},
};

const struct schema_section config_file_section = KEYS(NULL, file_keys);

_Static_assert(sizeof(enum log_level) == sizeof(unsigned) &&
                   sizeof(enum registration_policy) == sizeof(unsigned) &&
                   sizeof(enum config_tls) == sizeof(unsigned),
               "take_word() stores an unsigned");

void config_set_defaults(struct config *config)
{
    config->log.level = LOG_LEVEL_INFO;
    config->log.format = LOG_FORMAT_TEXT;
    config->dns.threads = 2;
    config->api.tls = CONFIG_TLS_OFF;
    config->api.threads = 1;
    config->api.connections = 4096;
    config->api.connections_per_prefix = 256;
    config->api.updates_per_hour = 240;
    config->registration.policy = REGISTRATION_TOKEN;
    config->registration.limit = 60;
    config->registration.unused_lifetime_ms = INT64_C(30) * 86400000;
}
