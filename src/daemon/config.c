/*
 * From files to a configuration (see config.h): reading, defaults, and the checks that look at more
 * than one key.
 */
#include "daemon/config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config_keys.h"
#include "daemon/config_tree.h"

/* How a file gets here: from the disk, or out of what the other process sent. ERR_IO sets errno. */
struct file_source {
    enum error (*read)(const struct file_source *source, struct arena *arena, const char *path,
                       struct slice *out);
    const struct config_source *sources;
    size_t count;
};

static const struct mark file_start = {1, 1};

/* ---- files ---- */

static enum error read_descriptor(int fd, struct arena *arena, struct slice *out)
{
    struct stat about;
    uint8_t *data;
    size_t length = 0, size;

    if (fstat(fd, &about) != 0)
        return ERR_IO;
    if (!S_ISREG(about.st_mode)) {
        errno = S_ISDIR(about.st_mode) ? EISDIR : EINVAL;
        return ERR_IO;
    }
    if (about.st_size > CONFIG_FILE_MAX) {
        errno = EFBIG;
        return ERR_IO;
    }
    size = (size_t)about.st_size;
    data = arena_alloc(arena, size + 1);
    if (data == NULL)
        return ERR_MEMORY;
    while (length < size) {
        ssize_t got = read(fd, data + length, size - length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_IO;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    *out = slice_of(data, length);
    return ERR_NONE;
}

static enum error read_from_disk(const struct file_source *source UNUSED, struct arena *arena,
                                 const char *path, struct slice *out)
{
    /* O_NONBLOCK: a FIFO in the file's place must not stop the start. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum error error;
    int saved;

    if (fd < 0)
        return ERR_IO;
    error = read_descriptor(fd, arena, out);
    saved = errno;
    close(fd);
    errno = saved;
    return error;
}

static enum error read_from_sources(const struct file_source *source, struct arena *arena,
                                    const char *path, struct slice *out)
{
    for (size_t i = 0; i < source->count; i++) {
        struct slice text = source->sources[i].text;
        char *copy;

        if (strcmp(source->sources[i].path, path) != 0)
            continue;
        copy = arena_text(arena, text);
        if (copy == NULL)
            return ERR_MEMORY;
        *out = slice_of(copy, text.length);
        return ERR_NONE;
    }
    errno = ENOENT;
    return ERR_IO;
}

/* Remembers what was read: a reload sends it on. */
static enum error add_source(struct config *config, const char *path, struct slice text)
{
    struct config_source *sources =
        arena_alloc(&config->arena, (config->source_count + 1) * sizeof(*sources));

    if (sources == NULL)
        return ERR_MEMORY;
    if (config->source_count > 0)
        memcpy(sources, config->sources, config->source_count * sizeof(*sources));
    sources[config->source_count] = (struct config_source){path, text};
    config->sources = sources;
    config->source_count++;
    return ERR_NONE;
}

/* PATH as seen from the folder of the configuration file; NULL if there is no memory. */
static const char *beside_file(struct config *config, const char *path)
{
    const char *slash = strrchr(config->file, '/');
    size_t folder = slash != NULL ? (size_t)(slash - config->file) + 1 : 0;
    size_t length = strlen(path);
    char *joined;

    if (path[0] == '/' || folder == 0)
        return path;
    joined = arena_alloc(&config->arena, folder + length + 1);
    if (joined != NULL) {
        memcpy(joined, config->file, folder);
        memcpy(joined + folder, path, length);
    }
    return joined;
}

/* ---- defaults that need memory ---- */

static enum error default_listens(struct config *config, struct config_listens *listens,
                                  const char *const *texts, size_t count)
{
    if (listens->count > 0)
        return ERR_NONE;
    listens->items = arena_alloc(&config->arena, count * sizeof(*listens->items));
    if (listens->items == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (config_parse_listen(texts[i], false, &listens->items[i]) != ERR_NONE)
            return ERR_INTERNAL;
        listens->items[i].mark = file_start;
    }
    listens->count = count;
    return ERR_NONE;
}

static void default_text(struct config_text *text, const char *value)
{
    if (text->text == NULL)
        *text = (struct config_text){value, file_start};
}

static enum error fill_defaults(struct config *config)
{
    static const char *const dns[] = {"0.0.0.0:53", "[::]:53"};
    static const char *const api[] = {"0.0.0.0:443"};
    char host[65] = "localhost";
    const char *node;
    enum error error = default_listens(config, &config->dns.listen, dns, ARRAY_LENGTH(dns));

    if (error == ERR_NONE)
        error = default_listens(config, &config->api.listen, api, ARRAY_LENGTH(api));
    if (error != ERR_NONE)
        return error;
    if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
        memcpy(host, "localhost", sizeof("localhost"));
    node = arena_text(&config->arena, slice_text(host));
    if (node == NULL)
        return ERR_MEMORY;
    config->server.admin_group_given = config->server.admin_group.text != NULL;
    default_text(&config->server.data, "/var/lib/locum");
    default_text(&config->server.run, "/run/locum");
    default_text(&config->server.node, node);
    default_text(&config->server.admin_group, "locum-admin");
    default_text(&config->database.url, "sqlite:locum.db");
    return ERR_NONE;
}

/* ---- checks over more than one key ---- */

static bool same_wildcard_or_address(const struct sockaddr_storage *a,
                                     const struct sockaddr_storage *b)
{
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *x = (const void *)a, *y = (const void *)b;

        return x->sin_addr.s_addr == y->sin_addr.s_addr || x->sin_addr.s_addr == INADDR_ANY ||
               y->sin_addr.s_addr == INADDR_ANY;
    }
    const struct sockaddr_in6 *x = (const void *)a, *y = (const void *)b;

    return IN6_ARE_ADDR_EQUAL(&x->sin6_addr, &y->sin6_addr) ||
           IN6_IS_ADDR_UNSPECIFIED(&x->sin6_addr) || IN6_IS_ADDR_UNSPECIFIED(&y->sin6_addr);
}

static in_port_t port_of(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET
               ? ((const struct sockaddr_in *)(const void *)address)->sin_port
               : ((const struct sockaddr_in6 *)(const void *)address)->sin6_port;
}

/* Whether one socket could not be bound beside the other. IPv6 sockets take IPv6 alone. */
static bool collide(const struct config_listen *a, const struct config_listen *b)
{
    if (a->path != NULL || b->path != NULL)
        return a->path != NULL && b->path != NULL && strcmp(a->path, b->path) == 0;
    if (a->address.ss_family != b->address.ss_family)
        return false;
    return port_of(&a->address) == port_of(&b->address) && port_of(&a->address) != 0 &&
           same_wildcard_or_address(&a->address, &b->address);
}

static enum error check_collision(const struct complaint *complaint,
                                  const struct config_listens *listens,
                                  const struct config_listen *listen)
{
    for (const struct config_listen *other = listens->items;
         other < listens->items + listens->count && other != listen; other++) {
        if (collide(listen, other))
            return complain(complaint, listen->mark,
                            "%s can't be listened on beside %s of line %zu; take one out",
                            listen->text, other->text, other->mark.line);
    }
    return ERR_NONE;
}

static enum error check_listens(const struct config *config, const struct complaint *complaint)
{
    enum error error = ERR_NONE;

    for (size_t i = 0; i < config->dns.listen.count && error == ERR_NONE; i++)
        error = check_collision(complaint, &config->dns.listen, &config->dns.listen.items[i]);
    for (size_t i = 0; i < config->api.listen.count && error == ERR_NONE; i++) {
        error = check_collision(complaint, &config->api.listen, &config->api.listen.items[i]);
        if (error == ERR_NONE)
            error = check_collision(complaint, &config->dns.listen, &config->api.listen.items[i]);
    }
    return error;
}

static enum error finish_api(struct config *config, const struct complaint *complaint)
{
    struct config_text *files[] = {&config->api.certificate, &config->api.private_key};
    const char *names[] = {"certificate", "private-key"};

    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        struct config_text *file = files[i];

        if (file->text == NULL && config->api.tls == CONFIG_TLS_FILE)
            return complain(complaint, config->api.public_url.mark,
                            "\"%s\" is missing in \"api\"; \"tls: file\" needs it", names[i]);
        if (file->text == NULL)
            continue;
        if (config->api.tls != CONFIG_TLS_FILE)
            return complain(complaint, file->mark,
                            "\"%s\" is given, but \"tls\" is off; write \"tls: file\" or take it "
                            "out",
                            names[i]);
        file->text = beside_file(config, file->text);
        if (file->text == NULL)
            return ERR_MEMORY;
    }
    return ERR_NONE;
}

/* A URL is joined with paths that begin with a slash. */
static enum error trim_public_url(struct config *config)
{
    struct slice url = slice_text(config->api.public_url.text);

    while (url.length > 0 && url.data[url.length - 1] == '/')
        url.length--;
    config->api.public_url.text = arena_text(&config->arena, url);
    return config->api.public_url.text != NULL ? ERR_NONE : ERR_MEMORY;
}

static struct slice without_dot(const char *name)
{
    struct slice slice = slice_text(name);

    if (slice.length > 0 && slice.data[slice.length - 1] == '.')
        slice.length--;
    return slice;
}

static enum error read_records(struct config *config, const struct file_source *source,
                               const struct complaint *complaint, struct config_zone *zone)
{
    struct slice text;
    char name[QUOTED_MAX];
    enum error error;

    zone->records_path = beside_file(config, zone->records_file.text);
    if (zone->records_path == NULL)
        return ERR_MEMORY;
    if (config->source_count >= CONFIG_SOURCES_MAX)
        return complain(complaint, zone->records_file.mark, "too many records-files; at most %d",
                        CONFIG_SOURCES_MAX - 1);
    error = source->read(source, &config->arena, zone->records_path, &text);
    if (error == ERR_IO)
        return complain(complaint, zone->records_file.mark, "%s can't be read: %s",
                        quoted(zone->records_path, name), strerror(errno));
    if (error == ERR_NONE)
        error = add_source(config, zone->records_path, text);
    if (error != ERR_NONE)
        return error;
    if (slice_find(text, '\0') != text.length)
        return complain(complaint, zone->records_file.mark, "%s holds a NUL character",
                        quoted(zone->records_path, name));
    zone->records.text = (const char *)text.data; /* both readers end it with a NUL */
    zone->records.mark = zone->records_file.mark;
    zone->records_start = file_start;
    return ERR_NONE;
}

static enum error finish_zone(struct config *config, const struct file_source *source,
                              const struct complaint *complaint, struct config_zone *zone)
{
    char name[QUOTED_MAX];

    for (const struct config_zone *other = config->zones.items; other < zone; other++) {
        if (slice_equal_nocase(without_dot(other->name.text), without_dot(zone->name.text)))
            return complain(complaint, zone->name.mark, "the zone %s stands in line %zu already",
                            quoted(zone->name.text, name), other->name.mark.line);
    }
    if (zone->records_file.text == NULL)
        return ERR_NONE;
    if (zone->records.text != NULL)
        return complain(complaint, zone->records_file.mark,
                        "\"records\" and \"records-file\" exclude each other; take one out");
    return read_records(config, source, complaint, zone);
}

static enum error finish(struct config *config, const struct file_source *source,
                         const struct complaint *complaint)
{
    enum error error = fill_defaults(config);

    if (error == ERR_NONE)
        error = finish_api(config, complaint);
    if (error == ERR_NONE)
        error = trim_public_url(config);
    if (error == ERR_NONE)
        error = check_listens(config, complaint);
    for (size_t i = 0; i < config->zones.count && error == ERR_NONE; i++)
        error = finish_zone(config, source, complaint, &config->zones.items[i]);
    return error;
}

/* ---- the whole ---- */

static enum error read_file(struct config *config, const struct file_source *source,
                            const struct complaint *complaint, struct slice *text)
{
    enum error error = source->read(source, &config->arena, config->file, text);

    if (error == ERR_IO) {
        snprintf(complaint->why, complaint->size, "%s: the configuration can't be read: %s",
                 config->file, strerror(errno));
        return ERR_CONFIG;
    }
    if (error == ERR_NONE)
        error = add_source(config, config->file, *text);
    return error;
}

static enum error fill(struct config *config, const struct file_source *source,
                       const struct complaint *complaint)
{
    const struct schema_reading reading = {&config->arena, complaint};
    const struct node *root = NULL;
    struct slice text;
    enum error error = read_file(config, source, complaint, &text);

    if (error == ERR_NONE)
        error = config_tree_parse(text, &config->arena, complaint, &root);
    if (error != ERR_NONE)
        return error;
    if (root->kind == NODE_TEXT && root->empty)
        return complain(complaint, file_start,
                        "the file is empty; at least \"api\" and \"zones\" are needed");
    if (root->kind != NODE_SECTION)
        return complain(complaint, root->mark,
                        "the file must be a list of sections, such as \"api:\" and \"zones:\"");
    config_set_defaults(config);
    error = schema_take_section(&reading, &config_file_section, root, config);
    if (error == ERR_NONE)
        error = finish(config, source, complaint);
    return error;
}

static enum error make(const char *file, const struct file_source *source, struct config **out,
                       char why[COMPLAINT_MAX])
{
    struct complaint complaint = {file, why, COMPLAINT_MAX};
    struct config *config = calloc(1, sizeof(*config));
    enum error error = ERR_MEMORY;

    if (config != NULL) {
        config->file = arena_text(&config->arena, slice_text(file));
        if (config->file != NULL)
            error = fill(config, source, &complaint);
    }
    if (error == ERR_NONE) {
        *out = config;
        return ERR_NONE;
    }
    if (error != ERR_CONFIG)
        snprintf(why, COMPLAINT_MAX, "%s: %s", file, error_info(error)->text);
    config_free(config);
    return error;
}

enum error config_load(const char *file, struct config **out, char why[COMPLAINT_MAX])
{
    const struct file_source disk = {.read = read_from_disk};

    return make(file, &disk, out, why);
}

enum error config_parse(const struct config_source *sources, size_t count, struct config **out,
                        char why[COMPLAINT_MAX])
{
    const struct file_source texts = {read_from_sources, sources, count};

    return make(sources[0].path, &texts, out, why);
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    arena_fini(&config->arena);
    free(config);
}
