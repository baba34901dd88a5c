/*
 * locum's own API for holders of an API key: clearing values, and reading what is there.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/encoding.h"
#include "front/api_private.h"
#include "front/json_fields.h"

static const char type_json[] = "application/json";

/* ---- /api/v1/clear ---- */

struct clear_wait {
    struct api_wait wait;
    uint32_t cleared;
};

static void answer_clear(struct http_task *task)
{
    struct clear_wait *wait = CONTAINER_OF(task, struct clear_wait, wait.task);
    char body[32];
    if (wait->wait.error == ERR_NONE) {
        int length = snprintf(body, sizeof(body), "{\"cleared\": %u}", wait->cleared);
        api_answer(&wait->wait.call, 200, type_json, slice_of(body, (size_t)length));
    } else {
        api_answer_error(&wait->wait.call, wait->wait.error);
    }
    free(wait);
}

static void cleared(void *context, enum error error, uint32_t count)
{
    struct clear_wait *wait = context;
    wait->cleared = count;
    api_wait_end(&wait->wait, error);
}

/* The value to clear: empty for all. A "txt" that is there must be one: clearing everything because
 * a client sent the wrong type would be no mercy. */
static enum error value_to_clear(const json_t *fields, struct slice *txt)
{
    const json_t *value = json_fields_get(fields, "txt");
    *txt = json_fields_text(fields, "txt");
    if (value == NULL || json_is_null(value) || txt->length > 0)
        return ERR_NONE;
    return ERR_BAD_TXT;
}

static enum error start_clear(struct clear_wait *wait, const struct api_call *call,
                              const struct api_key *key, const json_t *fields,
                              uint32_t *retry_after_s)
{
    const struct origin origin = api_origin(call);
    struct slice txt, subdomain = json_fields_text(fields, "subdomain");
    enum error error = value_to_clear(fields, &txt);
    if (error == ERR_BAD_TXT && !slice_equal(subdomain, delegate_label(key->delegate)))
        return ERR_FORBIDDEN;
    if (error != ERR_NONE)
        return error;
    return service_clear(call->front->settings.service, key, subdomain, txt, &origin, cleared, wait,
                         retry_after_s);
}

void v1_clear(const struct api_call *call)
{
    const struct api_key *key;
    json_t *fields = NULL;
    uint32_t retry_after_s = 1;
    enum error error = api_read_key_request(call, JSON_WHOLE, &key, &fields);
    struct clear_wait *wait = error == ERR_NONE ? calloc(1, sizeof(*wait)) : NULL;
    if (error == ERR_NONE && wait == NULL)
        error = ERR_MEMORY;
    if (error == ERR_NONE) {
        api_wait_begin(&wait->wait, call, answer_clear);
        error = start_clear(wait, call, key, fields, &retry_after_s);
    }
    json_decref(fields);
    if (error == ERR_NONE)
        return;
    free(wait);
    api_answer_refused(call, error, retry_after_s);
}

/* ---- /api/v1/values ---- */

static json_t *values_json(const struct value_set *set)
{
    json_t *list = json_array();
    for (uint32_t i = 0; set != NULL && i < set->count; i++) {
        char added[TIME_TEXT_MAX];
        struct slice text = value_text(set, i);
        time_to_text(value_mark(set, i).added_ms, added);
        json_array_append_new(list, json_pack("{s:s%, s:s}", "txt", (const char *)text.data,
                                              text.length, "added", added));
    }
    return list;
}

void v1_values(const struct api_call *call)
{
    struct service *service = call->front->settings.service;
    const struct api_key *key;
    enum error error = api_authenticate(call, &key);
    if (error != ERR_NONE) {
        api_answer_error(call, error);
        return;
    }
    const struct delegate *delegate = key->delegate;
    const char *zone = service_zone_name(service, delegate->zone);
    struct slice label = delegate_label(delegate);
    json_t *answer = json_pack("{s:o, s:s%, s:o}", "fulldomain",
                               json_sprintf("%.*s.%s", (int)label.length, (const char *)label.data,
                                            zone == NULL ? "" : zone),
                               "subdomain", (const char *)label.data, label.length, "values",
                               values_json(delegate_values(delegate)));
    char *text = answer == NULL ? NULL : json_dumps(answer, 0);
    if (text != NULL)
        api_answer(call, 200, type_json, slice_text(text));
    else
        api_answer_error(call, ERR_MEMORY);
    free(text);
    json_decref(answer);
}
