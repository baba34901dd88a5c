/*
 * The public HTTP API: see api_client.h.
 */
#include "cli/api_client.h"

/* For messages: a URL with the registration token blotted out. */
static void shown_url(const char *url, char out[SERVER_URL_MAX])
{
    (void)snprintf(out, SERVER_URL_MAX, "%s", url);
    server_url_cut_token(out);
}

/* Statuses that mean the same whatever was asked. */
static enum exit_code refused(const struct http_client *http, const struct http_answer *answer,
                              const char *url)
{
    const struct output *output = http->output;
    const char *word = http_answer_word(answer);
    char shown[SERVER_URL_MAX];
    shown_url(url, shown);
    if (answer->status == 429 && answer->retry_after_s > 0)
        return output_fail(output, EXIT_UNREACHABLE, "rate_limited",
                           "too many registrations from this network; try again in %lld s.",
                           (long long)answer->retry_after_s);
    if (answer->status == 429)
        return output_fail(output, EXIT_UNREACHABLE, "rate_limited",
                           "too many registrations from this network; try again later.");
    if (answer->status >= 500 || answer->status == 408)
        return output_fail(output, EXIT_UNREACHABLE, word[0] != 0 ? word : "unavailable",
                           "the server can't do this now (status %d); nothing was changed, try "
                           "again later.",
                           answer->status);
    if (answer->status >= 300 && answer->status < 400)
        return output_fail(output, EXIT_FAILED, "redirected",
                           "%s redirects elsewhere, which credentials do not follow; give the "
                           "server's own address with --server.",
                           shown);
    if (answer->status == 404 || answer->status == 405)
        return output_fail(output, EXIT_FAILED, "not_found",
                           "there is no locum at %s; check the address.", shown);
    return output_fail(output, EXIT_FAILED, word[0] != 0 ? word : "unexpected_answer",
                       "the server refused with status %d%s%s.", answer->status,
                       word[0] != 0 ? ": " : "", word);
}

static enum exit_code unexpected(const struct http_client *http, const char *url, const char *what)
{
    char shown[SERVER_URL_MAX];
    shown_url(url, shown);
    return output_fail(http->output, EXIT_FAILED, "unexpected_answer",
                       "the answer of %s has no usable \"%s\"; is it a locum or acme-dns?", shown,
                       what);
}

static enum exit_code too_long(const struct http_client *http)
{
    return output_fail(http->output, EXIT_USAGE, "usage", "the server's address is too long.");
}

static char *registration_body(const struct registration *registration)
{
    json_t *body = json_pack("{s:s}", "domain", registration->domain);
    json_t *list = registration->allowfrom_count > 0 ? json_array() : NULL;
    for (size_t i = 0; list != NULL && i < registration->allowfrom_count; i++)
        (void)json_array_append_new(list, json_string(registration->allowfrom[i]));
    if (list != NULL)
        (void)json_object_set_new(body, "allowfrom", list);
    char *text = NULL;
    /* An entry lost for lack of memory would open the delegate to everyone. */
    if (json_array_size(list) == registration->allowfrom_count)
        text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return text;
}

static enum exit_code registration_refused(const struct http_client *http,
                                           const struct http_answer *answer, const char *url)
{
    const struct output *output = http->output;
    const char *word = http_answer_word(answer);
    if (answer->status == 401)
        return output_fail(output, EXIT_FAILED, word[0] != 0 ? word : "registration_token_required",
                           "the server wants a valid registration token; ask its operator for one "
                           "and give it in LOCUM_TOKEN.");
    if (answer->status == 404)
        return output_fail(output, EXIT_FAILED, "registration_closed",
                           "the server takes no registrations here; check the address, or ask its "
                           "operator.");
    if (strcmp(word, "bad_domain") == 0 || strcmp(word, "invalid_allowfrom_cidr") == 0)
        return output_fail(output, EXIT_FAILED, word, "the server does not accept the %s given.",
                           word[0] == 'b' ? "domain" : "--allowfrom");
    return refused(http, answer, url);
}

static enum exit_code read_registration(const struct http_client *http,
                                        const struct registration *registration,
                                        const struct http_answer *answer, struct credentials *out)
{
    struct credentials given;
    const char *missing = credentials_read(answer->json, &given);
    if (missing != NULL)
        return unexpected(http, registration->server, missing);
    memcpy(given.server_url, registration->server, strlen(registration->server) + 1);
    server_url_cut_token(given.server_url);
    *out = given;
    credentials_fini(&given);
    return EXIT_DONE;
}

enum exit_code api_register(struct http_client *http, const struct registration *registration,
                            struct credentials *out)
{
    char url[SERVER_URL_MAX];
    if (!server_url_endpoint(registration->server, "register", url))
        return too_long(http);
    char *body = registration_body(registration);
    if (body == NULL)
        return output_no_memory(http->output);
    const struct http_call call = {
        .method = "POST", .url = url, .body = body, .token = registration->token};
    struct http_answer answer;
    enum exit_code result = http_client_send(http, &call, &answer);
    free(body);
    if (result != EXIT_DONE)
        return result;
    if (answer.status == 200 || answer.status == 201)
        result = read_registration(http, registration, &answer, out);
    else
        result = registration_refused(http, &answer, url);
    http_answer_fini(&answer);
    return result;
}

/* Sends METHOD to URL with the delegate's API key and BODY (taken; NULL for none). */
static enum exit_code send_authorised(struct http_client *http,
                                      const struct credentials *credentials, const char *method,
                                      const char *url, json_t *body, struct http_answer *answer)
{
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    bool lost = body != NULL && text == NULL;
    json_decref(body);
    if (lost)
        return output_no_memory(http->output);
    const struct http_call call = {.method = method,
                                   .url = url,
                                   .body = text,
                                   .user = credentials->username,
                                   .secret = credentials->password};
    enum exit_code result = http_client_send(http, &call, answer);
    free(text);
    return result;
}

static enum exit_code key_refused(const struct http_client *http, const struct http_answer *answer,
                                  const char *url)
{
    if (answer->status == 401)
        return output_fail(http->output, EXIT_FAILED, "forbidden",
                           "the server does not accept the stored API key, or not from this "
                           "address (allowfrom).");
    return refused(http, answer, url);
}

enum exit_code api_update(struct http_client *http, const struct credentials *credentials,
                          const char *txt)
{
    char url[SERVER_URL_MAX];
    if (!server_url_endpoint(credentials->server_url, "update", url))
        return too_long(http);
    json_t *body = json_pack("{s:s, s:s}", "subdomain", credentials->subdomain, "txt", txt);
    if (body == NULL)
        return output_no_memory(http->output);
    struct http_answer answer;
    enum exit_code result = send_authorised(http, credentials, "POST", url, body, &answer);
    if (result != EXIT_DONE)
        return result;
    const char *echo = json_string_value(json_object_get(answer.json, "txt"));
    if (answer.status != 200)
        result = key_refused(http, &answer, url);
    else if (echo == NULL || strcmp(echo, txt) != 0)
        result = unexpected(http, url, "txt");
    http_answer_fini(&answer);
    return result;
}

enum exit_code api_clear(struct http_client *http, const struct credentials *credentials,
                         const char *txt, int64_t *cleared)
{
    char url[SERVER_URL_MAX];
    if (!server_url_own(credentials->server_url, "clear", url))
        return too_long(http);
    json_t *body = json_pack("{s:s, s:s*}", "subdomain", credentials->subdomain, "txt", txt);
    if (body == NULL)
        return output_no_memory(http->output);
    struct http_answer answer;
    enum exit_code result = send_authorised(http, credentials, "POST", url, body, &answer);
    if (result != EXIT_DONE)
        return result;
    json_t *count = json_object_get(answer.json, "cleared");
    if (answer.status == 404 || answer.status == 405)
        *cleared = -1;
    else if (answer.status != 200)
        result = key_refused(http, &answer, url);
    else if (!json_is_integer(count))
        result = unexpected(http, url, "cleared");
    else
        *cleared = json_integer_value(count);
    http_answer_fini(&answer);
    return result;
}

enum exit_code api_values(struct http_client *http, const struct credentials *credentials,
                          json_t **values)
{
    char url[SERVER_URL_MAX];
    if (!server_url_own(credentials->server_url, "values", url))
        return too_long(http);
    struct http_answer answer;
    enum exit_code result = send_authorised(http, credentials, "GET", url, NULL, &answer);
    if (result != EXIT_DONE)
        return result;
    json_t *list = json_object_get(answer.json, "values");
    if (answer.status == 404 || answer.status == 405)
        *values = NULL;
    else if (answer.status != 200)
        result = key_refused(http, &answer, url);
    else if (!json_is_array(list))
        result = unexpected(http, url, "values");
    else
        *values = json_incref(list);
    http_answer_fini(&answer);
    return result;
}
