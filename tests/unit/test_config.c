/*
 * The configuration: what is taken, and for each mistake the exact line that the operator reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "base/suggest.h"
#include "daemon/config.h"
#include "daemon/config_values.h"

/* The least that is a configuration. */
#define API "api: {public-url: 'https://auth.example.org/'}\n"
#define ZONES                                                                                      \
    "zones:\n"                                                                                     \
    "  - name: auth.example.org\n"                                                                 \
    "    nameservers: [ns1.example.net]\n"                                                         \
    "    contact: hostmaster@example.org\n"

static enum error parse(const char *text, struct config **out, char why[COMPLAINT_MAX])
{
    const struct config_source source = {"locum.yaml", slice_text(text)};

    why[0] = '\0';
    return config_parse(&source, 1, out, why);
}

static struct config *accepted(const char *text)
{
    struct config *config = NULL;
    char why[COMPLAINT_MAX];
    enum error error = parse(text, &config, why);

    if (error != ERR_NONE)
        fail_msg("refused: %s", why);
    return config;
}

static const struct refusal {
    const char *text;
    const char *why;
} refusals[] = {
    /* what is no file of sections */
    {"", "1:1: the file is empty; at least \"api\" and \"zones\" are needed"},
    {"# nothing\n\n", "1:1: the file is empty; at least \"api\" and \"zones\" are needed"},
    {"---\n", "1:1: the file is empty; at least \"api\" and \"zones\" are needed"},
    {"- api\n", "1:1: the file must be a list of sections, such as \"api:\" and \"zones:\""},
    {"just words\n", "1:1: the file must be a list of sections, such as \"api:\" and \"zones:\""},
    {API ZONES "\n--- \nx: y\n", "7:1: a second document begins here; one file is one document"},
    {"api:\n\tpublic-url: x\n", "2:1: a tab can't stand here; YAML is indented with spaces"},
    {"api: {public-url: x\n", "2:1: this is no YAML: did not find expected ',' or '}' (while "
                              "parsing a flow mapping)"},
    {"dns:\n  listen: [\xff]\n", "2:12: the file is not UTF-8 text here (byte 0xff)"},
    {"dns:\n  listen: ['\xed\xa0\x80']\n", "2:13: the file is not UTF-8 text here (byte 0xed)"},
    {"dns: \x1b[2J\n", "1:6: a control character (0x1b) is not allowed"},
    {"server: {data: \"/a\\0b\"}\n", "1:16: a NUL character is not allowed"},
    /* what YAML has and we do not */
    {"dns: &x {threads: 2}\n", "1:6: anchors (&name) are not supported; write the value out"},
    {"dns: *x\n", "1:6: aliases (*name) are not supported; write the value out"},
    {"dns: !!map {threads: 2}\n", "1:6: tags (!name) are not supported; write the value without"},
    {"dns:\n  <<: {threads: 2}\n", "2:3: merge keys (<<) are not supported; write the keys out"},
    {"dns: {[a]: 2}\n", "1:7: a key must be a plain word"},
    {"[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]\n", "1:14: this is nested too deeply"},
    /* keys */
    {"dns:\n  tresholds: 3\n",
     "2:3: unknown key \"tresholds\" in \"dns\"; did you mean \"threads\"?"},
    {"dsn:\n  threads: 3\n", "1:1: unknown key \"dsn\"; did you mean \"dns\"?"},
    {"dns:\n  colour: red\n",
     "2:3: unknown key \"colour\" in \"dns\"; the keys are listen, threads"},
    {"dns: {threads: 2}\nlog: {level: info}\ndns: {threads: 3}\n",
     "3:1: duplicate key \"dns\"; it stands in line 1 already"},
    {"dns: {\"thr\\x1beads\": 2}\n",
     "1:7: unknown key \"thr?eads\" in \"dns\"; did you mean \"threads\"?"},
    {"dns: 2\n", "1:6: \"dns\" is a single value; expected a section of keys"},
    {"dns: [a]\n", "1:6: \"dns\" is a list; expected a section of keys"},
    {"log:\ndns: {threads: 2}\n", "1:1: \"log\" has no value; expected a section of keys"},
    {"log: {level: }\n", "1:7: \"level\" has no value; expected a single value"},
    {ZONES, "1:1: \"api\" is missing"},
    {API, "1:1: \"zones\" is missing"},
    {"api: {threads: 1}\n", "1:1: \"public-url\" is missing in \"api\""},
    {"zones:\n  - name: a.example\n    contact: a@b.example\n",
     "2:5: \"nameservers\" is missing in an entry of \"zones\""},
    {API "zones: []\n", "2:8: \"zones\" is empty; at least one entry is needed"},
    {API "zones: {name: x}\n",
     "2:8: \"zones\" is a section of keys; expected a list, such as [one, two]"},
    {API "zones: [x]\n",
     "2:9: an entry of \"zones\" is a single value; expected a section of keys"},
    /* what is not built */
    {"acme: {directory: x}\n", "1:1: \"acme\" is not built in this version; take it out"},
    {"metrics: {listen: []}\n", "1:1: \"metrics\" is not built in this version; take it out"},
    {"api: {tls: acme}\n",
     "1:12: \"tls: acme\" is not built in this version; expected off or file"},
    {ZONES "    dnssec: on\n",
     "5:13: \"dnssec: on\" is not built in this version; expected off, no or false"},
    {ZONES "    host-names: loopback\n",
     "5:17: \"host-names: loopback\" is not built in this version; expected off"},
    {"database: {url: 'postgresql://db/locum'}\n",
     "1:17: PostgreSQL is not built in this version; expected sqlite:FILE (in the data folder) or "
     "sqlite:/ABSOLUTE/FILE"},
    /* values */
    {"log: {level: inof}\n",
     "1:14: \"level\" is \"inof\"; expected debug, info, warning or error; did you mean "
     "\"info\"?"},
    {"api: {tls: acmee, public-url: 'https://a.example'}\n",
     "1:12: \"tls\" is \"acmee\"; expected off or file"},
    {"log: {format: xml}\n", "1:15: \"format\" is \"xml\"; expected text or json"},
    {"registration: {policy: opne}\n",
     "1:24: \"policy\" is \"opne\"; expected token, open or closed; did you mean \"open\"?"},
    {"dns: {threads: 0}\n", "1:16: \"threads\" is \"0\"; expected a whole number from 1 to 64"},
    {"dns: {threads: two}\n", "1:16: \"threads\" is \"two\"; expected a whole number from 1 to 64"},
    {"dns: {threads: 0x2}\n", "1:16: \"threads\" is \"0x2\"; expected a whole number from 1 to 64"},
    {"dns: {threads: -1}\n", "1:16: \"threads\" is \"-1\"; expected a whole number from 1 to 64"},
    {"dns: {threads: 18446744073709551618}\n",
     "1:16: \"threads\" is \"18446744073709551618\"; expected a whole number from 1 to 64"},
    {"dns: {threads: [2]}\n", "1:16: \"threads\" is a list; expected a single value"},
    {"dns: {listen: 0.0.0.0:53}\n",
     "1:15: \"listen\" is a single value; expected a list, such as [one, two]"},
    {"dns: {listen: []}\n", "1:15: \"listen\" is empty; at least one entry is needed"},
    {"dns: {listen: [53]}\n", "1:16: an entry of \"listen\" is \"53\"; expected ADDRESS:PORT or "
                              "'[IPV6-ADDRESS]:PORT'"},
    {"dns: {listen: [localhost:53]}\n",
     "1:16: an entry of \"listen\" is \"localhost:53\"; expected ADDRESS:PORT or "
     "'[IPV6-ADDRESS]:PORT'"},
    {"dns: {listen: [0.0.0.0:65536]}\n",
     "1:16: an entry of \"listen\" is \"0.0.0.0:65536\"; expected ADDRESS:PORT or "
     "'[IPV6-ADDRESS]:PORT'"},
    {"dns: {listen: ['2001:db8::1:53']}\n",
     "1:16: an entry of \"listen\" is \"2001:db8::1:53\"; expected ADDRESS:PORT or "
     "'[IPV6-ADDRESS]:PORT'"},
    {"dns: {listen: ['unix:/run/x']}\n",
     "1:16: an entry of \"listen\" is \"unix:/run/x\"; expected ADDRESS:PORT or "
     "'[IPV6-ADDRESS]:PORT'"},
    {"api: {listen: ['unix:x']}\n",
     "1:16: an entry of \"listen\" is \"unix:x\"; expected ADDRESS:PORT, '[IPV6-ADDRESS]:PORT' or "
     "unix:/PATH"},
    {"dns: {listen: ['127.0.0.1:53', '127.0.0.1:53']}\n" API ZONES,
     "1:32: 127.0.0.1:53 can't be listened on beside 127.0.0.1:53 of line 1; take one out"},
    {"dns:\n  listen:\n    - 0.0.0.0:53\n    - 127.0.0.1:53\n" API ZONES,
     "4:7: 127.0.0.1:53 can't be listened on beside 0.0.0.0:53 of line 3; take one out"},
    {"dns: {listen: ['[::]:8053']}\n"
     "api: {public-url: http://a.example, listen: ['[::1]:8053']}\n" ZONES,
     "2:46: [::1]:8053 can't be listened on beside [::]:8053 of line 1; take one out"},
    {"server: {data: data}\n",
     "1:16: \"data\" is \"data\"; expected an absolute path, such as /var/lib/locum"},
    {"server: {node: 'my node'}\n",
     "1:16: \"node\" is \"my node\"; expected 1 to 64 letters, digits, dots, hyphens and "
     "underscores"},
    {"api: {public-url: auth.example.org}\n",
     "1:19: \"public-url\" is \"auth.example.org\"; expected a URL without user, query or "
     "fragment, such as https://auth.example.org"},
    {"api: {public-url: 'https://a.example/?x'}\n",
     "1:19: \"public-url\" is \"https://a.example/?x\"; expected a URL without user, query or "
     "fragment, such as https://auth.example.org"},
    {"api: {cors-origins: ['https://a.example/x']}\n",
     "1:22: an entry of \"cors-origins\" is \"https://a.example/x\"; expected an origin, such as "
     "https://console.example.org (scheme, host, port, no path)"},
    {"api: {trusted-proxies: [10.0.0.0/33]}\n",
     "1:25: an entry of \"trusted-proxies\" is \"10.0.0.0/33\"; expected an address or a prefix, "
     "such as 10.0.0.0/8 or 2001:db8::/32"},
    {"api: {public-url: 'https://a.example', tls: file, certificate: c.pem}\n" ZONES,
     "1:19: \"private-key\" is missing in \"api\"; \"tls: file\" needs it"},
    {"api: {public-url: 'https://a.example', certificate: c.pem}\n" ZONES,
     "1:53: \"certificate\" is given, but \"tls\" is off; write \"tls: file\" or take it out"},
    {API "zones: [{name: under score.example}]\n",
     "2:16: \"name\" is \"under score.example\"; expected a domain name, such as "
     "auth.example.org (international names in their xn-- form)"},
    {API "zones: [{name: b\xc3\xbc"
         "cher.example}]\n",
     "2:16: \"name\" is \"b??cher.example\"; expected a domain name, such as auth.example.org "
     "(international names in their xn-- form)"},
    {API "zones: [{contact: hostmaster.example.org}]\n",
     "2:19: \"contact\" is \"hostmaster.example.org\"; expected a mail address, such as "
     "hostmaster@example.org"},
    {API ZONES "    txt-ttl: soon\n",
     "6:14: \"txt-ttl\" is \"soon\"; expected a number of seconds up to 86400, or a duration such "
     "as 5m"},
    {API ZONES "    values: 17\n",
     "6:13: \"values\" is \"17\"; expected a whole number from 2 to 16"},
    {API ZONES "    value-lifetime: 7\n",
     "6:21: \"value-lifetime\" is \"7\"; expected a duration from 1s to 3650d, such as 12h or 7d"},
    {API ZONES "    value-lifetime: 7 days\n",
     "6:21: \"value-lifetime\" is \"7 days\"; expected a duration from 1s to 3650d, such as 12h or "
     "7d"},
    {API ZONES "    records: >\n      auth.example.org. A 192.0.2.1\n",
     "6:14: \">\" joins lines; write \"|\" to keep them"},
    {API ZONES "    records: x\n    records-file: y\n",
     "7:19: \"records\" and \"records-file\" exclude each other; take one out"},
    {API ZONES "    records-file: zone.db\n",
     "6:19: \"zone.db\" can't be read: No such file or directory"},
    {API ZONES
     "  - name: AUTH.example.org.\n    nameservers: [n.example]\n    contact: a@b.example\n",
     "6:11: the zone \"AUTH.example.org.\" stands in line 3 already"},
    {"database: {url: locum.db}\n",
     "1:17: \"url\" is \"locum.db\"; expected sqlite:FILE (in the data folder) or "
     "sqlite:/ABSOLUTE/FILE"},
};

static void each_mistake_is_one_exact_line(void **state UNUSED)
{
    size_t wrong = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(refusals); i++) {
        struct config *config = NULL;
        char why[COMPLAINT_MAX], expected[COMPLAINT_MAX];
        enum error error = parse(refusals[i].text, &config, why);

        snprintf(expected, sizeof(expected), "locum.yaml:%s", refusals[i].why);
        if (error != ERR_CONFIG || strcmp(why, expected) != 0 || config != NULL) {
            print_error("case %zu\n got      %s\n expected %s\n", i, why, expected);
            config_free(config);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void a_short_file_has_the_documented_defaults(void **state UNUSED)
{
    struct config *config = accepted(API ZONES);
    const struct config_zone *zone = &config->zones.items[0];

    assert_string_equal(config->server.data.text, "/var/lib/locum");
    assert_string_equal(config->server.run.text, "/run/locum");
    assert_string_equal(config->server.admin_group.text, "locum-admin");
    assert_false(config->server.admin_group_given);
    assert_true(config->server.node.text[0] != '\0');
    assert_int_equal(config->dns.listen.count, 2);
    assert_string_equal(config->dns.listen.items[0].text, "0.0.0.0:53");
    assert_string_equal(config->dns.listen.items[1].text, "[::]:53");
    assert_int_equal(config->dns.threads, 2);
    assert_int_equal(config->api.listen.count, 1);
    assert_string_equal(config->api.listen.items[0].text, "0.0.0.0:443");
    assert_int_equal(config->api.tls, CONFIG_TLS_OFF);
    assert_int_equal(config->api.connections, 4096);
    assert_int_equal(config->api.connections_per_prefix, 256);
    assert_string_equal(config->api.public_url.text, "https://auth.example.org");
    assert_int_equal(config->registration.policy, REGISTRATION_TOKEN);
    assert_int_equal(config->registration.limit, 60);
    assert_int_equal(config->registration.unused_lifetime_ms, INT64_C(30) * 86400000);
    assert_string_equal(config->database.url.text, "sqlite:locum.db");
    assert_int_equal(zone->txt_ttl, 0);
    assert_int_equal(zone->negative_ttl, 1);
    assert_int_equal(zone->values, 16);
    assert_int_equal(zone->value_lifetime_ms, INT64_C(7) * 86400000);
    assert_null(zone->records.text);
    config_free(config);
}

static void values_are_taken_as_written(void **state UNUSED)
{
    struct config *config = accepted(
        "server: {node: a.b-c_d, admin-group: staff}\n"
        "log: {level: warning, format: json}\n"
        "dns: {listen: ['127.0.0.1:0', '127.0.0.1:0', '[2001:db8::1]:5353'], threads: 4}\n"
        "api:\n"
        "  listen: [unix:/run/x.sock, '[::1]:8443']\n"
        "  public-url: http://auth.example.org:8080/some/path///\n"
        "  trusted-proxies: [10.1.2.3/8, '::1']\n"
        "  cors-origins: ['https://a.example:8443']\n" ZONES
        "    txt-ttl: 5m\n    negative-ttl: 60\n    values: 2\n    value-lifetime: 12h\n"
        "    dnssec: no\n    host-names: off\n"
        "registration: {policy: closed, limit: 0, exempt: [192.0.2.1], unused-lifetime: 1w}\n");
    const struct sockaddr_in6 *in6 = (const void *)&config->dns.listen.items[2].address;

    assert_true(config->server.admin_group_given);
    assert_int_equal(config->log.level, LOG_LEVEL_WARNING);
    assert_int_equal(config->log.format, LOG_FORMAT_JSON);
    assert_int_equal(config->dns.threads, 4);
    assert_int_equal(in6->sin6_family, AF_INET6);
    assert_int_equal(ntohs(in6->sin6_port), 5353);
    assert_string_equal(config->api.listen.items[0].path, "/run/x.sock");
    assert_string_equal(config->api.public_url.text, "http://auth.example.org:8080/some/path");
    assert_int_equal(config->api.trusted_proxies.count, 2);
    assert_int_equal(config->api.trusted_proxies.items[0].length, 8);
    assert_int_equal(config->api.trusted_proxies.items[1].length, 128);
    assert_string_equal(config->api.cors_origins.items[0].text, "https://a.example:8443");
    assert_int_equal(config->zones.items[0].txt_ttl, 300);
    assert_int_equal(config->zones.items[0].negative_ttl, 60);
    assert_int_equal(config->zones.items[0].values, 2);
    assert_int_equal(config->zones.items[0].value_lifetime_ms, 12 * 3600000);
    assert_int_equal(config->registration.policy, REGISTRATION_CLOSED);
    assert_int_equal(config->registration.unused_lifetime_ms, 604800000);
    config_free(config);
}

static void records_know_their_lines(void **state UNUSED)
{
    struct config *config = accepted(
        API ZONES "    records: | # comment\n\n        a. A 192.0.2.1\n        b. A 192.0.2.2\n");
    const struct config_zone *zone = &config->zones.items[0];

    assert_string_equal(zone->records.text, "\na. A 192.0.2.1\nb. A 192.0.2.2\n");
    assert_int_equal(zone->records_start.line, 7);
    assert_int_equal(zone->records_start.column, 9);
    config_free(config);
}

static void a_records_file_stands_beside_the_configuration(void **state UNUSED)
{
    static const char text[] = API ZONES "    records-file: auth.zone\n";
    const struct config_source sources[] = {
        {"/etc/locum/locum.yaml", slice_text(text)},
        {"/etc/locum/auth.zone", slice_text("x. A 192.0.2.1\n")}};
    struct config *config = NULL;
    char why[COMPLAINT_MAX] = "";

    assert_int_equal(config_parse(sources, 2, &config, why), ERR_NONE);
    assert_string_equal(config->zones.items[0].records.text, "x. A 192.0.2.1\n");
    assert_int_equal(config->source_count, 2);
    assert_string_equal(config->sources[1].path, "/etc/locum/auth.zone");
    config_free(config);
}

static void a_missing_file_is_named(void **state UNUSED)
{
    struct config *config = NULL;
    char why[COMPLAINT_MAX] = "";

    assert_int_equal(config_load("/nonexistent/locum.yaml", &config, why), ERR_CONFIG);
    assert_string_equal(why, "/nonexistent/locum.yaml: the configuration can't be read: No such "
                             "file or directory");
}

static void what_takes_a_restart_is_named(void **state UNUSED)
{
    struct config *old = accepted(API ZONES);
    struct config *new = accepted("dns: {threads: 3}\nlog: {level: debug}\n" API ZONES
                                  "server: {data: /srv/locum}\n");
    char keys[256];

    config_restart_keys(old, new, keys, sizeof(keys));
    assert_string_equal(keys, "server.data,dns.threads");
    config_restart_keys(old, old, keys, sizeof(keys));
    assert_string_equal(keys, "");
    config_free(old);
    config_free(new);
}

static void near_words_are_near(void **state UNUSED)
{
    assert_int_equal(suggestion_distance("listen", "listen"), 0);
    assert_int_equal(suggestion_distance("LISTEN", "listen"), 0);
    assert_int_equal(suggestion_distance("lisetn", "listen"), 1);
    assert_int_equal(suggestion_distance("", "abc"), 3);
    assert_int_equal(suggestion_distance("kitten", "sitting"), 3);
}

static void the_example_in_packaging_is_true(void **state UNUSED)
{
    struct config *example = NULL;
    struct config *defaults = accepted(API ZONES);
    char why[COMPLAINT_MAX] = "", keys[256];

    if (config_load(PACKAGING_FOLDER "/locum.yaml", &example, why) != ERR_NONE)
        fail_msg("%s", why);
    /* Active lines that are not marked as examples hold the defaults. */
    config_restart_keys(defaults, example, keys, sizeof(keys));
    assert_true(strcmp(keys, "server.node") == 0 || keys[0] == '\0');
    assert_int_equal(example->log.level, defaults->log.level);
    assert_int_equal(example->log.format, defaults->log.format);
    assert_int_equal(example->api.trusted_proxies.count, 0);
    assert_int_equal(example->api.cors_origins.count, 0);
    assert_int_equal(example->registration.policy, defaults->registration.policy);
    assert_int_equal(example->registration.limit, defaults->registration.limit);
    assert_int_equal(example->registration.exempt.count, 0);
    assert_int_equal(example->registration.unused_lifetime_ms,
                     defaults->registration.unused_lifetime_ms);
    assert_int_equal(example->zones.items[0].txt_ttl, defaults->zones.items[0].txt_ttl);
    assert_int_equal(example->zones.items[0].negative_ttl, defaults->zones.items[0].negative_ttl);
    assert_int_equal(example->zones.items[0].values, defaults->zones.items[0].values);
    assert_int_equal(example->zones.items[0].value_lifetime_ms,
                     defaults->zones.items[0].value_lifetime_ms);
    config_free(example);
    config_free(defaults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_is_one_exact_line),
        cmocka_unit_test(a_short_file_has_the_documented_defaults),
        cmocka_unit_test(values_are_taken_as_written),
        cmocka_unit_test(records_know_their_lines),
        cmocka_unit_test(a_records_file_stands_beside_the_configuration),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(what_takes_a_restart_is_named),
        cmocka_unit_test(near_words_are_near),
        cmocka_unit_test(the_example_in_packaging_is_true),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
