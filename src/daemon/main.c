/*
 * locumd: options, and what each of them starts.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "daemon/serving.h"
#include "store/db.h"

static const char default_file[] = "/etc/locum/locum.yaml";

static const char help[] =
    "locumd - a DNS server for ACME DNS-01 challenge delegation\n"
    "\n"
    "Usage: locumd [--config FILE] [--check-config]\n"
    "\n"
    "  -c, --config FILE   the configuration (default /etc/locum/locum.yaml)\n"
    "      --check-config  check the configuration and the files it names, then end\n"
    "      --version       show the versions of locumd and of the libraries it runs with\n"
    "  -h, --help          show this\n"
    "\n"
    "locumd answers DNS and serves the HTTP API in the foreground and logs to standard error,\n"
    "one line an event. It is ready when it logs event=ready.\n"
    "\n"
    "The least configuration:\n"
    "\n"
    "    api:\n"
    "      public-url: https://auth.example.org\n"
    "    zones:\n"
    "      - name: auth.example.org\n"
    "        nameservers: [ns1.auth.example.org 198.51.100.1]\n"
    "        contact: hostmaster@example.org\n"
    "\n"
    "The parent zone then delegates auth.example.org here: an NS record ns1.auth.example.org with\n"
    "its address. Users register with `locum register`, as the operator allows with\n"
    "`locum token new`.\n"
    "\n"
    "Signals: SIGHUP reads configuration, records and certificates again; a mistake in them is\n"
    "logged and changes nothing. SIGTERM and SIGINT finish what has begun, then end.\n"
    "\n"
    "Exit codes: 0 stopped; 1 failed; 2 the configuration is wrong, a port is in use, or another\n"
    "locumd has the data folder: one line on standard error says what and where.\n";

static void print_versions(void)
{
    printf("locumd %s\n", LOCUM_VERSION);
    printf("%s\n", OpenSSL_version(OPENSSL_VERSION));
    printf("libevent %s\n", event_get_version());
    printf("SQLite %s\n", db_library_version());
    printf("libsodium %s\n", sodium_version_string());
    printf("jansson %s\n", jansson_version_str());
    printf("ldns %s\n", zone_set_library_version());
    printf("libyaml %s\n", yaml_get_version_string());
}

static enum exit_code usage_error(void)
{
    fprintf(stderr, "locumd: try `locumd --help`\n");
    return EXIT_CONFIG;
}

static enum error check_group(const struct config *config, char why[COMPLAINT_MAX])
{
    gid_t group;

    return admin_group_find(config, &group, why);
}

static enum exit_code run(const char *file, bool check_only)
{
    struct reading reading = {0};
    char why[COMPLAINT_MAX];
    enum error error = reading_make(file, &reading, why);

    if (error == ERR_NONE && check_only)
        error = check_group(reading.config, why);
    if (error != ERR_NONE) {
        fprintf(stderr, "%s\n", why);
        reading_free(&reading);
        return error == ERR_CONFIG ? EXIT_CONFIG : EXIT_FAILED;
    }
    if (!check_only)
        return serving_run(file, &reading);
    printf("%s: ok\n", file);
    reading_free(&reading);
    return EXIT_STOPPED;
}

/* Standard descriptors that are closed would be taken by sockets, and the log would write there. */
static void fill_standard_descriptors(void)
{
    int fd = open("/dev/null", O_RDWR);

    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = dup(fd);
    if (fd > STDERR_FILENO)
        close(fd);
}

int main(int argc, char **argv)
{
    enum { OPTION_CHECK = 256, OPTION_VERSION };
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check-config", no_argument, NULL, OPTION_CHECK},
                                            {"version", no_argument, NULL, OPTION_VERSION},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *file = default_file;
    bool check_only = false;
    int option;

    fill_standard_descriptors();
    umask(0077);
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            file = optarg;
            break;
        case OPTION_CHECK:
            check_only = true;
            break;
        case OPTION_VERSION:
            print_versions();
            return EXIT_STOPPED;
        case 'h':
            fputs(help, stdout);
            return EXIT_STOPPED;
        default:
            return (int)usage_error();
        }
    }
    if (optind < argc) {
        fprintf(stderr, "locumd: \"%s\" is not expected here\n", argv[optind]);
        return (int)usage_error();
    }
    if (sodium_init() < 0) {
        fprintf(stderr, "locumd: libsodium can't be used\n");
        return EXIT_FAILED;
    }
    return (int)run(file, check_only);
}
