/*
 * What the routes of the public HTTP door share: reading a key's request, answering, waiting (see
 * api_private.h).
 */
#include <stdio.h>

#include "front/api_private.h"
#include "front/cors.h"

enum { UNAVAILABLE_RETRY_S = 2 }; /* the writer tries to bring the storage back once a second */

struct origin api_origin(const struct api_call *call)
{
    return (struct origin){.address = call->client,
                           .user_agent = http_header_get(call->request, "User-Agent"),
                           .request_id = call->request->id};
}

/* Refusals at our doors are what an operator looks for. Others, with which anyone could fill the
 * log, are for the curious; changes that were made have lines of their own. */
static enum log_level level_of(const struct api_call *call, int status)
{
    bool refused = status >= 400 && call->route[0] == '/';
    return refused ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

static void answer(const struct api_call *call, int status, const char *type, struct slice body,
                   const struct http_header *extra, size_t extra_count)
{
    struct http_header headers[8];
    size_t count = cors_headers(call->front, call->request, headers);
    char client[IP_TEXT_MAX];
    for (size_t i = 0; i < extra_count; i++)
        headers[count++] = extra[i];
    ip_to_text(&call->client, client);
    LOG(call->front->settings.log, level_of(call, status), "request",
        LOG_TEXT("request", call->request->id), LOG_SLICE("method", call->request->method),
        LOG_TEXT("route", call->route), LOG_INT("status", status), LOG_TEXT("client", client));
    const struct http_reply reply = {.status = status,
                                     .content_type = type,
                                     .body = body,
                                     .headers = headers,
                                     .header_count = count};
    http_reply(call->request, &reply);
}

void api_answer(const struct api_call *call, int status, const char *type, struct slice body)
{
    answer(call, status, type, body, NULL, 0);
}

void api_answer_with(const struct api_call *call, int status, const char *type, struct slice body,
                     const char *header, const char *value)
{
    const struct http_header extra = {slice_text(header), slice_text(value)};
    answer(call, status, type, body, &extra, 1);
}

/* Writes the body of an error. */
static struct slice error_body(enum error error, char *buffer, size_t size)
{
    int length = snprintf(buffer, size, "{\"error\": \"%s\"}", error_info(error)->acmedns_word);
    return slice_of(buffer, (size_t)length);
}

static void answer_retry(const struct api_call *call, enum error error, uint32_t retry_after_s)
{
    char body[128], seconds[16];
    snprintf(seconds, sizeof(seconds), "%u", retry_after_s);
    api_answer_with(call, error_info(error)->http_status, "application/json",
                    error_body(error, body, sizeof(body)), "Retry-After", seconds);
}

void api_answer_error(const struct api_call *call, enum error error)
{
    char body[128];
    int status = error_info(error)->http_status;
    if (status == 503) {
        answer_retry(call, error, UNAVAILABLE_RETRY_S);
        return;
    }
    api_answer(call, status, "application/json", error_body(error, body, sizeof(body)));
}

void api_answer_refused(const struct api_call *call, enum error error, uint32_t retry_after_s)
{
    if (error == ERR_RATE_LIMITED)
        answer_retry(call, error, retry_after_s);
    else
        api_answer_error(call, error);
}

void api_answer_text(const struct api_call *call, int status, const char *text)
{
    api_answer_with(call, status, "text/plain; charset=utf-8", slice_text(text),
                    "X-Content-Type-Options", "nosniff");
}

enum error api_authenticate(const struct api_call *call, const struct api_key **key)
{
    struct basic_credentials basic;
    const struct credentials credentials = request_credentials(call->request, &basic);
    return service_authenticate(call->front->settings.service, &credentials, &call->client, key);
}

enum error api_read_key_request(const struct api_call *call, enum json_extent extent,
                                const struct api_key **key, json_t **fields)
{
    enum error error = api_authenticate(call, key);
    if (error != ERR_NONE)
        return error;
    error = json_fields_parse(call->request->body, extent, fields);
    return error == ERR_MALFORMED_JSON ? ERR_FORBIDDEN : error;
}

void api_wait_begin(struct api_wait *wait, const struct api_call *call,
                    void (*answer_it)(struct http_task *task))
{
    wait->call = *call;
    wait->task.run = answer_it;
}

void api_wait_end(struct api_wait *wait, enum error error)
{
    wait->error = error;
    http_loop_post(wait->call.request->loop, &wait->task);
}
