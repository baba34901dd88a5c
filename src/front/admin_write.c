/*
 * What the operator may change, through the writer.
 */
#include <stdlib.h>

#include "crypto/secret.h"
#include "front/admin_private.h"
#include "front/json_fields.h"

struct admin_wait {
    struct http_task task;
    struct admin_call call;
    enum error error;
    int64_t id;    /* of the token */
    int64_t count; /* rows erased */
    char token[SECRET_LENGTH + 1];
    char note[TOKEN_NOTE_MAX + 1];
};

static struct admin_wait *admin_wait_of(struct http_task *task)
{
    return CONTAINER_OF(task, struct admin_wait, task);
}

static struct admin_wait *new_wait(const struct admin_call *call,
                                   void (*answer)(struct http_task *task))
{
    struct admin_wait *wait = calloc(1, sizeof(*wait));
    if (wait == NULL)
        return NULL;
    wait->call = *call;
    wait->task.run = answer;
    return wait;
}

static void free_wait(struct admin_wait *wait)
{
    secret_wipe(wait->token, sizeof(wait->token));
    free(wait);
}

/* Ends a call that did not get as far as the writer. */
static void give_up(struct admin_wait *wait, const struct admin_call *call, enum error error)
{
    if (wait != NULL)
        free_wait(wait);
    admin_answer_error(call, error);
}

static void token_ready(void *context, enum error error, int64_t id, const char *token)
{
    struct admin_wait *wait = context;
    wait->error = error;
    wait->id = id;
    if (error == ERR_NONE)
        memcpy(wait->token, token, sizeof(wait->token));
    http_loop_post(wait->call.request->loop, &wait->task);
}

static void count_ready(void *context, enum error error, int64_t count)
{
    struct admin_wait *wait = context;
    wait->error = error;
    wait->count = count;
    http_loop_post(wait->call.request->loop, &wait->task);
}

/* ---- POST /admin/tokens ---- */

static void answer_token_new(struct http_task *task)
{
    struct admin_wait *wait = admin_wait_of(task);
    if (wait->error == ERR_NONE)
        admin_answer(&wait->call, 201,
                     json_pack("{s:I, s:s, s:s}", "id", (json_int_t)wait->id, "token", wait->token,
                               "note", wait->note));
    else
        admin_answer_error(&wait->call, wait->error);
    free_wait(wait);
}

void admin_token_new(const struct admin_call *call)
{
    const struct origin origin = admin_origin(call);
    struct admin_wait *wait = new_wait(call, answer_token_new);
    json_t *fields = NULL;
    enum error error = wait == NULL ? ERR_MEMORY : ERR_NONE;
    if (error == ERR_NONE)
        error = json_fields_parse(call->request->body, JSON_WHOLE, &fields);
    if (error == ERR_NONE &&
        slice_to_text(json_fields_text(fields, "note"), wait->note, sizeof(wait->note)) != ERR_NONE)
        error = ERR_TOO_LARGE;
    if (error == ERR_NONE)
        error = service_token_new(call->front->settings.service, slice_text(wait->note), &origin,
                                  token_ready, wait);
    json_decref(fields);
    if (error != ERR_NONE)
        give_up(wait, call, error);
}

/* ---- DELETE /admin/tokens/ID ---- */

static void answer_token_revoke(struct http_task *task)
{
    struct admin_wait *wait = admin_wait_of(task);
    if (wait->error == ERR_NONE)
        admin_answer(&wait->call, 200, json_pack("{s:I}", "id", (json_int_t)wait->id));
    else
        admin_answer_error(&wait->call, wait->error);
    free_wait(wait);
}

void admin_token_revoke(const struct admin_call *call)
{
    const struct origin origin = admin_origin(call);
    char text[24], *end = text;
    int64_t id = 0;
    if (slice_to_text(call->rest, text, sizeof(text)) == ERR_NONE)
        id = strtoll(text, &end, 10);
    if (id < 1 || *end != '\0') {
        admin_answer_error(call, ERR_NOT_FOUND);
        return;
    }
    struct admin_wait *wait = new_wait(call, answer_token_revoke);
    enum error error = wait == NULL ? ERR_MEMORY
                                    : service_token_revoke(call->front->settings.service, id,
                                                           &origin, token_ready, wait);
    if (error != ERR_NONE)
        give_up(wait, call, error);
}

/* ---- POST /admin/ledger/erase ---- */

static void answer_erase(struct http_task *task)
{
    struct admin_wait *wait = admin_wait_of(task);
    if (wait->error == ERR_NONE)
        admin_answer(&wait->call, 200, json_pack("{s:I}", "erased", (json_int_t)wait->count));
    else
        admin_answer_error(&wait->call, wait->error);
    free_wait(wait);
}

void admin_ledger_erase(const struct admin_call *call)
{
    const struct origin origin = admin_origin(call);
    json_t *fields = NULL;
    struct admin_wait *wait = new_wait(call, answer_erase);
    enum error error = wait == NULL ? ERR_MEMORY : ERR_NONE;
    if (error == ERR_NONE)
        error = json_fields_parse(call->request->body, JSON_WHOLE, &fields);
    const json_t *before = error == ERR_NONE ? json_fields_get(fields, "before_ms") : NULL;
    struct slice delegate = {NULL, 0};
    if (error == ERR_NONE)
        delegate = json_fields_text(fields, "delegate");
    /* Exactly one of the two: erasing everything must not be what a typo does. */
    if (error == ERR_NONE && (delegate.length > 0) == json_is_integer(before))
        error = ERR_MALFORMED_JSON;
    if (error == ERR_NONE)
        error = service_ledger_erase(call->front->settings.service, delegate,
                                     json_integer_value(before), &origin, count_ready, wait);
    json_decref(fields);
    if (error != ERR_NONE)
        give_up(wait, call, error);
}

/* ---- DELETE /admin/delegates/LABEL ---- */

static void answer_remove(struct http_task *task)
{
    struct admin_wait *wait = admin_wait_of(task);
    const struct slice label = wait->call.rest;
    if (wait->error == ERR_NONE)
        admin_answer(&wait->call, 200,
                     json_pack("{s:s%}", "removed", (const char *)label.data, label.length));
    else
        admin_answer_error(&wait->call, wait->error);
    free_wait(wait);
}

void admin_delegate_remove(const struct admin_call *call)
{
    const struct origin origin = admin_origin(call);
    struct admin_wait *wait = new_wait(call, answer_remove);
    enum error error = wait == NULL
                           ? ERR_MEMORY
                           : service_delegate_remove(call->front->settings.service, call->rest,
                                                     &origin, count_ready, wait);
    if (error != ERR_NONE)
        give_up(wait, call, error);
}
