/*
 * The channel between the processes: whole messages in order, whatever their size and whatever
 * becomes of a sender.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/channel.h"
#include "daemon/reload.h"

struct pair {
    struct channel left;
    struct channel right;
};

static int make_pair(void **state)
{
    struct pair *pair = calloc(1, sizeof(*pair));
    int fds[2];

    if (pair == NULL || channel_pair(fds) != ERR_NONE)
        return -1;
    channel_init(&pair->left, fds[0]);
    channel_init(&pair->right, fds[1]);
    *state = pair;
    return 0;
}

static int free_pair(void **state)
{
    struct pair *pair = *state;

    channel_fini(&pair->left);
    channel_fini(&pair->right);
    free(pair);
    return 0;
}

static enum error receive(struct channel *channel, struct message *out)
{
    enum error error;

    do {
        error = channel_receive(channel, out);
    } while (error == ERR_SHORT);
    return error;
}

static void messages_arrive_whole_and_in_order(void **state)
{
    struct pair *pair = *state;
    struct message message;

    assert_int_equal(channel_send(&pair->left, MESSAGE_RELOAD, slice_of(NULL, 0), 0), ERR_NONE);
    assert_int_equal(channel_send(&pair->left, MESSAGE_REFUSED, slice_text("why"), 0), ERR_NONE);
    assert_int_equal(channel_receive(&pair->right, &message), ERR_NONE);
    assert_int_equal(message.kind, MESSAGE_RELOAD);
    assert_int_equal(message.body.length, 0);
    message_free(&message);
    assert_int_equal(channel_receive(&pair->right, &message), ERR_NONE);
    assert_int_equal(message.kind, MESSAGE_REFUSED);
    assert_true(slice_is(message.body, "why"));
    message_free(&message);
    assert_int_equal(channel_receive(&pair->right, &message), ERR_SHORT);
}

struct load {
    struct channel *channel;
    struct slice body;
    enum error error;
};

static void *send_load(void *context)
{
    struct load *load = context;

    load->error = channel_send(load->channel, MESSAGE_RELOADED, load->body, 5000);
    return NULL;
}

static void a_message_above_the_socket_buffer_arrives(void **state)
{
    enum { SIZE = 5 * 1000 * 1000 + 7 };
    struct pair *pair = *state;
    struct message message;
    uint8_t *body = malloc(SIZE);
    struct load load = {&pair->left, {body, SIZE}, ERR_INTERNAL};
    pthread_t thread;

    for (size_t i = 0; i < SIZE; i++)
        body[i] = (uint8_t)(i * 31 >> 3);
    assert_int_equal(pthread_create(&thread, NULL, send_load, &load), 0);
    assert_int_equal(receive(&pair->right, &message), ERR_NONE);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(load.error, ERR_NONE);
    assert_true(slice_equal(message.body, load.body));
    message_free(&message);
    free(body);
}

static void a_slow_peer_is_a_timeout(void **state)
{
    struct pair *pair = *state;
    static const uint8_t body[1024 * 1024];

    assert_int_equal(channel_send(&pair->left, MESSAGE_RELOADED, slice_of(body, sizeof(body)), 10),
                     ERR_TIMEOUT);
}

static void a_gone_peer_is_told(void **state)
{
    struct pair *pair = *state;
    struct message message;

    channel_fini(&pair->right);
    assert_int_equal(channel_send(&pair->left, MESSAGE_RELOAD, slice_of(NULL, 0), 0),
                     ERR_NOT_FOUND);
    assert_int_equal(channel_receive(&pair->left, &message), ERR_NOT_FOUND);
}

/* Sends one packet by hand. */
static void send_packet(struct channel *channel, uint32_t kind, uint32_t total, uint32_t offset,
                        const char *data)
{
    uint8_t packet[256];
    struct writer writer = writer_of(packet, sizeof(packet));

    write_u32(&writer, kind);
    write_u32(&writer, total);
    write_u32(&writer, offset);
    write_text(&writer, data);
    assert_int_equal(send(channel->fd, packet, writer_length(&writer), 0), writer_length(&writer));
}

static void a_torn_message_does_not_spoil_the_next(void **state)
{
    struct pair *pair = *state;
    struct message message;

    send_packet(&pair->left, MESSAGE_RELOADED, 6, 0, "abc");
    send_packet(&pair->left, MESSAGE_ENDED, 3, 0, "xyz");
    assert_int_equal(channel_receive(&pair->right, &message), ERR_NONE);
    assert_int_equal(message.kind, MESSAGE_ENDED);
    assert_true(slice_is(message.body, "xyz"));
    message_free(&message);
}

static void what_is_no_message_is_refused(void **state)
{
    static const struct {
        uint32_t kind, total, offset;
        const char *data;
    } packets[] = {
        {0, 0, 0, ""},                        /* no kind */
        {99, 0, 0, ""},                       /* an unknown one */
        {MESSAGE_RELOAD, 0, 0, "x"},          /* more than announced */
        {MESSAGE_RELOAD, 10, 5, "x"},         /* no beginning */
        {MESSAGE_RELOAD, UINT32_MAX, 0, "x"}, /* too large */
    };
    struct pair *pair = *state;
    struct message message;

    for (size_t i = 0; i < ARRAY_LENGTH(packets); i++) {
        send_packet(&pair->left, packets[i].kind, packets[i].total, packets[i].offset,
                    packets[i].data);
        assert_int_equal(channel_receive(&pair->right, &message), ERR_MALFORMED);
    }
    assert_int_equal(send(pair->left.fd, "short", 5, 0), 5);
    assert_int_equal(channel_receive(&pair->right, &message), ERR_MALFORMED);
}

static void a_reload_comes_back_as_it_went(void **state UNUSED)
{
    struct config_source sources[] = {{"/etc/locum/locum.yaml", slice_text("api: x\n")},
                                      {"/etc/locum/a.zone", slice_text("")}};
    struct config config = {.sources = sources, .source_count = 2};
    struct reading reading = {
        .config = &config, .certificate = {.chain = slice_text("chain"), .key = slice_text("key")}};
    struct reload reload;
    uint8_t *body = NULL;
    size_t length = 0;

    assert_int_equal(reload_encode(&reading, &body, &length), ERR_NONE);
    assert_int_equal(reload_decode(slice_of(body, length), &reload), ERR_NONE);
    assert_int_equal(reload.source_count, 2);
    assert_string_equal(reload.sources[1].path, "/etc/locum/a.zone");
    assert_true(slice_is(reload.sources[0].text, "api: x\n"));
    assert_true(slice_is(reload.chain, "chain"));
    assert_true(slice_is(reload.key, "key"));
    reload_fini(&reload);
    for (size_t cut = 0; cut < length; cut++)
        assert_int_equal(reload_decode(slice_of(body, cut), &reload), ERR_MALFORMED);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_arrive_whole_and_in_order, make_pair, free_pair),
        cmocka_unit_test_setup_teardown(a_message_above_the_socket_buffer_arrives, make_pair,
                                        free_pair),
        cmocka_unit_test_setup_teardown(a_slow_peer_is_a_timeout, make_pair, free_pair),
        cmocka_unit_test_setup_teardown(a_gone_peer_is_told, make_pair, free_pair),
        cmocka_unit_test_setup_teardown(a_torn_message_does_not_spoil_the_next, make_pair,
                                        free_pair),
        cmocka_unit_test_setup_teardown(what_is_no_message_is_refused, make_pair, free_pair),
        cmocka_unit_test(a_reload_comes_back_as_it_went),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
