/*
 * The acme-dns contract: /register, /update, /health. Statuses and bodies are those that existing
 * clients rely on, spaces included: a registration without spaces, everything else with one space
 * after the colon, no final newline.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/encoding.h"
#include "crypto/secret.h"
#include "front/api_private.h"
#include "front/json_fields.h"

static const char type_json[] = "application/json";

/* ---- /register ---- */

struct register_wait {
    struct api_wait wait;
    json_t *fields; /* owned: the allowfrom list is echoed from it */
    struct registration result;
};

/* Acme-dns takes entries in square brackets, as some write IPv6, and drops the brackets. */
static size_t without_brackets(const char *from, char *out)
{
    size_t length = 0;
    for (; *from != '\0'; from++) {
        if (*from != '[' && *from != ']')
            out[length++] = *from;
    }
    out[length] = '\0';
    return length;
}

/* The list of prefixes, cleaned in place of the one in FIELDS. */
static enum error take_allowfrom(json_t *fields, struct slice *out, size_t *count)
{
    json_t *list = json_fields_get(fields, "allowfrom"), *entry;
    size_t i;
    *count = 0;
    if (list == NULL || json_is_null(list))
        return ERR_NONE;
    if (!json_is_array(list))
        return ERR_MALFORMED_JSON;
    json_array_foreach(list, i, entry)
    {
        char text[IP_TEXT_MAX + 8];
        if (json_is_null(entry))
            return ERR_BAD_CIDR;
        if (!json_is_string(entry))
            return ERR_MALFORMED_JSON;
        if (i == ALLOWFROM_MAX || json_string_length(entry) >= sizeof(text))
            return ERR_BAD_CIDR;
        size_t length = without_brackets(json_string_value(entry), text);
        if (json_string_setn(entry, text, length) != 0)
            return ERR_MEMORY;
        out[(*count)++] = slice_of(json_string_value(entry), length);
    }
    return ERR_NONE;
}

/* Members that acme-dns reads into its structure: a wrong type is refused, the value not used. */
static enum error check_other_fields(const json_t *fields)
{
    static const char *const texts[] = {"username", "password", "subdomain", "txt", "domain"};
    uint8_t uuid[16];
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        const json_t *value = json_fields_get(fields, texts[i]);
        if (value != NULL && !json_is_string(value) && !json_is_null(value))
            return ERR_MALFORMED_JSON;
    }
    const json_t *username = json_fields_get(fields, "username");
    if (json_is_string(username) &&
        uuid_parse(json_fields_text(fields, "username"), uuid) != ERR_NONE)
        return ERR_MALFORMED_JSON;
    return ERR_NONE;
}

static json_t *registration_json(const struct register_wait *wait)
{
    const struct api_front *front = wait->wait.call.front;
    const struct registration *result = &wait->result;
    json_t *allowfrom = json_fields_get(wait->fields, "allowfrom");
    char fulldomain[DNS_LABEL_MAX + 1 + DNS_NAME_TEXT_MAX];
    size_t zone_length = strlen(result->zone);
    if (zone_length > 1 && result->zone[zone_length - 1] == '.')
        zone_length--;
    snprintf(fulldomain, sizeof(fulldomain), "%s.%.*s", result->label, (int)zone_length,
             result->zone);
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "username", result->key_id, "password",
                     result->secret, "fulldomain", fulldomain, "subdomain", result->label,
                     "allowfrom", json_is_array(allowfrom) ? json_incref(allowfrom) : json_array(),
                     "server_url", json_sprintf("%s/api/v1/acme-dns-compat", front->public_url));
}

static void answer_registration(struct http_task *task)
{
    struct register_wait *wait = CONTAINER_OF(task, struct register_wait, wait.task);
    const struct api_call *call = &wait->wait.call;
    enum error error = wait->wait.error;
    json_t *answer = error == ERR_NONE ? registration_json(wait) : NULL;
    char *text = answer == NULL ? NULL : json_dumps(answer, JSON_COMPACT);
    if (text != NULL)
        api_answer(call, 201, type_json, slice_text(text));
    else
        api_answer_error(call, error == ERR_NONE ? ERR_MEMORY : error);
    if (text != NULL)
        secret_wipe(text, strlen(text));
    free(text);
    json_decref(answer);
    json_decref(wait->fields);
    secret_wipe(&wait->result, sizeof(wait->result));
    free(wait);
}

static void registered(void *context, enum error error, const struct registration *registration)
{
    struct register_wait *wait = context;
    if (error == ERR_NONE)
        wait->result = *registration;
    api_wait_end(&wait->wait, error);
}

static enum error start_registration(struct register_wait *wait, const struct api_call *call,
                                     uint32_t *retry_after_s)
{
    struct slice allowfrom[ALLOWFROM_MAX];
    struct basic_credentials basic;
    struct registration_request request = {.allowfrom = allowfrom, .origin = api_origin(call)};
    enum error error = json_fields_parse(call->request->body, JSON_WHOLE, &wait->fields);
    if (error == ERR_NONE)
        error = check_other_fields(wait->fields);
    if (error == ERR_NONE)
        error = take_allowfrom(wait->fields, allowfrom, &request.allowfrom_count);
    if (error != ERR_NONE)
        return error;
    request.token = request_token(call->request, call->token, &basic);
    request.domain = json_fields_text(wait->fields, "domain");
    return service_register(call->front->settings.service, &request, registered, wait,
                            retry_after_s);
}

void acmedns_register(const struct api_call *call)
{
    struct register_wait *wait = calloc(1, sizeof(*wait));
    uint32_t retry_after_s = 1;
    if (wait == NULL) {
        api_answer_error(call, ERR_MEMORY);
        return;
    }
    api_wait_begin(&wait->wait, call, answer_registration);
    enum error error = start_registration(wait, call, &retry_after_s);
    if (error == ERR_NONE)
        return;
    json_decref(wait->fields);
    free(wait);
    api_answer_refused(call, error, retry_after_s);
}

/* ---- /update ---- */

struct update_wait {
    struct api_wait wait;
    uint8_t txt[ACME_TXT_LENGTH];
};

static void answer_update(struct http_task *task)
{
    struct update_wait *wait = CONTAINER_OF(task, struct update_wait, wait.task);
    char body[ACME_TXT_LENGTH + 16];
    if (wait->wait.error == ERR_NONE) {
        int length =
            snprintf(body, sizeof(body), "{\"txt\": \"%.*s\"}", ACME_TXT_LENGTH, wait->txt);
        api_answer(&wait->wait.call, 200, type_json, slice_of(body, (size_t)length));
    } else {
        api_answer_error(&wait->wait.call, wait->wait.error);
    }
    free(wait);
}

static void updated(void *context, enum error error)
{
    api_wait_end(context, error);
}

/* Acme-dns reads members in their order into a structure whose user name is a UUID, and stops at
 * one that is none: what stands behind it does not count. */
static void forget_behind_bad_username(json_t *fields)
{
    const char *key;
    json_t *value;
    void *next;
    uint8_t uuid[16];
    bool stopped = false;
    json_object_foreach_safe(fields, next, key, value)
    {
        stopped |= strcasecmp(key, "username") == 0 && json_is_string(value) &&
                   uuid_parse(slice_of(json_string_value(value), json_string_length(value)),
                              uuid) != ERR_NONE;
        if (stopped)
            json_object_del(fields, key);
    }
}

static enum error start_update(struct update_wait *wait, const struct api_call *call,
                               const struct api_key *key, const json_t *fields,
                               uint32_t *retry_after_s)
{
    const struct origin origin = api_origin(call);
    struct slice txt = json_fields_text(fields, "txt");
    if (txt.length == sizeof(wait->txt))
        memcpy(wait->txt, txt.data, sizeof(wait->txt));
    return service_update(call->front->settings.service, key, json_fields_text(fields, "subdomain"),
                          txt, &origin, updated, &wait->wait, retry_after_s);
}

void acmedns_update(const struct api_call *call)
{
    const struct api_key *key;
    json_t *fields = NULL;
    uint32_t retry_after_s = 1;
    enum error error = api_read_key_request(call, JSON_FIRST_VALUE, &key, &fields);
    struct update_wait *wait = error == ERR_NONE ? calloc(1, sizeof(*wait)) : NULL;
    if (error == ERR_NONE && wait == NULL)
        error = ERR_MEMORY;
    if (error == ERR_NONE) {
        api_wait_begin(&wait->wait, call, answer_update);
        forget_behind_bad_username(fields);
        error = start_update(wait, call, key, fields, &retry_after_s);
    }
    json_decref(fields);
    if (error == ERR_NONE)
        return;
    free(wait);
    api_answer_refused(call, error, retry_after_s);
}

/* ---- /health ---- */

/* Says that the door is open, no more: an empty body without a type, as clients know it. */
void acmedns_health(const struct api_call *call)
{
    api_answer(call, 200, NULL, (struct slice){NULL, 0});
}
