/*
 * The API's front, replaceable (see api_door.h).
 */
#include "daemon/api_door.h"

struct api_front_copy {
    struct api_front_copy *older;
    struct api_front *front;
    struct arena arena;
    struct api_front_settings settings; /* borrows from the arena */
};

static bool same_settings(const struct api_front_settings *settings, const struct config *config)
{
    const struct config_texts *origins = &config->api.cors_origins;
    const struct config_prefixes *proxies = &config->api.trusted_proxies;

    if (strcmp(settings->public_url, config->api.public_url.text) != 0 ||
        settings->trusted_proxy_count != proxies->count ||
        settings->cors_origin_count != origins->count)
        return false;
    for (size_t i = 0; i < proxies->count; i++) {
        if (!ip_equal(&settings->trusted_proxies[i].address, &proxies->items[i].address) ||
            settings->trusted_proxies[i].length != proxies->items[i].length)
            return false;
    }
    for (size_t i = 0; i < origins->count; i++) {
        if (strcmp(settings->cors_origins[i], origins->items[i].text) != 0)
            return false;
    }
    return true;
}

/* Copies CONFIG's settings into COPY's arena. */
static enum error copy_settings(struct api_front_copy *copy, const struct config *config)
{
    const struct config_texts *origins = &config->api.cors_origins;
    const struct config_prefixes *proxies = &config->api.trusted_proxies;
    struct ip_prefix *prefixes =
        arena_alloc(&copy->arena, (proxies->count + 1) * sizeof(*prefixes));
    const char **names = arena_alloc(&copy->arena, (origins->count + 1) * sizeof(*names));
    const char *url = arena_text(&copy->arena, slice_text(config->api.public_url.text));

    if (prefixes == NULL || names == NULL || url == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < proxies->count; i++)
        prefixes[i] = proxies->items[i];
    for (size_t i = 0; i < origins->count; i++) {
        names[i] = arena_text(&copy->arena, slice_text(origins->items[i].text));
        if (names[i] == NULL)
            return ERR_MEMORY;
    }
    copy->settings.public_url = url;
    copy->settings.trusted_proxies = prefixes;
    copy->settings.trusted_proxy_count = proxies->count;
    copy->settings.cors_origins = names;
    copy->settings.cors_origin_count = origins->count;
    return ERR_NONE;
}

static void copy_free(struct api_front_copy *copy)
{
    if (copy->front != NULL)
        api_front_free(copy->front);
    arena_fini(&copy->arena);
    free(copy);
}

enum error api_door_set(struct api_door *door, const struct config *config)
{
    struct api_front_copy *present = atomic_load(&door->current);
    struct api_front_copy *copy;
    enum error error;

    if (present != NULL && same_settings(&present->settings, config))
        return ERR_NONE;
    copy = calloc(1, sizeof(*copy));
    if (copy == NULL)
        return ERR_MEMORY;
    copy->settings.service = door->service;
    copy->settings.log = door->log;
    copy->settings.clock = door->clock;
    error = copy_settings(copy, config);
    if (error == ERR_NONE)
        error = api_front_new(&copy->settings, &copy->front);
    if (error != ERR_NONE) {
        copy_free(copy);
        return error;
    }
    copy->older = present;
    atomic_store(&door->current, copy);
    return ERR_NONE;
}

void api_door_fini(struct api_door *door)
{
    struct api_front_copy *copy = atomic_exchange(&door->current, NULL);

    while (copy != NULL) {
        struct api_front_copy *older = copy->older;

        copy_free(copy);
        copy = older;
    }
}

void api_door_handle(void *context, struct http_request *request)
{
    struct api_door *door = context;

    api_front_handle(atomic_load(&door->current)->front, request);
}

void api_door_refuse(void *context, int status, struct http_reply *reply)
{
    struct api_door *door = context;

    api_front_refuse(atomic_load(&door->current)->front, status, reply);
}
