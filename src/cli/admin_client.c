/*
 * The operator's door: see admin_client.h.
 */
#include "cli/admin_client.h"

enum { TIMEOUT_DEFAULT_S = 30, TIMEOUT_MAX_S = 3600, URL_MAX = 512 };

static const char default_socket[] = "/run/locum/admin.sock";

enum exit_code admin_init(const struct arguments *arguments, const struct output *output,
                          struct http_client *out)
{
    const char *path = arguments->options[OPTION_SOCKET];
    int64_t timeout_s = 0;
    enum exit_code result = arguments_number(arguments, OPTION_TIMEOUT, 1, TIMEOUT_MAX_S,
                                             TIMEOUT_DEFAULT_S, output, &timeout_s);
    if (result != EXIT_DONE)
        return result;
    struct http_client client;
    result = http_client_init(&client, output, (long)timeout_s);
    if (result != EXIT_DONE)
        return result;
    client.socket_path = path != NULL ? path : default_socket;
    *out = client;
    return EXIT_DONE;
}

static enum exit_code refused(const struct http_client *http, const struct http_answer *answer)
{
    const struct output *output = http->output;
    const char *word = http_answer_word(answer);
    if (answer->status == 403)
        return output_fail(output, EXIT_FAILED, "forbidden",
                           "locumd lets only root, its own user and the group locum-admin in; run "
                           "this as one of them.");
    if (answer->status == 404)
        return output_fail(output, EXIT_FAILED, "not_found", "locumd knows nothing of that name.");
    if (answer->status >= 500)
        return output_fail(output, EXIT_UNREACHABLE, word[0] != 0 ? word : "unavailable",
                           "locumd can't do this now (status %d); its log says why.",
                           answer->status);
    return output_fail(output, EXIT_FAILED, word[0] != 0 ? word : "unexpected_answer",
                       "locumd refused with status %d%s%s.", answer->status,
                       word[0] != 0 ? ": " : "", word);
}

enum exit_code admin_call(struct http_client *http, const char *method, const char *path,
                          json_t *body, json_t **answer)
{
    char url[URL_MAX];
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    bool lost = body != NULL && text == NULL;
    json_decref(body);
    if (lost)
        return output_no_memory(http->output);
    (void)snprintf(url, sizeof(url), "http://locum%s", path);
    const struct http_call call = {.method = method, .url = url, .body = text};
    struct http_answer received;
    enum exit_code result = http_client_send(http, &call, &received);
    free(text);
    if (result != EXIT_DONE)
        return result;
    if (received.status != 200 && received.status != 201)
        result = refused(http, &received);
    else if (!json_is_object(received.json))
        result = output_fail(http->output, EXIT_FAILED, "unexpected_answer",
                             "what listens on %s is no locumd of this version.", http->socket_path);
    else
        *answer = json_incref(received.json);
    http_answer_fini(&received);
    return result;
}

enum exit_code admin_run(const struct arguments *arguments, const struct output *output,
                         enum exit_code (*step)(struct http_client *http,
                                                const struct arguments *arguments))
{
    struct http_client http;
    enum exit_code result = admin_init(arguments, output, &http);
    if (result != EXIT_DONE)
        return result;
    result = step(&http, arguments);
    http_client_fini(&http);
    return result;
}

const char *member_text(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

int64_t member_number(json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}
