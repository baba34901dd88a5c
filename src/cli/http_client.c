/*
 * HTTP by libcurl: see http_client.h.
 */
#include "cli/http_client.h"

#include <errno.h>

#include "cli/server_url.h"

/* The largest answer is a page of the ledger: a thousand rows of at most some 2 KiB. */
enum { ANSWER_MAX = 8 * 1024 * 1024, HEADER_MAX = 512, CONNECT_TIMEOUT_S = 10 };

struct received {
    char *data;
    size_t length;
    bool too_large;
};

static size_t receive(char *data, size_t size, size_t count, void *context)
{
    struct received *received = context;
    size_t length = size * count;
    if (length > ANSWER_MAX - received->length) {
        received->too_large = true;
        return 0;
    }
    char *grown = realloc(received->data, received->length + length + 1);
    if (grown == NULL)
        return 0;
    memcpy(grown + received->length, data, length);
    received->data = grown;
    received->length += length;
    return length;
}

enum exit_code http_client_init(struct http_client *client, const struct output *output,
                                long timeout_s)
{
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return output_no_memory(output);
    *client = (struct http_client){.curl = curl, .output = output, .timeout_s = timeout_s};
    return EXIT_DONE;
}

void http_client_fini(struct http_client *client)
{
    curl_easy_cleanup(client->curl);
    client->curl = NULL;
}

/* Appends "NAME: VALUE" to *LIST; nothing if VALUE is NULL. */
static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    if (value == NULL)
        return true;
    char line[HEADER_MAX];
    int length = snprintf(line, sizeof(line), "%s: %s", name, value);
    struct curl_slist *longer = NULL;
    if (length > 0 && (size_t)length < sizeof(line))
        longer = curl_slist_append(*list, line);
    explicit_bzero(line, sizeof(line));
    if (longer == NULL)
        return false;
    *list = longer;
    return true;
}

static bool make_headers(const struct http_call *call, struct curl_slist **list)
{
    return add_header(list, "Accept", "application/json") &&
           add_header(list, "Content-Type", call->body != NULL ? "application/json" : NULL) &&
           add_header(list, "X-Api-User", call->user) &&
           add_header(list, "X-Api-Key", call->secret) &&
           add_header(list, "X-Registration-Token", call->token);
}

static void set_options(struct http_client *client, const struct http_call *call,
                        struct curl_slist *headers, struct received *received)
{
    CURL *curl = client->curl;
    curl_easy_reset(curl); /* keeps connections */
    curl_easy_setopt(curl, CURLOPT_URL, call->url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    if (call->body != NULL)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "locum/" LOCUM_VERSION);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, client->timeout_s);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT,
                     client->timeout_s < CONNECT_TIMEOUT_S ? client->timeout_s : CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, received);
    if (client->ca_file != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca_file);
    if (client->socket_path != NULL) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket_path);
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
}

/* What the operating system said, e.g. "Connection refused". */
static const char *system_reason(struct http_client *client)
{
    long number = 0;
    (void)curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &number);
    return number != 0 ? strerror((int)number) : "no answer";
}

static enum exit_code no_socket(struct http_client *client)
{
    long number = 0;
    (void)curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &number);
    if (number == EACCES || number == EPERM)
        return output_fail(client->output, EXIT_FAILED, "forbidden",
                           "no access to %s; run this as root or as a member of the group "
                           "locum-admin.",
                           client->socket_path);
    return output_fail(client->output, EXIT_UNREACHABLE, "unreachable",
                       "no locumd listens on %s (%s); start it, or give its socket with --socket.",
                       client->socket_path, system_reason(client));
}

static enum exit_code untrusted(struct http_client *client, const char *reason)
{
    return output_fail(client->output, EXIT_UNREACHABLE, "tls_untrusted",
                       "the server's certificate was not accepted (%s); if its CA is your own, "
                       "give the CA's certificate with --ca-file or LOCUM_CA_FILE.",
                       reason);
}

/* Says why libcurl brought no answer. */
static enum exit_code transfer_failed(struct http_client *client, const struct http_call *call,
                                      CURLcode code, bool too_large)
{
    const struct output *output = client->output;
    const char *reason = curl_easy_strerror(code);
    char url[SERVER_URL_MAX]; /* a registration link's token stays out of messages */
    (void)snprintf(url, sizeof(url), "%s", call->url);
    server_url_cut_token(url);
    if (client->socket_path != NULL && code == CURLE_COULDNT_CONNECT)
        return no_socket(client);
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return output_fail(output, EXIT_UNREACHABLE, "name_not_found",
                           "the host name of %s was not found; check --server and this machine's "
                           "resolver.",
                           url);
    case CURLE_COULDNT_CONNECT:
        return output_fail(output, EXIT_UNREACHABLE, "unreachable",
                           "no connection to %s (%s); check that the server runs and that this "
                           "machine may reach it.",
                           url, system_reason(client));
    case CURLE_OPERATION_TIMEDOUT:
        return output_fail(output, EXIT_UNREACHABLE, "timed_out",
                           "%s did not answer within %ld s; try again later.",
                           client->socket_path != NULL ? client->socket_path : url,
                           client->timeout_s);
    case CURLE_PEER_FAILED_VERIFICATION:
        return untrusted(client, reason);
    case CURLE_SSL_CACERT_BADFILE:
        return output_fail(output, EXIT_USAGE, "ca_file",
                           "the CA file %s can't be read as PEM certificates; check --ca-file.",
                           client->ca_file != NULL ? client->ca_file : "of the system");
    case CURLE_SSL_CONNECT_ERROR:
        return output_fail(output, EXIT_UNREACHABLE, "tls_failed",
                           "TLS with %s failed; is it an https:// server on that port?", url);
    default:
        break;
    }
    if (too_large)
        return output_fail(output, EXIT_FAILED, "unexpected_answer",
                           "the answer of %s is larger than any of locum's.", url);
    return output_fail(output, EXIT_UNREACHABLE, "unreachable", "no answer from %s: %s.", url,
                       reason);
}

static void keep_answer(struct http_client *client, const struct received *received,
                        struct http_answer *answer)
{
    long status = 0;
    curl_off_t retry_after = 0;
    (void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &retry_after);
    answer->status = (int)status;
    answer->retry_after_s = (int64_t)retry_after;
    answer->json = NULL;
    if (received->length > 0)
        answer->json = json_loadb(received->data, received->length, JSON_REJECT_DUPLICATES, NULL);
}

enum exit_code http_client_send(struct http_client *client, const struct http_call *call,
                                struct http_answer *answer)
{
    struct curl_slist *headers = NULL;
    struct received received = {0};
    enum exit_code result;
    if (!make_headers(call, &headers)) {
        result = output_no_memory(client->output);
        goto out;
    }
    set_options(client, call, headers, &received);
    CURLcode code = curl_easy_perform(client->curl);
    if (code != CURLE_OK) {
        result = transfer_failed(client, call, code, received.too_large);
        goto out;
    }
    keep_answer(client, &received, answer);
    result = EXIT_DONE;
out:
    curl_slist_free_all(headers);
    if (received.data != NULL)
        explicit_bzero(received.data, received.length);
    free(received.data);
    return result;
}

void http_answer_fini(struct http_answer *answer)
{
    json_decref(answer->json);
    answer->json = NULL;
}

const char *http_answer_word(const struct http_answer *answer)
{
    const char *word = json_string_value(json_object_get(answer->json, "error"));
    return word != NULL ? word : "";
}
