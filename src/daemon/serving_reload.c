/*
 * Changes while the daemon serves (see serving.h). A mistake in the files never gets here: the
 * outbound process has refused it. What can still fail is storage, for a zone that is new: then the
 * old configuration stays, though a new certificate may already be in use.
 */
#include "daemon/serving.h"

#include <sys/wait.h>

enum { RESTART_KEYS_MAX = 512 };

/* ---- asking ---- */

static void reload_failed(struct serving *serving, const char *why)
{
    serving->reload_asked = false;
    LOG(&serving->log, LOG_LEVEL_ERROR, "reload_failed", LOG_TEXT("why", why),
        LOG_TEXT("effect", "the present configuration stays"));
    notify_ready(&serving->notify);
}

void serving_ask_reload(struct serving *serving)
{
    enum error error = ERR_NOT_FOUND;

    LOG(&serving->log, LOG_LEVEL_INFO, "reloading", LOG_TEXT("file", serving->started->file));
    notify_reloading(&serving->notify);
    if (serving->channel.fd >= 0)
        error = channel_send(&serving->channel, MESSAGE_RELOAD, slice_of(NULL, 0), 0);
    if (error == ERR_NONE)
        serving->reload_asked = true;
    else
        reload_failed(serving, error == ERR_TIMEOUT
                                   ? "the outbound process does not listen"
                                   : "the outbound process has ended; a restart is needed");
}

/* ---- taking up ---- */

static enum error take_policy(struct serving *serving, const struct config *config,
                              char why[COMPLAINT_MAX])
{
    struct service_zone *zones = calloc(config->zones.count, sizeof(*zones));
    struct service_policy policy;
    enum error error = ERR_MEMORY;

    if (zones != NULL) {
        config_policy(config, zones, &policy);
        error = service_reload(serving->service, &policy);
    }
    if (error != ERR_NONE)
        snprintf(why, COMPLAINT_MAX, "%s", error_info(error)->text);
    free(zones);
    return error;
}

static enum error take_certificate(struct serving *serving, const struct config *config,
                                   const struct reload *reload, char why[COMPLAINT_MAX])
{
    char reason[256];
    enum error error;

    if (serving->started->api.tls != CONFIG_TLS_FILE || reload->chain.length == 0)
        return ERR_NONE;
    error = http_server_set_certificate(serving->api, reload->chain, reload->key, reason,
                                        sizeof(reason));
    if (error == ERR_NONE)
        return ERR_NONE;
    if (error == ERR_MALFORMED)
        return config_complain(config, config->api.certificate.mark, why, "%s", reason);
    snprintf(why, COMPLAINT_MAX, "%s", error_info(error)->text);
    return error;
}

/* In the order in which a refusal is likely: after the certificate and the policy only memory can
 * run out, and what can't fail comes last. */
static enum error take_up(struct serving *serving, const struct config *config,
                          const struct reload *reload, char why[COMPLAINT_MAX])
{
    struct zone_set *zones = NULL;
    enum error error = take_certificate(serving, config, reload, why);

    if (error == ERR_NONE)
        error = take_policy(serving, config, why);
    if (error == ERR_NONE)
        error = serving_zone_set(serving, config, &zones, why);
    if (error != ERR_NONE)
        return error;
    error = api_door_set(&serving->door, config);
    if (error != ERR_NONE) {
        snprintf(why, COMPLAINT_MAX, "%s", error_info(error)->text);
        zone_set_free(zones);
        return error;
    }
    dns_front_set_zones(serving->dns, zones);
    atomic_store(&serving->log.level, config->log.level);
    atomic_store(&serving->log.format, config->log.format);
    return ERR_NONE;
}

static void say_reloaded(struct serving *serving, const struct config *config)
{
    char keys[RESTART_KEYS_MAX];

    serving->reload_asked = false;
    config_restart_keys(serving->started, config, keys, sizeof(keys));
    if (keys[0] != '\0')
        LOG(&serving->log, LOG_LEVEL_WARNING, "reloaded", LOG_INT("zones", config->zones.count),
            LOG_TEXT("restart_needed_for", keys));
    else
        LOG(&serving->log, LOG_LEVEL_INFO, "reloaded", LOG_INT("zones", config->zones.count));
    notify_ready(&serving->notify);
}

static void hear_reloaded(struct serving *serving, const struct message *message)
{
    struct reload reload;
    struct config *config = NULL;
    char why[COMPLAINT_MAX] = "";
    enum error error = reload_decode(message->body, &reload);

    if (error != ERR_NONE) {
        reload_failed(serving, error_info(error)->text);
        return;
    }
    error = config_parse(reload.sources, reload.source_count, &config, why);
    if (error == ERR_NONE)
        error = take_up(serving, config, &reload, why);
    if (error == ERR_NONE) {
        if (serving->current != serving->started)
            config_free(serving->current);
        serving->current = config;
        say_reloaded(serving, config);
    } else {
        config_free(config);
        reload_failed(serving, why);
    }
    reload_fini(&reload);
}

/* ---- hearing ---- */

/* A counted text as a NUL-terminated one. */
static void take_text_of(const struct message *message, char out[COMPLAINT_MAX])
{
    struct reader reader = reader_of(message->body);
    struct slice text = read_counted(&reader);

    if (slice_to_text(text, out, COMPLAINT_MAX) != ERR_NONE)
        snprintf(out, COMPLAINT_MAX, "no reason was given");
}

static void hear_message(struct serving *serving, const struct message *message)
{
    char text[COMPLAINT_MAX];
    struct reader reader = reader_of(message->body);

    switch (message->kind) {
    case MESSAGE_HELLO:
        LOG(&serving->log, LOG_LEVEL_INFO, "outbound_started", LOG_INT("pid", read_u32(&reader)));
        break;
    case MESSAGE_RELOADED:
        hear_reloaded(serving, message);
        break;
    case MESSAGE_REFUSED:
        take_text_of(message, text);
        reload_failed(serving, text);
        break;
    case MESSAGE_ENDED:
        take_text_of(message, text);
        LOG(&serving->log, LOG_LEVEL_ERROR, "outbound_ended", LOG_TEXT("how", text),
            LOG_TEXT("effect", "serving goes on; it is started again"));
        if (serving->reload_asked)
            reload_failed(serving, "the outbound process ended meanwhile");
        break;
    default:
        break;
    }
}

/* Both the outbound process and its keeper are gone: nothing can be read anew any more. */
static void lose_outbound(struct serving *serving)
{
    LOG(&serving->log, LOG_LEVEL_ERROR, "outbound_lost",
        LOG_TEXT("effect", "serving goes on; reloads need a restart"));
    channel_fini(&serving->channel);
    if (serving->keeper > 0 && waitpid(serving->keeper, NULL, WNOHANG) == serving->keeper)
        serving->keeper = 0;
    if (serving->reload_asked)
        reload_failed(serving, "the outbound process has ended; a restart is needed");
}

void serving_hear(struct serving *serving)
{
    for (;;) {
        struct message message;
        enum error error = channel_receive(&serving->channel, &message);

        if (error == ERR_SHORT)
            return;
        if (error == ERR_NOT_FOUND || error == ERR_IO) {
            lose_outbound(serving);
            return;
        }
        if (error != ERR_NONE) {
            LOG(&serving->log, LOG_LEVEL_ERROR, "outbound_message", LOG_ERROR(error));
            continue;
        }
        hear_message(serving, &message);
        message_free(&message);
    }
}
