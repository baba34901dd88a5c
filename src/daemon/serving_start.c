/*
 * Start and end of what serves (see serving.h): store, DNS, API, the operator's door, in this
 * order, and back.
 */
#include "daemon/serving.h"

#include <urcu/urcu-qsbr.h>

enum {
    API_GRACE_MS = 5000, /* for requests that have begun: an update takes milliseconds */
    ADMIN_GRACE_MS = 1000,
    ADMIN_CONNECTIONS = 64,
};

/* ---- RCU on the threads of HTTP: offline except in callbacks ---- */

static void thread_start(void *context UNUSED)
{
    urcu_qsbr_register_thread();
    urcu_qsbr_thread_offline();
}

static void thread_stop(void *context UNUSED)
{
    urcu_qsbr_unregister_thread();
}

static void callback_enter(void *context UNUSED)
{
    urcu_qsbr_thread_online();
}

static void callback_leave(void *context UNUSED)
{
    urcu_qsbr_thread_offline();
}

static struct http_settings http_settings_of(struct serving *serving, const char *name)
{
    return (struct http_settings){
        .name = name,
        .log = &serving->log,
        .clock = &serving->clock,
        .loops = 1,
        .thread_start = thread_start,
        .thread_stop = thread_stop,
        .callback_enter = callback_enter,
        .callback_leave = callback_leave,
    };
}

/* ---- store ---- */

static enum error open_service(struct serving *serving, char why[COMPLAINT_MAX])
{
    const struct config *config = serving->started;
    struct service_zone *zones = calloc(config->zones.count, sizeof(*zones));
    struct service_settings settings = {
        .database_url = config->database.url.text,
        .data_folder = config->server.data.text,
        .node = config->server.node.text,
        .log = &serving->log,
        .clock = &serving->clock,
    };
    char reason[COMPLAINT_MAX] = "";
    enum error error = ERR_MEMORY;

    if (zones != NULL) {
        config_policy(config, zones, &settings.policy);
        error = service_open(&settings, &serving->service, reason, sizeof(reason));
    }
    if (error == ERR_CONFIG)
        error = config_complain(config, config->database.url.mark, why, "%s", reason);
    else if (error != ERR_NONE)
        snprintf(why, COMPLAINT_MAX, "%s", reason);
    free(zones);
    return error;
}

static enum error start_service(struct serving *serving)
{
    size_t count = dns_front_rings(serving->dns);

    serving->rings = calloc(count, sizeof(struct sighting_ring *));
    if (serving->rings == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < count; i++)
        serving->rings[i] = dns_front_ring(serving->dns, i);
    return service_start(serving->service, serving->rings, count);
}

/* ---- DNS ---- */

enum error serving_zone_set(const struct serving *serving, const struct config *config,
                            struct zone_set **out, char why[COMPLAINT_MAX])
{
    uint16_t *ids = calloc(config->zones.count, sizeof(*ids));
    enum error error = ERR_MEMORY;

    if (ids != NULL) {
        for (size_t i = 0; i < config->zones.count; i++)
            ids[i] = service_zone_id(serving->service, i);
        error = config_zone_set(config, ids, out, why);
    }
    free(ids);
    return error;
}

static enum error open_dns(struct serving *serving, char why[COMPLAINT_MAX])
{
    const struct config *config = serving->started;
    struct dns_front_settings settings = {
        .threads = (int)config->dns.threads,
        .udp_fds = serving->dns_sockets.udp,
        .tcp_fds = serving->dns_sockets.tcp,
        .addresses = config->dns.listen.count,
        .index = service_index(serving->service),
        .log = &serving->log,
        .clock = &serving->clock,
    };
    enum error error = serving_zone_set(serving, config, &settings.zones, why);

    if (error != ERR_NONE)
        return error;
    error = dns_front_new(&settings, &serving->dns);
    listening_forget_sockets(&serving->dns_sockets);
    return error;
}

/* ---- API ---- */

static enum error listen_api(struct serving *serving)
{
    const struct config *config = serving->started;
    size_t threads = config->api.threads;
    enum error error = ERR_NONE;

    for (size_t i = 0; i < config->api.listen.count && error == ERR_NONE; i++) {
        bool is_unix = config->api.listen.items[i].path != NULL;

        /* A Unix socket is a proxy's on this machine: TLS ends there. */
        error = http_server_listen(serving->api, serving->api_sockets.tcp + i * threads,
                                   is_unix ? 1 : threads,
                                   !is_unix && config->api.tls == CONFIG_TLS_FILE);
    }
    listening_forget_sockets(&serving->api_sockets);
    return error;
}

static enum error open_api(struct serving *serving, const struct certificate *certificate,
                           char why[COMPLAINT_MAX])
{
    const struct config *config = serving->started;
    struct http_settings settings = http_settings_of(serving, "api");
    char reason[256];
    enum error error;

    serving->door.service = serving->service;
    serving->door.log = &serving->log;
    serving->door.clock = &serving->clock;
    error = api_door_set(&serving->door, config);
    if (error != ERR_NONE)
        return error;
    settings.handler = api_door_handle;
    settings.refusal = api_door_refuse;
    settings.context = &serving->door;
    settings.loops = (int)config->api.threads;
    settings.connections_max = (int)config->api.connections;
    settings.connections_per_prefix = (int)config->api.connections_per_prefix;
    settings.exempt = config->api.trusted_proxies.items;
    settings.exempt_count = config->api.trusted_proxies.count;
    error = http_server_new(&settings, &serving->api);
    if (error == ERR_NONE && config->api.tls == CONFIG_TLS_FILE) {
        error = http_server_set_certificate(serving->api, certificate->chain, certificate->key,
                                            reason, sizeof(reason));
        if (error == ERR_MALFORMED)
            return config_complain(config, config->api.certificate.mark, why, "%s", reason);
    }
    if (error == ERR_NONE)
        error = listen_api(serving);
    return error;
}

/* ---- the operator's door ---- */

static enum error open_admin(struct serving *serving)
{
    const struct admin_front_settings front = {
        .service = serving->service,
        .dns = serving->dns,
        .api = serving->api,
        .node = serving->started->server.node.text,
        .admin_group = serving->admin_group,
        .log = &serving->log,
        .clock = &serving->clock,
    };
    struct http_settings settings = http_settings_of(serving, "admin");
    int fd = serving->admin_fd;
    enum error error = admin_front_new(&front, &serving->admin_front);

    if (error != ERR_NONE)
        return error;
    settings.handler = admin_front_handle;
    settings.refusal = admin_front_refuse;
    settings.context = serving->admin_front;
    settings.connections_max = ADMIN_CONNECTIONS;
    error = http_server_new(&settings, &serving->admin);
    if (error != ERR_NONE)
        return error;
    serving->admin_fd = -1;
    return http_server_listen(serving->admin, &fd, 1, false);
}

/* ---- all ---- */

enum error serving_start(struct serving *serving, const struct certificate *certificate,
                         char why[COMPLAINT_MAX])
{
    enum error error = open_service(serving, why);

    if (error == ERR_NONE)
        error = open_dns(serving, why);
    if (error == ERR_NONE)
        error = open_api(serving, certificate, why);
    if (error == ERR_NONE)
        error = open_admin(serving);
    /* The writer first: whoever asks finds it running. */
    if (error == ERR_NONE)
        error = start_service(serving);
    if (error == ERR_NONE)
        error = dns_front_start(serving->dns);
    if (error == ERR_NONE)
        error = http_server_start(serving->admin);
    if (error == ERR_NONE)
        error = http_server_start(serving->api);
    return error;
}

void serving_stop(struct serving *serving)
{
    /* No new requests, and an end for those that have begun, while the writer still runs... */
    if (serving->api != NULL)
        http_server_stop(serving->api, API_GRACE_MS);
    if (serving->admin != NULL)
        http_server_stop(serving->admin, ADMIN_GRACE_MS);
    /* ...then what is queued is committed, and DNS answers with it until the last. */
    if (serving->service != NULL)
        service_stop(serving->service);
    if (serving->dns != NULL)
        dns_front_stop(serving->dns);
    if (serving->admin != NULL)
        http_server_free(serving->admin);
    if (serving->admin_front != NULL)
        admin_front_free(serving->admin_front);
    if (serving->api != NULL)
        http_server_free(serving->api);
    api_door_fini(&serving->door);
    if (serving->dns != NULL)
        dns_front_free(serving->dns);
    if (serving->service != NULL)
        service_free(serving->service);
    free(serving->rings);
}
