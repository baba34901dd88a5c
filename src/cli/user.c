/*
 * What the user commands share: see user.h.
 */
#include "cli/user.h"

enum { TIMEOUT_DEFAULT_S = 30, TIMEOUT_MAX_S = 3600, TOKEN_MAX = 256 };

static enum exit_code find_storage(struct user *user)
{
    const char *given = user->arguments->options[OPTION_STORAGE];
    if (given == NULL)
        return storage_default_path(user->output, user->storage_path);
    if (given[0] == 0 || strlen(given) >= PATH_MAX)
        return output_fail(user->output, EXIT_USAGE, "usage", "--storage must be a file's path.");
    memcpy(user->storage_path, given, strlen(given) + 1);
    return EXIT_DONE;
}

static enum exit_code check_token(const struct user *user)
{
    const char *token = user->arguments->options[OPTION_TOKEN];
    if (token != NULL && !is_header_word(token, TOKEN_MAX))
        return output_fail(user->output, EXIT_USAGE, "usage",
                           "the registration token holds characters that no token has.");
    return EXIT_DONE;
}

enum exit_code user_init(struct user *user, const struct arguments *arguments,
                         const struct output *output)
{
    struct user made = {.arguments = arguments, .output = output};
    int64_t timeout_s = 0;
    enum exit_code result = arguments_number(arguments, OPTION_TIMEOUT, 1, TIMEOUT_MAX_S,
                                             TIMEOUT_DEFAULT_S, output, &timeout_s);
    if (result == EXIT_DONE)
        result = check_token(&made);
    if (result == EXIT_DONE)
        result = find_storage(&made);
    if (result == EXIT_DONE)
        result = http_client_init(&made.http, output, (long)timeout_s);
    if (result != EXIT_DONE)
        return result;
    made.http.ca_file = arguments->options[OPTION_CA_FILE];
    *user = made;
    return EXIT_DONE;
}

void user_fini(struct user *user)
{
    http_client_fini(&user->http);
}

enum exit_code user_domain(const struct user *user, const char *given, char domain[DOMAIN_TEXT_MAX])
{
    const char *fault = domain_normalise(given, domain);
    if (fault != NULL)
        return output_fail(user->output, EXIT_USAGE, "bad_domain", "the domain \"%s\" %s.", given,
                           fault);
    return EXIT_DONE;
}

static enum exit_code unusable_entry(const struct user *user, const char *domain,
                                     const char *missing)
{
    return output_fail(user->output, EXIT_FAILED, "storage_malformed",
                       "the entry of %s in %s has no usable \"%s\"; mend the entry, or remove it "
                       "to register anew.",
                       domain, user->storage_path, missing);
}

/* The server of an entry that does not name one (old lego files): the one given. */
static enum exit_code given_server(const struct user *user, char out[SERVER_URL_MAX])
{
    const char *given = user->arguments->options[OPTION_SERVER];
    if (given == NULL)
        return output_fail(user->output, EXIT_USAGE, "usage",
                           "no server is known; give --server URL or LOCUM_SERVER, e.g. "
                           "https://auth.example.org.");
    const char *fault = server_url_base(given, out);
    if (fault != NULL)
        return output_fail(user->output, EXIT_USAGE, "usage", "the --server address %s.", fault);
    return EXIT_DONE;
}

/* Credentials go to the server that gave them, whatever --server says now. */
static void warn_of_other_server(const struct user *user, const struct credentials *credentials)
{
    char given[SERVER_URL_MAX];
    if ((user->arguments->on_command_line & OPTION_BIT(OPTION_SERVER)) == 0 ||
        server_url_base(user->arguments->options[OPTION_SERVER], given) != NULL)
        return;
    server_url_cut_token(given);
    if (strcmp(given, credentials->server_url) != 0)
        output_warn(user->output, "other_server",
                    "the stored credentials are of %s, so --server is not used; to move, change "
                    "\"server_url\" in %s.",
                    credentials->server_url, user->storage_path);
}

static enum exit_code read_entry(const struct user *user, const char *domain, json_t *entry,
                                 struct credentials *out)
{
    struct credentials read;
    const char *missing = credentials_read(entry, &read);
    if (missing != NULL)
        return unusable_entry(user, domain, missing);
    const char *server = json_string_value(json_object_get(entry, "server_url"));
    enum exit_code result = EXIT_DONE;
    if (server == NULL || server[0] == 0)
        result = given_server(user, read.server_url);
    else if (server_url_stored(server, read.server_url) != NULL)
        result = unusable_entry(user, domain, "server_url");
    if (result == EXIT_DONE) {
        server_url_cut_token(read.server_url);
        warn_of_other_server(user, &read);
        *out = read;
    }
    credentials_fini(&read);
    return result;
}

/* Looks DOMAIN up in an open storage. */
static enum exit_code find_in(const struct user *user, const struct storage *storage,
                              const char *domain, struct credentials *out, bool *found)
{
    json_t *entry = storage_find(storage, domain);
    *found = entry != NULL;
    return entry != NULL ? read_entry(user, domain, entry, out) : EXIT_DONE;
}

enum exit_code user_find(const struct user *user, const char *domain, struct credentials *out,
                         bool *found)
{
    struct storage storage;
    enum exit_code result = storage_open(user->storage_path, user->output, &storage);
    if (result != EXIT_DONE)
        return result;
    result = find_in(user, &storage, domain, out, found);
    storage_close(&storage);
    return result;
}

enum exit_code user_need(const struct user *user, const char *domain, struct credentials *out)
{
    bool found = false;
    enum exit_code result = user_find(user, domain, out, &found);
    if (result == EXIT_DONE && !found)
        return output_fail(user->output, EXIT_FAILED, "not_registered",
                           "%s holds no credentials for %s; run \"locum register --domain %s\" "
                           "first.",
                           user->storage_path, domain, domain);
    return result;
}

static json_t *entry_of(const struct user *user, const struct credentials *credentials)
{
    json_t *entry =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "fulldomain", credentials->fulldomain, "subdomain",
                  credentials->subdomain, "username", credentials->username, "password",
                  credentials->password, "server_url", credentials->server_url);
    const struct arguments *arguments = user->arguments;
    if (entry == NULL || arguments->allowfrom_count == 0)
        return entry;
    json_t *list = json_array();
    for (size_t i = 0; i < arguments->allowfrom_count; i++)
        (void)json_array_append_new(list, json_string(arguments->allowfrom[i]));
    (void)json_object_set_new(entry, "allowfrom", list);
    return entry;
}

static void warn_of_clear_text(const struct user *user, const char *server)
{
    static const char *const near[] = {"http://127.", "http://localhost", "http://[::1]"};
    bool clear = strncmp(server, "http://", 7) == 0;
    for (size_t i = 0; i < ARRAY_LENGTH(near); i++)
        clear = clear && strncmp(server, near[i], strlen(near[i])) != 0;
    if (clear)
        output_warn(user->output, "clear_text",
                    "the server's address is http://: anyone on the way can read the credentials.");
}

/* Registers and stores, with the storage open for writing. */
static enum exit_code register_into(struct user *user, struct storage *storage, const char *domain,
                                    struct credentials *out)
{
    char server[SERVER_URL_MAX];
    enum exit_code result = given_server(user, server);
    if (result != EXIT_DONE)
        return result;
    warn_of_clear_text(user, server);
    const struct registration registration = {
        .server = server,
        .domain = domain,
        .token = user->arguments->options[OPTION_TOKEN],
        .allowfrom = user->arguments->allowfrom,
        .allowfrom_count = user->arguments->allowfrom_count,
    };
    struct credentials given;
    result = api_register(&user->http, &registration, &given);
    if (result != EXIT_DONE)
        return result;
    /* If storing fails in spite of the room reserved, the new API key is dropped rather than
     * printed into some log: nobody has seen its CNAME yet, so nothing depends on it, and the
     * server lets registrations expire that are never used. */
    result = storage_add(storage, domain, entry_of(user, &given));
    if (result == EXIT_DONE)
        *out = given;
    else
        output_warn(user->output, "registration_dropped",
                    "the registration of %s that was just made is void; run this again when the "
                    "credentials file can be written.",
                    domain);
    credentials_fini(&given);
    return result;
}

enum exit_code user_find_or_register(struct user *user, const char *domain, struct credentials *out,
                                     bool *fresh)
{
    bool found = false;
    enum exit_code result = user_find(user, domain, out, &found);
    *fresh = false;
    if (result != EXIT_DONE || found)
        return result; /* without the lock: renewals work where the file can't be written */

    struct storage storage;
    result = storage_open_for_writing(user->storage_path, user->output, &storage);
    if (result != EXIT_DONE)
        return result;
    /* Another process may have registered it while this one waited. */
    result = find_in(user, &storage, domain, out, &found);
    if (result == EXIT_DONE && !found) {
        result = register_into(user, &storage, domain, out);
        *fresh = result == EXIT_DONE;
    }
    storage_close(&storage);
    return result;
}

void user_show_cname(const struct user *user, const char *domain,
                     const struct credentials *credentials)
{
    output_text(user->output,
                "Add this record to the DNS zone that holds %s, once; *.%s shares it:\n"
                "\n"
                "_acme-challenge.%s. CNAME %s.\n"
                "\n",
                domain, domain, domain, credentials->fulldomain);
}

json_t *user_cname_json(const char *domain, const struct credentials *credentials)
{
    char name[DOMAIN_TEXT_MAX + 32];
    char target[DOMAIN_TEXT_MAX + 1];
    (void)snprintf(name, sizeof(name), "_acme-challenge.%s.", domain);
    (void)snprintf(target, sizeof(target), "%s.", credentials->fulldomain);
    return json_pack("{s:s, s:s}", "name", name, "target", target);
}

enum exit_code user_check_txt(const struct user *user, const char *txt)
{
    if (is_challenge_value(txt))
        return EXIT_DONE;
    return output_fail(user->output, EXIT_USAGE, "bad_txt",
                       "a dns-01 value is %d characters of A-Z a-z 0-9 - _ (RFC 8555), but this "
                       "one is not; is the challenge type dns-01?",
                       ACME_TXT_LENGTH);
}
