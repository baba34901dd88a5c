/*
 * Fuzz target: what `locum` takes from servers, from the credentials file and from locumd's ledger.
 * The first byte chooses the reader, the rest is its input.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encoding.h"
#include "cli/admin_client.h"
#include "cli/ledger_source.h"
#include "cli/storage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* As http_client.c reads an answer. */
static json_t *parse(struct slice input)
{
    return json_loadb((const char *)input.data, input.length, JSON_REJECT_DUPLICATES, NULL);
}

/* ---- credentials ---- */

static void check_credentials(const struct credentials *credentials)
{
    char again[DOMAIN_TEXT_MAX];
    require(domain_normalise(credentials->fulldomain, again) == NULL);
    require(strcmp(again, credentials->fulldomain) == 0);
    require(is_header_word(credentials->subdomain, sizeof(credentials->subdomain)));
    require(is_header_word(credentials->username, sizeof(credentials->username)));
    require(is_header_word(credentials->password, sizeof(credentials->password)));
    require(credentials->server_url[0] == 0);
}

static void read_credentials(json_t *object)
{
    struct credentials credentials;
    struct credentials untouched;
    memset(&credentials, 0x5a, sizeof(credentials));
    memset(&untouched, 0x5a, sizeof(untouched));
    const char *missing = credentials_read(object, &credentials);
    if (missing == NULL)
        check_credentials(&credentials);
    else
        require(memcmp(&credentials, &untouched, sizeof(credentials)) == 0);
    credentials_fini(&credentials);
}

/* ---- addresses ---- */

static bool has_token(const char *url)
{
    const char *token = strstr(url, "/token/");
    return token != NULL && token[strlen("/token/")] != 0;
}

static void check_base(const char *base)
{
    char again[SERVER_URL_MAX], endpoint[SERVER_URL_MAX];
    require(strlen(base) < SERVER_URL_MAX);
    require(strncmp(base, "https://", 8) == 0 || strncmp(base, "http://", 7) == 0);
    require(server_url_base(base, again) == NULL && strcmp(again, base) == 0);
    require(server_url_stored(base, again) == NULL && strcmp(again, base) == 0);
    if (server_url_endpoint(base, "update", endpoint))
        require(strlen(endpoint) == strlen(base) + strlen("/update"));
    require(server_url_own(base, "clear", endpoint) && strlen(endpoint) < strlen(base));
}

static void read_url(struct slice input)
{
    char url[SERVER_URL_MAX];
    char *given = malloc(input.length + 1); /* of its own size, so that a read past the end shows */
    require(given != NULL);
    if (slice_to_text(input, given, input.length + 1) == ERR_NONE) {
        if (server_url_base(given, url) == NULL)
            check_base(url);
        if (server_url_stored(given, url) == NULL)
            require(strlen(url) < SERVER_URL_MAX && strstr(url, "://") != NULL);
        server_url_cut_token(given);
        require(!has_token(given));
    }
    free(given);
}

/* ---- what is said about it ---- */

/* One line of printable text, and with --json one object that says WORD and something. */
static void check_said(const char *line, size_t length, bool json, const char *word)
{
    require(length > 0 && line[length - 1] == '\n');
    for (size_t i = 0; i + 1 < length; i++)
        require((uint8_t)line[i] >= 0x20 && line[i] != 0x7f);
    if (!json)
        return;
    json_t *said = json_loadb(line, length, 0, NULL);
    require(said != NULL && strcmp(member_text(said, "error"), word) == 0);
    require(json_is_string(json_object_get(said, "message")));
    json_decref(said);
}

/* TEXT within a sentence, e.g. a server's word or a path. */
static void say(const char *text, bool json)
{
    char *line = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&line, &length);
    require(memory != NULL);
    const struct output output = {.out = memory, .err = memory, .json = json};
    require(output_fail(&output, EXIT_FAILED, "refused", "refused: %s.", text) == EXIT_FAILED);
    require(fclose(memory) == 0);
    check_said(line, length, json, "refused");
    free(line);
}

static void say_text(struct slice input)
{
    char *text = malloc(input.length + 1);
    require(text != NULL);
    if (slice_to_text(input, text, input.length + 1) == ERR_NONE) {
        say(text, false);
        say(text, true);
    }
    free(text);
}

/* ---- the credentials file ---- */

/* Whatever the file holds can be written back and is then the same. */
static void check_entries(const struct storage *storage)
{
    char *text = json_dumps(storage->entries, JSON_INDENT(2));
    require(text != NULL);
    json_t *again = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    require(again != NULL && json_equal(again, storage->entries));
    json_decref(again);
    free(text);
    const char *key;
    json_t *entry;
    json_object_foreach(storage->entries, key, entry)
    {
        char domain[DOMAIN_TEXT_MAX];
        read_credentials(entry);
        if (domain_normalise(key, domain) == NULL)
            require(storage_find(storage, domain) != NULL);
    }
}

static void read_storage(struct slice input)
{
    static int fd = -1;
    char path[64];
    char *said = NULL;
    size_t length = 0;
    struct storage storage;
    if (fd < 0)
        fd = memfd_create("credentials", MFD_CLOEXEC);
    require(fd >= 0 && fchmod(fd, 0600) == 0 && ftruncate(fd, 0) == 0);
    require(pwrite(fd, input.data, input.length, 0) == (ssize_t)input.length);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    FILE *memory = open_memstream(&said, &length);
    require(memory != NULL);
    const struct output output = {.out = memory, .err = memory, .json = true};
    enum exit_code result = storage_open(path, &output, &storage);
    require(fclose(memory) == 0);
    if (result == EXIT_DONE) {
        require(length == 0 && json_is_object(storage.entries));
        check_entries(&storage);
        storage_close(&storage);
    } else {
        require(result == EXIT_FAILED && storage.entries == NULL);
        check_said(said, length, true, "storage_malformed");
    }
    free(said);
}

/* ---- the ledger ---- */

/* Puts into RECORD, the next row of VERIFIER, the hashes that belong there. */
static bool mend(const struct ledger_verifier *verifier, struct ledger_record *record,
                 uint8_t commitment[LEDGER_HASH_LENGTH])
{
    record->row.node = 1;
    record->row.sequence = verifier->sequence + 1;
    memcpy(record->row.previous, verifier->hash, LEDGER_HASH_LENGTH);
    if (record->has_private) {
        if (ledger_commitment(record->salt, record->address, record->user_agent, commitment) !=
            ERR_NONE)
            return false;
        record->row.commitment = slice_of(commitment, LEDGER_HASH_LENGTH);
    }
    return ledger_row_hash(&record->row, record->hash) == ERR_NONE;
}

/* Rows are taken as they are by one verifier, and with mended hashes by another, which must find
 * nothing but what is changed afterwards. */
static void read_row(json_t *row, struct ledger_verifier *given, struct ledger_verifier *mended)
{
    char time[TIME_TEXT_MAX];
    uint8_t commitment[LEDGER_HASH_LENGTH];
    struct ledger_record record;
    time_to_text(member_number(row, "time_ms"), time);
    require(strlen(time) < sizeof(time));
    uint8_t *bytes = malloc(LEDGER_ROW_BYTES);
    require(bytes != NULL);
    if (ledger_record_of_json(row, bytes, &record)) {
        (void)!ledger_verifier_take(given, &record);
        if (mend(mended, &record, commitment)) {
            struct ledger_verifier copy = *mended;
            require(ledger_verifier_take(mended, &record) == NULL);
            record.row.time_ms ^= 1;
            require(ledger_verifier_take(&copy, &record) != NULL);
        }
    }
    free(bytes);
}

static void read_page(json_t *page)
{
    struct ledger_verifier given, mended;
    size_t index;
    json_t *row;
    ledger_verifier_init(&given);
    ledger_verifier_init(&mended);
    json_array_foreach(json_object_get(page, "rows"), index, row) read_row(row, &given, &mended);
    require(mended.rows <= index && given.rows <= index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct slice input = slice_of(data + 1, size - 1);
    json_t *json = NULL;
    switch (data[0] % 5) {
    case 0:
        json = parse(input);
        read_credentials(json);
        break;
    case 1:
        read_url(input);
        break;
    case 2:
        say_text(input);
        break;
    case 3:
        read_storage(input);
        break;
    default:
        json = parse(input);
        read_page(json);
    }
    json_decref(json);
    return 0;
}
