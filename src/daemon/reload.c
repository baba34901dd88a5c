/*
 * Reading everything, and its way over the channel (see reload.h). The body: u32 count of files,
 * for each its path and text, then chain and key; all counted.
 */
#include "daemon/reload.h"

#include "daemon/channel.h"

/* ---- reading ---- */

static enum error read_certificate(struct reading *reading, char why[COMPLAINT_MAX])
{
    const struct config *config = reading->config;
    struct certificate_refusal refusal;
    enum error error;

    if (config->api.tls != CONFIG_TLS_FILE)
        return ERR_NONE;
    error = certificate_read(config->api.certificate.text, config->api.private_key.text,
                             &reading->certificate, &refusal);
    if (error != ERR_CONFIG)
        return error;
    return config_complain(
        config, refusal.in_key ? config->api.private_key.mark : config->api.certificate.mark, why,
        "%s", refusal.why);
}

/* The zones of a configuration are checked by building them. */
static enum error check_zones(const struct config *config, char why[COMPLAINT_MAX])
{
    uint16_t *ids = calloc(config->zones.count, sizeof(*ids));
    struct zone_set *zones = NULL;
    enum error error = ids != NULL ? ERR_NONE : ERR_MEMORY;

    for (size_t i = 0; i < config->zones.count && ids != NULL; i++)
        ids[i] = (uint16_t)(i + 1);
    if (error == ERR_NONE)
        error = config_zone_set(config, ids, &zones, why);
    if (error == ERR_NONE)
        zone_set_free(zones);
    free(ids);
    return error;
}

enum error reading_make(const char *file, struct reading *out, char why[COMPLAINT_MAX])
{
    struct reading reading = {0};
    enum error error = config_load(file, &reading.config, why);

    if (error == ERR_NONE)
        error = check_zones(reading.config, why);
    if (error == ERR_NONE)
        error = read_certificate(&reading, why);
    if (error == ERR_NONE) {
        *out = reading;
        return ERR_NONE;
    }
    if (error != ERR_CONFIG)
        snprintf(why, COMPLAINT_MAX, "%s: %s", file, error_info(error)->text);
    reading_free(&reading);
    return error;
}

void reading_free(struct reading *reading)
{
    config_free(reading->config);
    reading->config = NULL;
    certificate_free(&reading->certificate);
}

/* ---- over the channel ---- */

static size_t encoded_length(const struct reading *reading)
{
    const struct config *config = reading->config;
    size_t length =
        3 * sizeof(uint32_t) + reading->certificate.chain.length + reading->certificate.key.length;

    for (size_t i = 0; i < config->source_count; i++)
        length +=
            2 * sizeof(uint32_t) + strlen(config->sources[i].path) + config->sources[i].text.length;
    return length;
}

enum error reload_encode(const struct reading *reading, uint8_t **out, size_t *length)
{
    const struct config *config = reading->config;
    size_t size = encoded_length(reading);
    struct writer writer;
    uint8_t *body;

    if (size > CHANNEL_MESSAGE_MAX)
        return ERR_TOO_LARGE;
    body = malloc(size);
    if (body == NULL)
        return ERR_MEMORY;
    writer = writer_of(body, size);
    write_u32(&writer, (uint32_t)config->source_count);
    for (size_t i = 0; i < config->source_count; i++) {
        write_counted(&writer, slice_text(config->sources[i].path));
        write_counted(&writer, config->sources[i].text);
    }
    write_counted(&writer, reading->certificate.chain);
    write_counted(&writer, reading->certificate.key);
    *out = body;
    *length = writer_length(&writer);
    return ERR_NONE;
}

enum error reload_decode(struct slice body, struct reload *out)
{
    struct reload *reload = out;
    struct reader reader = reader_of(body);
    uint32_t count = read_u32(&reader);
    enum error error = ERR_NONE;

    *reload = (struct reload){0};
    if (count == 0 || count > CONFIG_SOURCES_MAX)
        return ERR_MALFORMED;
    for (uint32_t i = 0; i < count && error == ERR_NONE; i++) {
        struct slice path = read_counted(&reader);
        struct slice text = read_counted(&reader);
        char *copy = arena_text(&reload->arena, path);

        if (copy == NULL)
            error = ERR_MEMORY;
        reload->sources[reload->source_count++] = (struct config_source){copy, text};
    }
    reload->chain = read_counted(&reader);
    reload->key = read_counted(&reader);
    if (error == ERR_NONE && (reader.failed || reader_left(&reader) != 0))
        error = ERR_MALFORMED;
    if (error != ERR_NONE)
        reload_fini(reload);
    return error;
}

void reload_fini(struct reload *reload)
{
    arena_fini(&reload->arena);
}
