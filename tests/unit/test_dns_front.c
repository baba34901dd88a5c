/*
 * The DNS door over real sockets on loopback: batches, source addresses, TCP framing, deadlines,
 * caps, and what happens around it (zones swapped, sightings, counters, the end).
 */
#include "dns_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "front/dns_front.h"
#include "net/dns_tcp.h"

#define LABEL "0ff1ce00-1111-4222-8333-444455556666"
#define NAME LABEL ".auth.example.org"

enum { WAIT_MS = 10000 }; /* until something that must come is missing */

struct fixture {
    struct index *index;
    struct dns_front *front;
    struct clock clock;
    _Atomic int64_t now_ms; /* of the front's monotonic clock */
    struct log log;
    in_port_t port; /* network order */
    int family;
};

static int64_t fixture_ms(void *context)
{
    return atomic_load(&((struct fixture *)context)->now_ms);
}

/* ---- sockets ---- */

static socklen_t make_address(const char *text, in_port_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = port};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = port};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        memcpy(out, &in, sizeof(in));
        return sizeof(in);
    }
    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    memcpy(out, &in6, sizeof(in6));
    return sizeof(in6);
}

static int listen_at(const char *text, int type, in_port_t *port)
{
    struct sockaddr_storage address;
    int one = 1;
    socklen_t length = make_address(text, *port, &address);
    int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (address.ss_family == AF_INET6)
        assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)), 0);
    if (bind(fd, (struct sockaddr *)&address, length) != 0) {
        (void)close(fd);
        return -1;
    }
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 511), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    struct sockaddr_in in; /* the port is at the same place in both families */
    memcpy(&in, &address, sizeof(in));
    *port = in.sin_port;
    return fd;
}

static int connect_to(const char *text, int type, in_port_t port)
{
    struct sockaddr_storage address;
    socklen_t length = make_address(text, port, &address);
    int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, length), 0);
    return fd;
}

/* Waits until FD is readable and reads at most SIZE bytes; 0 at its end. */
static size_t receive(int fd, uint8_t *out, size_t size)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&poller, 1, WAIT_MS), 1);
    ssize_t got = recv(fd, out, size, 0);
    return got > 0 ? (size_t)got : 0;
}

static void receive_all(int fd, uint8_t *out, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t got = receive(fd, out + at, size - at);
        assert_true(got > 0);
        at += got;
    }
}

/* ---- fixtures ---- */

static struct zone_set *make_zones(uint32_t txt_ttl)
{
    static const char *const nameservers[] = {"ns1.example.net"};
    static char records[200 * 240];
    size_t at = 0;
    for (int i = 0; i < 140; i++) /* an answer of 30 KB for the TCP tests */
        at +=
            (size_t)snprintf(records + at, sizeof(records) - at, "big TXT \"%03d%0197d\"\n", i, 0);
    const struct zone_settings settings = {.id = 1,
                                           .name = "auth.example.org",
                                           .nameservers = nameservers,
                                           .nameserver_count = 1,
                                           .contact = "hostmaster@example.org",
                                           .records = records,
                                           .txt_ttl = txt_ttl,
                                           .negative_ttl = 1};
    struct zone_set *set;
    struct zone_refusal refusal;
    assert_int_equal(zone_set_new(&settings, 1, &set, &refusal), ERR_NONE);
    return set;
}

/* Starts a front with one thread at each of ADDRESSES, all on one port. */
static void start(struct fixture *fixture, const char *const *addresses, size_t count)
{
    int udp[2];
    int tcp[2];
    for (int tries = 0;; tries++) { /* the port that is free for one may not be for another */
        bool good = true;
        fixture->port = 0;
        for (size_t i = 0; i < count; i++) {
            udp[i] = listen_at(addresses[i], SOCK_DGRAM, &fixture->port);
            tcp[i] = udp[i] < 0 ? -1 : listen_at(addresses[i], SOCK_STREAM, &fixture->port);
            good = good && tcp[i] >= 0;
        }
        if (good)
            break;
        for (size_t i = 0; i < count; i++) {
            (void)close(udp[i]);
            (void)close(tcp[i]);
        }
        assert_true(tries < 20);
    }
    const struct dns_front_settings settings = {.threads = 1,
                                                .udp_fds = udp,
                                                .tcp_fds = tcp,
                                                .addresses = count,
                                                .index = fixture->index,
                                                .zones = make_zones(0),
                                                .log = &fixture->log,
                                                .clock = &fixture->clock};
    assert_int_equal(dns_front_new(&settings, &fixture->front), ERR_NONE);
    assert_int_equal(dns_front_start(fixture->front), ERR_NONE);
}

static int make_fixture(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    atomic_store(&fixture->now_ms, 1000000);
    fixture->clock = (struct clock){fixture_ms, fixture_ms, fixture};
    log_init(&fixture->log, STDERR_FILENO, "test");
    fixture->log.level = LOG_LEVEL_ERROR;
    assert_int_equal(index_new(16, &fixture->index), ERR_NONE);
    add_delegate(fixture->index, 1, 1, LABEL, 2);
    *state = fixture;
    return 0;
}

static int set_up(void **state)
{
    (void)make_fixture(state);
    start(*state, (const char *const[]){"127.0.0.1"}, 1);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->front != NULL) {
        dns_front_stop(fixture->front);
        dns_front_free(fixture->front);
    }
    index_free(fixture->index);
    free(fixture);
    return 0;
}

/* ---- questions ---- */

static struct slice txt_query(uint8_t *out, size_t size)
{
    return build_query(&(struct question){.name = NAME, .type = DNS_TYPE_TXT}, out, size);
}

static ldns_pkt *ask_udp(int fd)
{
    uint8_t query[512];
    uint8_t answer[2048];
    struct slice bytes = txt_query(query, sizeof(query));
    assert_int_equal(send(fd, bytes.data, bytes.length, 0), bytes.length);
    return parse_answer(slice_of(answer, receive(fd, answer, sizeof(answer))));
}

static void assert_two_values(ldns_pkt *packet)
{
    assert_int_equal(ldns_pkt_ancount(packet), 2);
    ldns_pkt_free(packet);
}

static void send_frame(int fd, struct slice message)
{
    uint8_t frame[2 + 4096 + 4096];
    struct writer writer = writer_of(frame, sizeof(frame));
    write_u16(&writer, (uint16_t)message.length);
    write_bytes(&writer, message);
    assert_false(writer.failed);
    assert_int_equal(send(fd, frame, writer_length(&writer), MSG_NOSIGNAL), writer_length(&writer));
}

static ldns_pkt *receive_frame(int fd)
{
    static uint8_t answer[DNS_MESSAGE_MAX];
    uint8_t length[2];
    receive_all(fd, length, 2);
    size_t size = (size_t)(length[0] << 8 | length[1]);
    receive_all(fd, answer, size);
    return parse_answer(slice_of(answer, size));
}

static void ask_tcp(int fd)
{
    uint8_t query[512];
    send_frame(fd, txt_query(query, sizeof(query)));
    assert_two_values(receive_frame(fd));
}

/* Moves the front's clock and waits until the peer has closed. */
static void assert_closed_after(struct fixture *fixture, int fd, int64_t ms)
{
    uint8_t byte;
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    atomic_fetch_add(&fixture->now_ms, ms - 1);
    assert_int_equal(poll(&poller, 1, 600), 0); /* two sweeps: not yet */
    atomic_fetch_add(&fixture->now_ms, 1);
    assert_int_equal(receive(fd, &byte, 1), 0);
}

/* ---- UDP ---- */

static void udp_answers(void **state)
{
    struct fixture *fixture = *state;
    int fd = connect_to("127.0.0.1", SOCK_DGRAM, fixture->port);
    assert_two_values(ask_udp(fd));
    (void)close(fd);
}

static void answers_leave_from_the_address_that_was_asked(void **state)
{
    struct fixture *fixture = *state;
    static const char *const asked[] = {"127.0.0.1", "127.0.0.2", "127.1.2.3", "::1"};
    start(fixture, (const char *const[]){"0.0.0.0", "::"}, 2);
    for (size_t i = 0; i < ARRAY_LENGTH(asked); i++) { /* a connected socket takes no other */
        int fd = connect_to(asked[i], SOCK_DGRAM, fixture->port);
        assert_two_values(ask_udp(fd));
        (void)close(fd);
        fd = connect_to(asked[i], SOCK_STREAM, fixture->port);
        ask_tcp(fd);
        (void)close(fd);
    }
}

static void a_burst_is_answered_whole(void **state)
{
    struct fixture *fixture = *state;
    enum { BURST = 3 * DNS_BATCH + 1 };
    uint8_t query[512];
    uint8_t answer[2048];
    bool seen[BURST] = {false};
    int fd = connect_to("127.0.0.1", SOCK_DGRAM, fixture->port);
    struct slice bytes = txt_query(query, sizeof(query));
    for (unsigned i = 0; i < BURST; i++) {
        query[0] = (uint8_t)(i >> 8);
        query[1] = (uint8_t)i;
        assert_int_equal(send(fd, bytes.data, bytes.length, 0), bytes.length);
    }
    for (unsigned i = 0; i < BURST; i++) {
        assert_true(receive(fd, answer, sizeof(answer)) > bytes.length);
        unsigned id = (unsigned)(answer[0] << 8 | answer[1]);
        assert_true(id < BURST && !seen[id]);
        seen[id % BURST] = true; /* gcc can't know that assert_true() goes no further */
    }
    (void)close(fd);
}

static void overlong_and_hopeless_datagrams_do_no_harm(void **state)
{
    struct fixture *fixture = *state;
    uint8_t bytes[4000] = {0};
    uint8_t answer[2048];
    int fd = connect_to("127.0.0.1", SOCK_DGRAM, fixture->port);
    assert_int_equal(send(fd, bytes, 0, 0), 0);
    assert_int_equal(send(fd, bytes, 11, 0), 11);
    assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    assert_int_equal(receive(fd, answer, sizeof(answer)), DNS_HEADER_LENGTH);
    assert_int_equal(answer[3] & 0xF, DNS_FORMERR);
    assert_two_values(ask_udp(fd));
    struct dns_counters counters = dns_front_counters(fixture->front);
    assert_int_equal(counters.udp_queries, 4);
    assert_int_equal(counters.dropped, 2);
    assert_int_equal(counters.answers_other, 1);
    assert_int_equal(counters.answers_noerror, 1);
    (void)close(fd);
}

/* ---- TCP ---- */

static void many_pipelined_queries_are_answered_on_one_connection(void **state)
{
    struct fixture *fixture = *state;
    enum { QUERIES = 1000 };
    uint8_t query[512];
    int fd = connect_to("127.0.0.1", SOCK_STREAM, fixture->port);
    struct slice bytes = txt_query(query, sizeof(query));
    for (unsigned i = 0; i < QUERIES; i++) {
        query[0] = (uint8_t)(i >> 8);
        query[1] = (uint8_t)i;
        send_frame(fd, bytes);
    }
    for (unsigned i = 0; i < QUERIES; i++) {
        ldns_pkt *packet = receive_frame(fd);
        assert_int_equal(ldns_pkt_id(packet), i);
        assert_two_values(packet);
    }
    assert_int_equal(dns_front_counters(fixture->front).tcp_queries, QUERIES);
    assert_int_equal(dns_front_counters(fixture->front).tcp_connections, 1);
    (void)close(fd);
}

static void a_query_may_come_byte_by_byte(void **state)
{
    struct fixture *fixture = *state;
    uint8_t query[512];
    int fd = connect_to("127.0.0.1", SOCK_STREAM, fixture->port);
    struct slice bytes = txt_query(query, sizeof(query));
    uint8_t length[2] = {0, (uint8_t)bytes.length};
    for (int round = 0; round < 2; round++) {
        assert_int_equal(send(fd, length, 1, 0), 1);
        assert_int_equal(send(fd, length + 1, 1, 0), 1);
        for (size_t i = 0; i < bytes.length; i++)
            assert_int_equal(send(fd, bytes.data + i, 1, 0), 1);
        assert_two_values(receive_frame(fd));
    }
    (void)close(fd);
}

static void scraps_are_skipped_and_overlong_queries_refused(void **state)
{
    struct fixture *fixture = *state;
    uint8_t bytes[8000] = {0};
    int fd = connect_to("127.0.0.1", SOCK_STREAM, fixture->port);
    send_frame(fd, slice_of(bytes, 0));
    send_frame(fd, slice_of(bytes, 5));
    send_frame(fd, slice_of(bytes, sizeof(bytes)));
    ldns_pkt *packet = receive_frame(fd);
    assert_int_equal(ldns_pkt_get_rcode(packet), DNS_FORMERR);
    ldns_pkt_free(packet);
    ask_tcp(fd);
    (void)close(fd);
}

static void what_has_come_is_answered_when_the_peer_stops_sending(void **state)
{
    struct fixture *fixture = *state;
    uint8_t query[512];
    uint8_t byte;
    int fd = connect_to("127.0.0.1", SOCK_STREAM, fixture->port);
    send_frame(fd, txt_query(query, sizeof(query)));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_two_values(receive_frame(fd));
    assert_int_equal(receive(fd, &byte, 1), 0);
    (void)close(fd);
}

static void idle_connections_are_closed(void **state)
{
    struct fixture *fixture = *state;
    int fd = connect_to("127.0.0.1", SOCK_STREAM, fixture->port);
    ask_tcp(fd);
    int other = connect_to("127.0.0.1", SOCK_STREAM, fixture->port);
    ask_tcp(other); /* by now the loop is done with the first one, and its time has begun */
    assert_closed_after(fixture, fd, DNS_TCP_IDLE_MS);
    (void)close(other);
    (void)close(fd);
}

static void half_a_query_is_not_waited_for(void **state)
{
    struct fixture *fixture = *state;
    uint8_t start_of_query[] = {0, 40, 1, 2, 3};
    int fd = connect_to("127.0.0.1", SOCK_STREAM, fixture->port);
    ask_tcp(fd);
    assert_int_equal(send(fd, start_of_query, 5, 0), 5);
    /* Answered on the same loop after those bytes were read. */
    int other = connect_to("127.0.0.1", SOCK_STREAM, fixture->port);
    ask_tcp(other);
    atomic_fetch_add(&fixture->now_ms, DNS_TCP_QUERY_MS - 1000);
    assert_int_equal(send(fd, start_of_query, 1, 0), 1); /* one more byte moves no deadline */
    ask_tcp(other);
    assert_closed_after(fixture, fd, 1000);
    ask_tcp(other);
    (void)close(fd);
    (void)close(other);
}

/* Sends queries for the large answer until the server stops reading. Returns how many went out. */
static size_t fill(int fd, struct slice query)
{
    uint8_t frame[512];
    struct writer writer = writer_of(frame, sizeof(frame));
    write_u16(&writer, (uint16_t)query.length);
    write_bytes(&writer, query);
    size_t sent = 0;
    struct pollfd poller = {.fd = fd, .events = POLLOUT};
    while (sent < 1000000 && poll(&poller, 1, 500) == 1) {
        if (send(fd, frame, writer_length(&writer), MSG_DONTWAIT | MSG_NOSIGNAL) !=
            (ssize_t)writer_length(&writer))
            break;
        sent++;
    }
    return sent;
}

static void a_peer_that_does_not_read_is_not_read_from(void **state)
{
    struct fixture *fixture = *state;
    uint8_t query[512];
    uint8_t byte[4096];
    int small = 4096;
    struct sockaddr_storage address;
    socklen_t length = make_address("127.0.0.1", fixture->port, &address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, length), 0);
    struct slice bytes = build_query(
        &(struct question){.name = "big.auth.example.org", .type = DNS_TYPE_TXT}, query, 512);
    assert_true(fill(fd, bytes) < 1000000);
    /* Others are served meanwhile, and few answers were made for the one that does not read. */
    int other = connect_to("127.0.0.1", SOCK_STREAM, fixture->port);
    ask_tcp(other);
    assert_true(dns_front_counters(fixture->front).tcp_queries < 1000);
    atomic_fetch_add(&fixture->now_ms, DNS_TCP_WRITE_MS);
    struct pollfd poller = {.fd = fd, .events = 0};
    assert_int_equal(poll(&poller, 1, WAIT_MS), 1); /* reset: queries were left unread */
    while (recv(fd, byte, sizeof(byte), MSG_DONTWAIT) > 0) {
    }
    (void)close(fd);
    (void)close(other);
}

static void a_slow_reader_gets_every_answer(void **state)
{
    struct fixture *fixture = *state;
    enum { QUERIES = 300 }; /* 9 MB of answers: more than the sockets hold */
    uint8_t query[512];
    int fd = connect_to("127.0.0.1", SOCK_STREAM, fixture->port);
    struct slice bytes = build_query(
        &(struct question){.name = "big.auth.example.org", .type = DNS_TYPE_TXT}, query, 512);
    for (unsigned i = 0; i < QUERIES; i++) {
        query[0] = (uint8_t)(i >> 8);
        query[1] = (uint8_t)i;
        send_frame(fd, bytes);
    }
    for (unsigned i = 0; i < QUERIES; i++) {
        ldns_pkt *packet = receive_frame(fd);
        assert_int_equal(ldns_pkt_id(packet), i);
        assert_int_equal(ldns_pkt_ancount(packet), 140);
        ldns_pkt_free(packet);
    }
    ask_tcp(fd);
    (void)close(fd);
}

static void one_network_can_t_take_all_places(void **state)
{
    struct fixture *fixture = *state;
    int fds[DNS_TCP_PER_PREFIX];
    uint8_t byte;
    for (size_t i = 0; i < DNS_TCP_PER_PREFIX; i++)
        fds[i] = connect_to("127.0.0.1", SOCK_STREAM, fixture->port);
    ask_tcp(fds[DNS_TCP_PER_PREFIX - 1]);
    int late = connect_to("127.0.0.1", SOCK_STREAM, fixture->port);
    assert_int_equal(receive(late, &byte, 1), 0);
    (void)close(late);
    (void)close(fds[0]);
    for (bool served = false; !served;) { /* as soon as the server has seen that close */
        uint8_t query[512];
        late = connect_to("127.0.0.1", SOCK_STREAM, fixture->port);
        send_frame(late, txt_query(query, sizeof(query)));
        served = receive(late, &byte, 1) == 1;
        (void)close(late);
    }
    for (size_t i = 1; i < DNS_TCP_PER_PREFIX; i++)
        (void)close(fds[i]);
}

static int64_t cpu_ms(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static void running_out_of_descriptors_does_not_spin(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before;
    uint8_t query[512];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = (rlim_t)fd, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct sockaddr_storage address;
    socklen_t length = make_address("127.0.0.1", fixture->port, &address);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, length), 0);
    send_frame(fd, txt_query(query, sizeof(query)));
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    int64_t cpu = cpu_ms();
    assert_int_equal(poll(&poller, 1, 1000), 0);
    assert_true(cpu_ms() - cpu < 100);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_two_values(receive_frame(fd));
    (void)close(fd);
}

/* ---- around it ---- */

static void new_zones_are_served_at_once(void **state)
{
    struct fixture *fixture = *state;
    int fd = connect_to("127.0.0.1", SOCK_DGRAM, fixture->port);
    for (uint32_t ttl = 1; ttl < 50; ttl++) {
        dns_front_set_zones(fixture->front, make_zones(ttl));
        ldns_pkt *packet = ask_udp(fd);
        assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(ldns_pkt_answer(packet), 0)), ttl);
        ldns_pkt_free(packet);
    }
    (void)close(fd);
}

static void who_was_given_values_is_noted_once(void **state)
{
    struct fixture *fixture = *state;
    struct sighting sighting;
    int udp = connect_to("127.0.0.1", SOCK_DGRAM, fixture->port);
    int tcp = connect_to("127.0.0.1", SOCK_STREAM, fixture->port);
    for (int i = 0; i < 3; i++) {
        assert_two_values(ask_udp(udp));
        ask_tcp(tcp);
    }
    assert_int_equal(dns_front_rings(fixture->front), 2);
    for (size_t i = 0; i < 2; i++) {
        struct sighting_ring *ring = dns_front_ring(fixture->front, i);
        assert_true(sighting_take(ring, &sighting));
        assert_int_equal(sighting.delegate, 1);
        assert_int_equal(sighting.version, 3);
        assert_int_equal(sighting.transport, i == 0 ? SIGHTING_UDP : SIGHTING_TCP);
        assert_int_equal(sighting.client.family, 4);
        assert_int_equal(sighting.client.bytes[0], 127);
        assert_false(sighting_take(ring, &sighting));
    }
    add_delegate(fixture->index, 1, 1, LABEL, 0); /* the same again: no change */
    struct change change = {.sequence = 50,
                            .kind = CHANGE_VALUES_SET,
                            .zone = 1,
                            .delegate = 1,
                            .label = slice_text(LABEL),
                            .value_count = 2};
    fill_value(change.values[0].text, 'x');
    fill_value(change.values[1].text, 'y');
    assert_int_equal(index_apply(fixture->index, &change), ERR_NONE);
    assert_two_values(ask_udp(udp));
    assert_true(sighting_take(dns_front_ring(fixture->front, 0), &sighting));
    assert_int_equal(sighting.version, 50);
    (void)close(udp);
    (void)close(tcp);
}

static void the_end_answers_what_had_come(void **state)
{
    struct fixture *fixture = *state;
    uint8_t query[512];
    uint8_t byte;
    int tcp = connect_to("127.0.0.1", SOCK_STREAM, fixture->port);
    ask_tcp(tcp);
    int udp = connect_to("127.0.0.1", SOCK_DGRAM, fixture->port);
    struct slice bytes = txt_query(query, sizeof(query));
    assert_int_equal(send(udp, bytes.data, bytes.length, 0), bytes.length);
    send_frame(tcp, bytes);
    dns_front_stop(fixture->front);
    uint8_t answer[2048];
    assert_true(receive(udp, answer, sizeof(answer)) > bytes.length);
    assert_two_values(receive_frame(tcp));
    assert_int_equal(receive(tcp, &byte, 1), 0);
    (void)close(udp);
    (void)close(tcp);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(udp_answers),
        cmocka_unit_test_setup_teardown(answers_leave_from_the_address_that_was_asked, make_fixture,
                                        tear_down),
        CASE(a_burst_is_answered_whole),
        CASE(overlong_and_hopeless_datagrams_do_no_harm),
        CASE(many_pipelined_queries_are_answered_on_one_connection),
        CASE(a_query_may_come_byte_by_byte),
        CASE(scraps_are_skipped_and_overlong_queries_refused),
        CASE(what_has_come_is_answered_when_the_peer_stops_sending),
        CASE(idle_connections_are_closed),
        CASE(half_a_query_is_not_waited_for),
        CASE(a_peer_that_does_not_read_is_not_read_from),
        CASE(a_slow_reader_gets_every_answer),
        CASE(one_network_can_t_take_all_places),
        CASE(running_out_of_descriptors_does_not_spin),
        CASE(new_zones_are_served_at_once),
        CASE(who_was_given_values_is_noted_once),
        CASE(the_end_answers_what_had_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
