/*
 * The server's addresses: see server_url.h. libcurl's own URL parser judges them, so that what is
 * checked here is what is connected to later.
 */
#include "cli/server_url.h"

#include <curl/curl.h>

static const char compat_path[] = "/api/v1/acme-dns-compat";
static const char compat_name[] = "/acme-dns-compat";

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
        return false;
    curl_free(text);
    return true;
}

static bool is_http(CURLU *url)
{
    char *scheme = NULL;
    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return false;
    bool http = strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0;
    curl_free(scheme);
    return http;
}

static const char *fault_of(CURLU *url)
{
    if (!is_http(url))
        return "is neither an https:// nor an http:// URL";
    if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
        return "holds a user name or password; give a registration token with LOCUM_TOKEN";
    if (has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT))
        return "has a \"?\" or \"#\" part; give the address without it";
    return NULL;
}

static size_t length_without_slashes(const char *text)
{
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '/')
        length--;
    return length;
}

static bool ends_with(const char *text, size_t length, const char *end)
{
    size_t end_length = strlen(end);
    return length >= end_length && memcmp(text + length - end_length, end, end_length) == 0;
}

/* Copies URL without final slashes, and with APPENDED unless it ends so. */
static const char *copy_url(CURLU *url, const char *appended, char out[SERVER_URL_MAX])
{
    char *text = NULL;
    if (curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK)
        return "is not a URL";
    size_t length = length_without_slashes(text);
    const char *end = ends_with(text, length, appended) ? "" : appended;
    const char *fault = NULL;
    if (length + strlen(end) >= SERVER_URL_MAX)
        fault = "is too long";
    else
        (void)snprintf(out, SERVER_URL_MAX, "%.*s%s", (int)length, text, end);
    curl_free(text);
    return fault;
}

static const char *check_and_copy(const char *given, const char *appended, char out[SERVER_URL_MAX])
{
    CURLU *url = curl_url();
    if (url == NULL)
        return "could not be read: out of memory";
    const char *fault = "is not a URL such as https://auth.example.org";
    if (given[0] != 0 && curl_url_set(url, CURLUPART_URL, given,
                                      CURLU_DEFAULT_SCHEME | CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
        fault = fault_of(url);
    if (fault == NULL)
        fault = copy_url(url, appended, out);
    curl_url_cleanup(url);
    return fault;
}

const char *server_url_base(const char *given, char out[SERVER_URL_MAX])
{
    return check_and_copy(given, compat_path, out);
}

const char *server_url_stored(const char *stored, char out[SERVER_URL_MAX])
{
    return check_and_copy(stored, "", out);
}

void server_url_cut_token(char *url)
{
    char *token;
    /* More than one is no link of ours, but the second may be a secret as well. */
    while ((token = strstr(url, "/token/")) != NULL) {
        char *rest = token + strlen("/token/");
        rest += strcspn(rest, "/");
        memmove(token, rest, strlen(rest) + 1);
    }
}

/* Writes the first LENGTH bytes of URL, BETWEEN and NAME. */
static bool join(const char *url, size_t length, const char *between, const char *name,
                 char out[SERVER_URL_MAX])
{
    size_t between_length = strlen(between);
    size_t name_length = strlen(name);
    if (length + between_length + name_length >= SERVER_URL_MAX)
        return false;
    memmove(out, url, length);
    memcpy(out + length, between, between_length);
    memcpy(out + length + between_length, name, name_length + 1);
    return true;
}

bool server_url_endpoint(const char *url, const char *name, char out[SERVER_URL_MAX])
{
    return join(url, strlen(url), "/", name, out);
}

bool server_url_own(const char *url, const char *name, char out[SERVER_URL_MAX])
{
    size_t length = strlen(url);
    if (!ends_with(url, length, compat_name))
        return join(url, length, "/api/v1/", name, out);
    return join(url, length - strlen(compat_name), "/", name, out);
}
