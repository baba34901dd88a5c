/*
 * Sockets: who gets a port, who is told that it is taken and by whom, and Unix sockets left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/data_folder.h"
#include "daemon/listen.h"

#define REST "zones: [{name: a.example, nameservers: [n.example], contact: a@b.example}]\n"

static struct config *config_of(const char *listen)
{
    char text[512], why[COMPLAINT_MAX] = "";
    struct config *config = NULL;
    struct config_source source = {"locum.yaml", {0}};

    snprintf(text, sizeof(text),
             "dns: {listen: [%s]}\napi: {public-url: 'http://a.example', listen: ['%s']}\n" REST,
             listen, "127.0.0.1:0");
    source.text = slice_text(text);
    if (config_parse(&source, 1, &config, why) != ERR_NONE)
        fail_msg("%s", why);
    return config;
}

static uint16_t port_of(const struct listening *listening, size_t i)
{
    const struct sockaddr_in *in = (const void *)&listening->bound[i];

    return ntohs(in->sin_port); /* at the same place for IPv6 */
}

static uint16_t port_of_fd(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    return ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
}

static void all_sockets_of_an_address_share_one_port(void **state UNUSED)
{
    struct config *config = config_of("'127.0.0.1:0', '127.0.0.1:0'");
    struct listening listening;
    char why[COMPLAINT_MAX] = "", text[128], expected[128];

    assert_int_equal(listening_bind(&listening, config, &config->dns.listen, 3, true, why),
                     ERR_NONE);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(port_of_fd(listening.udp[i]), port_of(&listening, i / 3));
        assert_int_equal(port_of_fd(listening.tcp[i]), port_of(&listening, i / 3));
    }
    assert_int_not_equal(port_of(&listening, 0), port_of(&listening, 1));
    listening_describe(&listening, text, sizeof(text));
    snprintf(expected, sizeof(expected), "127.0.0.1:%u,127.0.0.1:%u", port_of(&listening, 0),
             port_of(&listening, 1));
    assert_string_equal(text, expected);
    listening_fini(&listening);
    config_free(config);
}

static void both_threads_are_asked(void **state UNUSED)
{
    struct config *config = config_of("'127.0.0.1:0'");
    struct listening listening;
    char why[COMPLAINT_MAX] = "", byte = 0;
    size_t heard[2] = {0};

    assert_int_equal(listening_bind(&listening, config, &config->dns.listen, 2, true, why),
                     ERR_NONE);
    for (int i = 0; i < 64; i++) {
        int fd = socket(AF_INET, SOCK_DGRAM, 0);

        assert_int_equal(sendto(fd, &byte, 1, 0, (struct sockaddr *)&listening.bound[0],
                                sizeof(struct sockaddr_in)),
                         1);
        close(fd);
    }
    for (size_t t = 0; t < 2; t++) {
        while (recv(listening.udp[t], &byte, 1, MSG_DONTWAIT) == 1)
            heard[t]++;
    }
    assert_int_equal(heard[0] + heard[1], 64);
    assert_true(heard[0] > 0 && heard[1] > 0);
    listening_fini(&listening);
    config_free(config);
}

/* Even for the same user, and also when the holder shares it among its own threads. */
static void a_port_in_use_names_its_holder(void **state UNUSED)
{
    struct config *first = config_of("'127.0.0.1:0'"), *second;
    struct listening held, refused;
    char why[COMPLAINT_MAX] = "", listen[64], expected[COMPLAINT_MAX];

    assert_int_equal(listening_bind(&held, first, &first->dns.listen, 2, true, why), ERR_NONE);
    snprintf(listen, sizeof(listen), "'127.0.0.1:%u'", port_of(&held, 0));
    second = config_of(listen);
    assert_int_equal(listening_bind(&refused, second, &second->dns.listen, 2, true, why),
                     ERR_CONFIG);
    snprintf(expected, sizeof(expected),
             "locum.yaml:1:16: 127.0.0.1:%u (UDP) is in use by \"test_listen\" (pid %ld); stop it "
             "or choose another address or port",
             port_of(&held, 0), (long)getpid());
    assert_string_equal(why, expected);

    /* TCP alone */
    for (size_t i = 0; i < 2; i++) {
        close(held.udp[i]);
        held.udp[i] = -1;
    }
    assert_int_equal(listening_bind(&refused, second, &second->dns.listen, 2, true, why),
                     ERR_CONFIG);
    assert_non_null(strstr(why, "(TCP) is in use by \"test_listen\""));
    listening_fini(&held);
    config_free(second);
    config_free(first);
}

static void the_local_resolver_comes_with_advice(void **state UNUSED)
{
    struct config *first = config_of("'127.0.0.1:0'"), *second;
    struct listening held, refused;
    char why[COMPLAINT_MAX] = "", listen[64], name[16] = "";

    assert_int_equal(listening_bind(&held, first, &first->dns.listen, 1, true, why), ERR_NONE);
    snprintf(listen, sizeof(listen), "'127.0.0.1:%u'", port_of(&held, 0));
    second = config_of(listen);
    prctl(PR_GET_NAME, name);
    prctl(PR_SET_NAME, "systemd-resolve"); /* as the kernel cuts it */
    assert_int_equal(listening_bind(&refused, second, &second->dns.listen, 1, true, why),
                     ERR_CONFIG);
    prctl(PR_SET_NAME, name);
    assert_non_null(strstr(why, "set DNSStubListener=no in /etc/systemd/resolved.conf"));
    listening_fini(&held);
    config_free(second);
    config_free(first);
}

/* In a child that has dropped root; its exit code tells. */
static int bind_low_port_as_nobody(const struct config *config)
{
    struct listening listening;
    char why[COMPLAINT_MAX] = "";

    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
        return 2;
    if (listening_bind(&listening, config, &config->dns.listen, 1, true, why) != ERR_CONFIG)
        return 3;
    return strcmp(why,
                  "locum.yaml:1:16: 127.0.0.1:53 (UDP) may not be bound; ports below 1024 need "
                  "root or the capability CAP_NET_BIND_SERVICE") == 0
               ? 0
               : 4;
}

static void a_low_port_without_privilege_says_what_is_needed(void **state UNUSED)
{
    struct config *config = config_of("'127.0.0.1:53'");
    FILE *setting = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "r");
    int first_free = 0, status = 0;
    pid_t child;

    if (setting == NULL || fscanf(setting, "%d", &first_free) != 1 || first_free < 1024 ||
        geteuid() != 0) {
        if (setting != NULL)
            fclose(setting);
        config_free(config);
        skip(); /* nobody is refused here, or we can't become one who is */
    }
    fclose(setting);
    child = fork();
    if (child == 0)
        _exit(bind_low_port_as_nobody(config));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 0);
    config_free(config);
}

static void an_address_we_do_not_have_is_told(void **state UNUSED)
{
    struct config *config = config_of("'192.0.2.1:0'");
    struct listening listening;
    char why[COMPLAINT_MAX] = "";

    assert_int_equal(listening_bind(&listening, config, &config->dns.listen, 1, true, why),
                     ERR_CONFIG);
    assert_string_equal(why, "locum.yaml:1:16: 192.0.2.1:0 (UDP) can't be bound; this machine does "
                             "not have the address");
    config_free(config);
}

/* ---- Unix sockets and folders ---- */

struct folder {
    char path[64];
    char inside[96];
};

static int make_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof(*folder));

    if (folder == NULL)
        return -1;
    snprintf(folder->path, sizeof(folder->path), "/tmp/locum-test-XXXXXX");
    if (mkdtemp(folder->path) == NULL)
        return -1;
    snprintf(folder->inside, sizeof(folder->inside), "%s/x", folder->path);
    *state = folder;
    return 0;
}

static int free_folder(void **state)
{
    struct folder *folder = *state;

    (void)unlink(folder->inside);
    (void)rmdir(folder->path);
    free(folder);
    return 0;
}

static void a_socket_left_behind_is_replaced(void **state)
{
    struct folder *folder = *state;
    struct stat about;
    char why[256] = "", expected[256];
    int first = -1, second = -1;

    assert_int_equal(unix_listen(folder->inside, 0660, (gid_t)-1, &first, why, sizeof(why)),
                     ERR_NONE);
    assert_int_equal(stat(folder->inside, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0660);

    assert_int_equal(unix_listen(folder->inside, 0660, (gid_t)-1, &second, why, sizeof(why)),
                     ERR_CONFIG);
    snprintf(expected, sizeof(expected),
             "the socket %s is in use by \"test_listen\" (pid %ld); stop it or choose another path",
             folder->inside, (long)getpid());
    assert_string_equal(why, expected);

    close(first);
    assert_int_equal(unix_listen(folder->inside, 0600, (gid_t)-1, &second, why, sizeof(why)),
                     ERR_NONE);
    close(second);
}

static void a_file_in_the_sockets_place_stays(void **state)
{
    struct folder *folder = *state;
    char why[256] = "";
    FILE *file = fopen(folder->inside, "w");
    int fd = -1;

    fclose(file);
    assert_int_equal(unix_listen(folder->inside, 0660, (gid_t)-1, &fd, why, sizeof(why)),
                     ERR_CONFIG);
    assert_non_null(strstr(why, "something else stands there"));
    assert_int_equal(access(folder->inside, F_OK), 0);
}

static void the_data_folder_has_one_holder(void **state)
{
    struct folder *folder = *state;
    struct config config = {.file = "locum.yaml"};
    char why[COMPLAINT_MAX] = "", lock_path[128], expected[COMPLAINT_MAX];
    struct stat about;
    int first = -1, second = -1;

    config.server.data = (struct config_text){folder->inside, {3, 9}};
    assert_int_equal(data_folder_lock(&config, &first, why), ERR_NONE);
    assert_int_equal(stat(folder->inside, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_int_equal(data_folder_lock(&config, &second, why), ERR_CONFIG);
    snprintf(
        expected, sizeof(expected),
        "locum.yaml:3:9: the data folder %s is in use by \"test_listen\" (pid %ld); stop it or "
        "choose another folder",
        folder->inside, (long)getpid());
    assert_string_equal(why, expected);
    close(first);
    assert_int_equal(data_folder_lock(&config, &second, why), ERR_NONE);
    close(second);
    snprintf(lock_path, sizeof(lock_path), "%s/locum.lock", folder->inside);
    unlink(lock_path);
    rmdir(folder->inside);
}

static void a_file_is_no_data_folder(void **state)
{
    struct folder *folder = *state;
    struct config config = {.file = "locum.yaml"};
    char why[COMPLAINT_MAX] = "", expected[COMPLAINT_MAX];
    FILE *file = fopen(folder->inside, "w");
    int lock = -1;

    fclose(file);
    config.server.data = (struct config_text){folder->inside, {3, 9}};
    assert_int_equal(data_folder_lock(&config, &lock, why), ERR_CONFIG);
    snprintf(expected, sizeof(expected),
             "locum.yaml:3:9: the data folder %s is no folder; choose another path",
             folder->inside);
    assert_string_equal(why, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_sockets_of_an_address_share_one_port),
        cmocka_unit_test(both_threads_are_asked),
        cmocka_unit_test(a_port_in_use_names_its_holder),
        cmocka_unit_test(the_local_resolver_comes_with_advice),
        cmocka_unit_test(a_low_port_without_privilege_says_what_is_needed),
        cmocka_unit_test(an_address_we_do_not_have_is_told),
        cmocka_unit_test_setup_teardown(a_socket_left_behind_is_replaced, make_folder, free_folder),
        cmocka_unit_test_setup_teardown(a_file_in_the_sockets_place_stays, make_folder,
                                        free_folder),
        cmocka_unit_test_setup_teardown(the_data_folder_has_one_holder, make_folder, free_folder),
        cmocka_unit_test_setup_teardown(a_file_is_no_data_folder, make_folder, free_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
