/*
 * The rules over a real database: registration, the value set, expiry by the age clock, tokens, and
 * that everything is there again after a restart. Run under ThreadSanitizer as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <urcu/urcu-qsbr.h>

#include "driven_clock.h"
#include "service/operator.h"
#include "service/service_private.h"

static const int64_t day_ms = 24 * 3600 * (int64_t)1000;

struct world {
    char folder[64];
    struct driven_clock driven;
    struct clock clock;
    struct log log;
    struct service *service;
    struct service_zone zone;
    struct service_policy policy;
    /* the last reply */
    pthread_mutex_t mutex;
    pthread_cond_t replied;
    bool has_reply;
    enum error error;
    uint32_t cleared;
    struct registration registration;
    char token[SECRET_LENGTH + 1];
    int64_t id;
};

/* ---- replies ---- */

static void reply(struct world *world, enum error error)
{
    pthread_mutex_lock(&world->mutex);
    world->error = error;
    world->has_reply = true;
    pthread_cond_signal(&world->replied);
    pthread_mutex_unlock(&world->mutex);
}

static enum error wait_for_reply(struct world *world)
{
    pthread_mutex_lock(&world->mutex);
    while (!world->has_reply)
        pthread_cond_wait(&world->replied, &world->mutex);
    world->has_reply = false;
    pthread_mutex_unlock(&world->mutex);
    return world->error;
}

static void on_registration(void *context, enum error error,
                            const struct registration *registration)
{
    struct world *world = context;
    if (error == ERR_NONE)
        world->registration = *registration;
    reply(world, error);
}

static void on_update(void *context, enum error error)
{
    reply(context, error);
}

static void on_clear(void *context, enum error error, uint32_t cleared)
{
    ((struct world *)context)->cleared = cleared;
    reply(context, error);
}

static void on_token(void *context, enum error error, int64_t id, const char *token)
{
    struct world *world = context;
    world->id = id;
    memcpy(world->token, token, sizeof(world->token));
    reply(world, error);
}

/* ---- the world ---- */

static void open_service(struct world *world)
{
    char why[256];
    const struct service_settings settings = {.database_url = "sqlite:locum.db",
                                              .data_folder = world->folder,
                                              .node = "test",
                                              .policy = world->policy,
                                              .log = &world->log,
                                              .clock = &world->clock};
    assert_int_equal(service_open(&settings, &world->service, why, sizeof(why)), ERR_NONE);
    assert_int_equal(service_start(world->service, NULL, 0), ERR_NONE);
    urcu_qsbr_thread_online();
}

static void close_service(struct world *world)
{
    urcu_qsbr_thread_offline();
    service_stop(world->service);
    service_free(world->service);
    world->service = NULL;
}

static void restart(struct world *world)
{
    close_service(world);
    open_service(world);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    snprintf(world->folder, sizeof(world->folder), "/tmp/locum-service-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    world->driven.wall_ms = 1800000000000;
    world->driven.monotonic_ms = 5000;
    world->clock = driven_clock_of(&world->driven);
    log_init(&world->log, STDERR_FILENO, "test");
    atomic_store(&world->log.level, LOG_LEVEL_ERROR);
    pthread_mutex_init(&world->mutex, NULL);
    pthread_cond_init(&world->replied, NULL);
    world->zone = (struct service_zone){"Auth.Example.Org.", 3, 7 * day_ms};
    world->policy = (struct service_policy){.registration = REGISTRATION_OPEN,
                                            .unused_lifetime_ms = 30 * day_ms,
                                            .zones = &world->zone,
                                            .zone_count = 1};
    open_service(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    char command[128];
    if (world->service != NULL)
        close_service(world);
    snprintf(command, sizeof(command), "rm -r %s", world->folder);
    int status = system(command);
    pthread_cond_destroy(&world->replied);
    pthread_mutex_destroy(&world->mutex);
    free(world);
    return status;
}

static const struct origin here = {.address = {4, {127, 0, 0, 1}}, .request_id = "test"};

static enum error try_register(struct world *world, const char *token, const char *allowfrom,
                               const char *domain)
{
    uint32_t retry_after_s;
    struct slice prefix = slice_text(allowfrom);
    const struct registration_request request = {.token = slice_text(token),
                                                 .allowfrom = &prefix,
                                                 .allowfrom_count = allowfrom[0] != '\0',
                                                 .domain = slice_text(domain),
                                                 .origin = here};
    enum error error =
        service_register(world->service, &request, on_registration, world, &retry_after_s);
    return error == ERR_NONE ? wait_for_reply(world) : error;
}

static enum error find_key(struct world *world, const struct registration *registration,
                           const char *from, const struct api_key **key)
{
    const struct credentials credentials = {slice_text(registration->key_id),
                                            slice_text(registration->secret)};
    struct ip_address client;
    assert_int_equal(ip_parse(slice_text(from), &client), ERR_NONE);
    urcu_qsbr_quiescent_state();
    return service_authenticate(world->service, &credentials, &client, key);
}

static struct slice txt_of(char letter, char out[ACME_TXT_LENGTH])
{
    memset(out, letter, ACME_TXT_LENGTH);
    return slice_of(out, ACME_TXT_LENGTH);
}

static enum error update(struct world *world, char letter)
{
    char txt[ACME_TXT_LENGTH];
    const struct api_key *key;
    uint32_t retry_after_s;
    assert_int_equal(find_key(world, &world->registration, "127.0.0.1", &key), ERR_NONE);
    enum error error = service_update(world->service, key, slice_text(world->registration.label),
                                      txt_of(letter, txt), &here, on_update, world, &retry_after_s);
    return error == ERR_NONE ? wait_for_reply(world) : error;
}

static enum error clear(struct world *world, char letter)
{
    char txt[ACME_TXT_LENGTH];
    const struct api_key *key;
    uint32_t retry_after_s;
    assert_int_equal(find_key(world, &world->registration, "127.0.0.1", &key), ERR_NONE);
    struct slice value = letter == '\0' ? slice_text("") : txt_of(letter, txt);
    enum error error = service_clear(world->service, key, slice_text(world->registration.label),
                                     value, &here, on_clear, world, &retry_after_s);
    return error == ERR_NONE ? wait_for_reply(world) : error;
}

static const struct delegate *delegate_of(struct world *world)
{
    struct index *index = service_index(world->service);
    struct slice label = slice_text(world->registration.label);
    uint16_t zone = service_zone_id(world->service, 0);
    urcu_qsbr_quiescent_state();
    return index_find(index, index_hash(index, zone, label), zone, label);
}

/* The first letters of the values, oldest first. */
static const char *values(struct world *world)
{
    static char letters[VALUES_MAX + 1];
    const struct delegate *delegate = delegate_of(world);
    const struct value_set *set = delegate == NULL ? NULL : delegate_values(delegate);
    uint32_t count = set == NULL ? 0 : set->count;
    for (uint32_t i = 0; i < count; i++)
        letters[i] = (char)value_text(set, i).data[0];
    letters[count] = '\0';
    return letters;
}

/* The housekeeper ticks by the real clock: awaits what it does. */
static void await(struct world *world, const char *letters)
{
    for (int i = 0; i < 1000 && strcmp(values(world), letters) != 0; i++)
        usleep(10000);
    assert_string_equal(values(world), letters);
}

/* Waits until the housekeeper has gone round twice: nothing else to await when nothing happens. */
static void await_rounds(struct world *world)
{
    struct service_status status;
    service_status(world->service, &status);
    uint64_t enough = status.operations + 3;
    for (int i = 0; i < 1000 && status.operations < enough; i++) {
        usleep(10000);
        service_status(world->service, &status);
    }
    assert_true(status.operations >= enough);
}

/* ---- tests ---- */

static void a_registration_works_at_once_and_after_a_restart(void **state)
{
    struct world *world = *state;
    const struct api_key *key;
    assert_int_equal(try_register(world, "", "10.0.0.0/8", "Example.com"), ERR_NONE);
    assert_string_equal(world->registration.zone, "Auth.Example.Org.");
    for (int i = 0; i < 2; i++) {
        assert_non_null(delegate_of(world));
        assert_int_equal(find_key(world, &world->registration, "10.1.2.3", &key), ERR_NONE);
        assert_int_equal(find_key(world, &world->registration, "11.1.2.3", &key), ERR_FORBIDDEN);
        struct registration wrong = world->registration;
        wrong.secret[0] = wrong.secret[0] == 'a' ? 'b' : 'a';
        assert_int_equal(find_key(world, &wrong, "10.1.2.3", &key), ERR_FORBIDDEN);
        wrong = world->registration;
        wrong.key_id[0] = wrong.key_id[0] == 'a' ? 'b' : 'a';
        assert_int_equal(find_key(world, &wrong, "10.1.2.3", &key), ERR_FORBIDDEN);
        restart(world);
    }
}

static void bad_registrations_are_refused(void **state)
{
    struct world *world = *state;
    assert_int_equal(try_register(world, "", "10.0.0.0", ""), ERR_BAD_CIDR);
    assert_int_equal(try_register(world, "", "", "not a domain"), ERR_BAD_DOMAIN);
    assert_int_equal(try_register(world, "", "", "*.Example.com."), ERR_NONE);
}

static void the_newest_values_stay_in_the_order_of_arrival(void **state)
{
    struct world *world = *state;
    assert_int_equal(try_register(world, "", "", ""), ERR_NONE);
    assert_int_equal(update(world, 'a'), ERR_NONE);
    assert_string_equal(values(world), "a");
    assert_int_equal(update(world, 'b'), ERR_NONE);
    assert_int_equal(update(world, 'c'), ERR_NONE);
    assert_int_equal(update(world, 'd'), ERR_NONE); /* all within one millisecond */
    assert_string_equal(values(world), "bcd");
    assert_int_equal(update(world, 'b'), ERR_NONE); /* comes again: counts as new, is there once */
    assert_string_equal(values(world), "cdb");
    restart(world);
    assert_string_equal(values(world), "cdb");
}

static void values_are_cleared_one_or_all(void **state)
{
    struct world *world = *state;
    assert_int_equal(try_register(world, "", "", ""), ERR_NONE);
    for (char letter = 'a'; letter <= 'c'; letter++)
        assert_int_equal(update(world, letter), ERR_NONE);
    assert_int_equal(clear(world, 'b'), ERR_NONE);
    assert_int_equal(world->cleared, 1);
    assert_string_equal(values(world), "ac");
    assert_int_equal(clear(world, 'x'), ERR_NONE);
    assert_int_equal(world->cleared, 0);
    assert_int_equal(clear(world, '\0'), ERR_NONE);
    assert_int_equal(world->cleared, 2);
    assert_string_equal(values(world), "");
    restart(world);
    assert_string_equal(values(world), "");
}

static void only_the_own_label_and_acme_values_are_taken(void **state)
{
    struct world *world = *state;
    const struct api_key *key;
    char txt[ACME_TXT_LENGTH];
    uint32_t retry_after_s;
    assert_int_equal(try_register(world, "", "", ""), ERR_NONE);
    assert_int_equal(find_key(world, &world->registration, "127.0.0.1", &key), ERR_NONE);
    assert_int_equal(service_update(world->service, key, slice_text("other"), txt_of('a', txt),
                                    &here, on_update, world, &retry_after_s),
                     ERR_FORBIDDEN);
    static const char *const bad[] = {"", "short", "0123456789012345678901234567890123456789012+",
                                      "0123456789012345678901234567890123456789012="};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_int_equal(service_update(world->service, key, slice_text(world->registration.label),
                                        slice_text(bad[i]), &here, on_update, world,
                                        &retry_after_s),
                         ERR_BAD_TXT);
}

static void one_delegate_has_so_many_updates_an_hour(void **state)
{
    struct world *world = *state;
    world->policy.updates_per_hour = 6;
    urcu_qsbr_thread_offline();
    assert_int_equal(service_reload(world->service, &world->policy), ERR_NONE);
    urcu_qsbr_thread_online();
    assert_int_equal(try_register(world, "", "", ""), ERR_NONE);
    for (int i = 0; i < 5; i++)
        assert_int_equal(update(world, (char)('a' + i)), ERR_NONE);
    assert_int_equal(clear(world, '\0'), ERR_NONE);
    assert_int_equal(update(world, 'x'), ERR_RATE_LIMITED);
    assert_int_equal(clear(world, '\0'), ERR_RATE_LIMITED);
    assert_string_equal(values(world), "");
    driven_pass(&world->driven, 600000); /* ten minutes bring one back */
    assert_int_equal(update(world, 'x'), ERR_NONE);
    assert_int_equal(update(world, 'y'), ERR_RATE_LIMITED);
    assert_int_equal(try_register(world, "", "", ""), ERR_NONE); /* another delegate has its own */
    assert_int_equal(update(world, 'z'), ERR_NONE);
}

static void on_count(void *context, enum error error, int64_t count)
{
    assert_int_equal(count, error == ERR_NONE);
    reply(context, error);
}

static void a_removed_label_is_never_given_out_again(void **state)
{
    struct world *world = *state;
    struct delegate_ref ref;
    const struct api_key *key;
    assert_int_equal(try_register(world, "", "", ""), ERR_NONE);
    assert_int_equal(update(world, 'a'), ERR_NONE);
    delegate_ref_of(&ref, delegate_of(world));
    struct slice label = slice_text(world->registration.label);
    assert_int_equal(service_delegate_remove(world->service, label, &here, on_count, world),
                     ERR_NONE);
    assert_int_equal(wait_for_reply(world), ERR_NONE);
    assert_null(delegate_of(world));
    assert_int_equal(find_key(world, &world->registration, "127.0.0.1", &key), ERR_FORBIDDEN);
    assert_int_equal(service_delegate_remove(world->service, label, &here, on_count, world),
                     ERR_NOT_FOUND);
    urcu_qsbr_thread_offline();
    service_stop(world->service); /* the store is ours now */
    assert_int_equal(delegate_check_buried(world->service->store, &ref), ERR_EXISTS);
    ref.label[0] ^= 1;
    assert_int_equal(delegate_check_buried(world->service->store, &ref), ERR_NONE);
    service_free(world->service);
    world->service = NULL;
}

static void values_leave_by_age(void **state)
{
    struct world *world = *state;
    assert_int_equal(try_register(world, "", "", ""), ERR_NONE);
    assert_int_equal(update(world, 'a'), ERR_NONE);
    driven_pass(&world->driven, 4 * day_ms);
    assert_int_equal(update(world, 'b'), ERR_NONE);
    driven_pass(&world->driven, 3 * day_ms + 1);
    await(world, "b");
    driven_pass(&world->driven, 4 * day_ms);
    await(world, "");
    assert_non_null(delegate_of(world)); /* it was used: the name stays */
}

static void a_jump_of_the_wall_clock_expires_nothing(void **state)
{
    struct world *world = *state;
    assert_int_equal(try_register(world, "", "", ""), ERR_NONE);
    assert_int_equal(update(world, 'a'), ERR_NONE);
    atomic_fetch_add(&world->driven.wall_ms, 3650 * day_ms);
    assert_int_equal(update(world, 'b'), ERR_NONE);
    await_rounds(world);
    assert_string_equal(values(world), "ab");
    restart(world); /* a gap of ten years counts as one day */
    await_rounds(world);
    assert_string_equal(values(world), "ab");
    atomic_fetch_sub(&world->driven.wall_ms, 3650 * day_ms);
    restart(world);
    assert_string_equal(values(world), "ab");
}

static void tokens_open_registration_until_revoked(void **state)
{
    struct world *world = *state;
    world->policy.registration = REGISTRATION_TOKEN;
    urcu_qsbr_thread_offline();
    assert_int_equal(service_reload(world->service, &world->policy), ERR_NONE);
    urcu_qsbr_thread_online();
    assert_int_equal(try_register(world, "", "", ""), ERR_TOKEN_REQUIRED);
    assert_int_equal(try_register(world, "wrong", "", ""), ERR_TOKEN_REQUIRED);
    assert_int_equal(
        service_token_new(world->service, slice_text("for a test"), &here, on_token, world),
        ERR_NONE);
    assert_int_equal(wait_for_reply(world), ERR_NONE);
    char token[SECRET_LENGTH + 1];
    memcpy(token, world->token, sizeof(token));
    assert_int_equal(try_register(world, token, "", ""), ERR_NONE);
    restart(world);
    assert_int_equal(try_register(world, token, "", ""), ERR_NONE);
    assert_int_equal(service_token_revoke(world->service, world->id, &here, on_token, world),
                     ERR_NONE);
    assert_int_equal(wait_for_reply(world), ERR_NONE);
    assert_int_equal(try_register(world, token, "", ""), ERR_TOKEN_REQUIRED);
    assert_int_equal(service_token_revoke(world->service, world->id, &here, on_token, world),
                     ERR_NONE);
    assert_int_equal(wait_for_reply(world), ERR_NOT_FOUND);
}

static void closed_means_closed(void **state)
{
    struct world *world = *state;
    world->policy.registration = REGISTRATION_CLOSED;
    urcu_qsbr_thread_offline();
    assert_int_equal(service_reload(world->service, &world->policy), ERR_NONE);
    urcu_qsbr_thread_online();
    assert_true(service_registration_closed(world->service));
    assert_int_equal(try_register(world, "", "", ""), ERR_REGISTRATION_CLOSED);
}

static void the_serial_grows_with_every_change(void **state)
{
    struct world *world = *state;
    struct index *index = service_index(world->service);
    uint16_t zone = service_zone_id(world->service, 0);
    assert_int_equal(try_register(world, "", "", ""), ERR_NONE);
    uint32_t before = index_serial(index, zone);
    assert_int_equal(update(world, 'a'), ERR_NONE);
    uint32_t after = index_serial(index, zone);
    assert_true((int32_t)(after - before) > 0);
    atomic_fetch_sub(&world->driven.wall_ms, 3650 * day_ms); /* even when the clock goes back */
    assert_int_equal(update(world, 'b'), ERR_NONE);
    assert_true((int32_t)(index_serial(index, zone) - after) > 0);
    restart(world);
    assert_true((int32_t)(index_serial(service_index(world->service), zone) - after) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_registration_works_at_once_and_after_a_restart, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(bad_registrations_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_newest_values_stay_in_the_order_of_arrival, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(values_are_cleared_one_or_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_the_own_label_and_acme_values_are_taken, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_delegate_has_so_many_updates_an_hour, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_removed_label_is_never_given_out_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(values_leave_by_age, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_jump_of_the_wall_clock_expires_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(tokens_open_registration_until_revoked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closed_means_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_serial_grows_with_every_change, set_up, tear_down),
    };
    if (sodium_init() < 0)
        return 1;
    urcu_qsbr_register_thread();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    urcu_qsbr_unregister_thread();
    return failed;
}
