/*
 * The DNS door (see dns_front.h): joins net, which knows bytes, to zone, which knows answers.
 *
 * Each thread has a worker of its own: counters, a ring for sightings, the batch. They share the
 * index and the zone set, both read under RCU (urcu-qsbr): a thread is online while it handles a
 * batch or a run of TCP queries, offline while it waits.
 */
#include "front/dns_front.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "net/dns_tcp.h"
#include "net/udp.h"
#include "zone/answer.h"

enum {
    CACHE_LINE = 64,
    RECENT_SIGHTINGS = 256, /* remembered by a worker, so that a CA's burst is noted once */
};

struct worker_counters {
    _Atomic uint64_t queries, noerror, nxdomain, refused, other, dropped, truncated;
};

struct worker {
    struct dns_front *front;
    struct udp_worker *udp; /* one of the two */
    struct dns_tcp *tcp;
    pthread_t thread;
    bool running;
    struct sighting_ring *ring;
    uint64_t recent[RECENT_SIGHTINGS]; /* fingerprints */
    _Alignas(CACHE_LINE) struct worker_counters counters;
    _Alignas(CACHE_LINE) struct answer answers[DNS_BATCH];
};

struct dns_front {
    struct index *index;
    struct zone_set *zones;      /* published by RCU */
    pthread_mutex_t zones_mutex; /* who publishes */
    struct dns_tcp_shared tcp_shared;
    size_t workers; /* UDP workers, then as many TCP loops */
    struct worker *worker;
};

/* ---- counting and noting ---- */

/* Each counter has one writer: no need for a locked instruction. */
static void count(_Atomic uint64_t *counter)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + 1, memory_order_relaxed);
}

static void count_answer(struct worker *worker, const struct answer *answer, size_t length)
{
    struct worker_counters *counters = &worker->counters;
    count(&counters->queries);
    if (length == 0) {
        count(&counters->dropped);
        return;
    }
    if (answer->rcode == DNS_NOERROR)
        count(&counters->noerror);
    else if (answer->rcode == DNS_NXDOMAIN)
        count(&counters->nxdomain);
    else if (answer->rcode == DNS_REFUSED)
        count(&counters->refused);
    else
        count(&counters->other);
    if (answer->truncated)
        count(&counters->truncated);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9E3779B97F4A7C15;
    return hash ^ hash >> 29;
}

/* Notes who was given a delegate's values, unless the same was noted a moment ago. Two networks
 * with one fingerprint hide each other: a chance of one in 2^64. */
static void note_sighting(struct worker *worker, const struct answer *answer,
                          const struct ip_address *client, enum sighting_transport transport)
{
    struct ip_prefix network = ip_network_of(client);
    uint64_t halves[2];
    memcpy(halves, network.address.bytes, sizeof(halves));
    uint64_t print = mix(mix(answer->served_delegate, answer->served_version), network.length);
    print = mix(mix(print, halves[0]), halves[1]);
    print = mix(print, transport);
    uint64_t *recent = &worker->recent[print % RECENT_SIGHTINGS];
    if (*recent == print)
        return;
    *recent = print;
    struct sighting sighting = {.delegate = answer->served_delegate,
                                .version = answer->served_version,
                                .client = *client,
                                .transport = (uint8_t)transport};
    sighting_note(worker->ring, &sighting);
}

/* ---- queries ---- */

static struct answer_context context_of(const struct dns_front *front)
{
    return (struct answer_context){.index = front->index, .zones = rcu_dereference(front->zones)};
}

/* A udp_settings.handler: the passes of answer.h over a batch. */
static void handle_packets(void *argument, struct udp_packet *packets, size_t packet_count)
{
    struct worker *worker = argument;
    struct answer_context context = context_of(worker->front);
    struct answer *answers = worker->answers;
    for (size_t i = 0; i < packet_count; i++)
        answer_begin(&context, slice_of(packets[i].data, packets[i].length), packets[i].cut,
                     &answers[i]);
    for (size_t i = 0; i < packet_count; i++)
        answer_probe(&context, &answers[i]);
    for (size_t i = 0; i < packet_count; i++)
        answer_find(&context, &answers[i]);
    for (size_t i = 0; i < packet_count; i++) {
        packets[i].length =
            answer_finish(&context, &answers[i], ANSWER_UDP, packets[i].data, UDP_BUFFER_SIZE);
        count_answer(worker, &answers[i], packets[i].length);
        if (answers[i].served_delegate != 0) {
            struct ip_address client = ip_of_sockaddr(packets[i].peer);
            note_sighting(worker, &answers[i], &client, SIGHTING_UDP);
        }
    }
}

/* A dns_tcp_settings.handler. */
static size_t handle_tcp_query(void *argument, struct slice query, bool cut,
                               const struct ip_address *peer, uint8_t *out, size_t size)
{
    struct worker *worker = argument;
    struct answer_context context = context_of(worker->front);
    struct answer *answer = &worker->answers[0];
    size_t length = answer_query(&context, query, cut, ANSWER_TCP, out, size, answer);
    count_answer(worker, answer, length);
    if (answer->served_delegate != 0)
        note_sighting(worker, answer, peer, SIGHTING_TCP);
    return length;
}

static void go_offline(void *argument)
{
    (void)argument;
    rcu_thread_offline();
}

static void go_online(void *argument)
{
    (void)argument;
    rcu_thread_online();
}

/* ---- threads ---- */

static void *run_worker(void *argument)
{
    struct worker *worker = argument;
    rcu_register_thread();
    if (worker->udp != NULL) {
        udp_worker_run(worker->udp);
    } else {
        rcu_thread_offline(); /* online in callbacks only */
        dns_tcp_run(worker->tcp);
    }
    rcu_unregister_thread();
    return NULL;
}

/* Signals are for the thread that waits for them. */
static enum error start_worker(struct worker *worker, size_t number)
{
    sigset_t all;
    sigset_t before;
    char name[16];
    (void)sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return ERR_IO;
    int failed = pthread_create(&worker->thread, NULL, run_worker, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0)
        return ERR_IO;
    worker->running = true;
    (void)snprintf(name, sizeof(name), "dns-%s-%u", worker->udp != NULL ? "udp" : "tcp",
                   (unsigned)number % 10000);
    (void)pthread_setname_np(worker->thread, name);
    return ERR_NONE;
}

enum error dns_front_start(struct dns_front *front)
{
    enum error error = ERR_NONE;
    size_t threads = front->workers / 2;
    for (size_t i = 0; error == ERR_NONE && i < front->workers; i++)
        error = start_worker(&front->worker[i], i % threads);
    if (error != ERR_NONE)
        dns_front_stop(front);
    return error;
}

void dns_front_stop(struct dns_front *front)
{
    for (size_t i = 0; i < front->workers; i++) {
        struct worker *worker = &front->worker[i];
        if (worker->running && worker->udp != NULL)
            udp_worker_stop(worker->udp);
        else if (worker->running)
            dns_tcp_stop(worker->tcp);
    }
    for (size_t i = 0; i < front->workers; i++) {
        if (front->worker[i].running)
            (void)pthread_join(front->worker[i].thread, NULL);
        front->worker[i].running = false;
    }
}

/* ---- making ---- */

static enum error make_udp(struct worker *worker, const int *fds, size_t fd_count)
{
    const struct udp_settings settings = {.fds = fds,
                                          .count = fd_count,
                                          .handler = handle_packets,
                                          .before_wait = go_offline,
                                          .after_wait = go_online,
                                          .context = worker};
    return udp_worker_new(&settings, &worker->udp);
}

static enum error make_tcp(struct worker *worker, const int *fds, size_t fd_count,
                           const struct dns_front_settings *settings)
{
    const struct dns_tcp_settings tcp = {.fds = fds,
                                         .count = fd_count,
                                         .shared = &worker->front->tcp_shared,
                                         .handler = handle_tcp_query,
                                         .enter = go_online,
                                         .leave = go_offline,
                                         .context = worker,
                                         .log = settings->log,
                                         .clock = settings->clock};
    return dns_tcp_new(&tcp, &worker->tcp);
}

/* Makes worker I with its sockets, one of each address. The sockets are taken even on failure. */
static enum error make_worker(struct dns_front *front, size_t i,
                              const struct dns_front_settings *settings, int *fds)
{
    struct worker *worker = &front->worker[i];
    size_t threads = (size_t)settings->threads;
    bool udp = i < threads;
    const int *all = udp ? settings->udp_fds : settings->tcp_fds;
    for (size_t a = 0; a < settings->addresses; a++)
        fds[a] = all[a * threads + i % threads];
    worker->front = front;
    worker->ring = calloc(1, sizeof(*worker->ring));
    if (worker->ring == NULL) {
        for (size_t a = 0; a < settings->addresses; a++)
            (void)close(fds[a]);
        return ERR_MEMORY;
    }
    return udp ? make_udp(worker, fds, settings->addresses)
               : make_tcp(worker, fds, settings->addresses, settings);
}

/* Closes the sockets of worker FROM and those behind it. */
static void close_rest(const struct dns_front_settings *settings, size_t from)
{
    size_t threads = (size_t)settings->threads;
    for (size_t i = from; i < 2 * threads; i++) {
        const int *all = i < threads ? settings->udp_fds : settings->tcp_fds;
        for (size_t a = 0; a < settings->addresses; a++)
            (void)close(all[a * threads + i % threads]);
    }
}

static struct dns_front *allocate(size_t workers)
{
    struct dns_front *front = calloc(1, sizeof(*front));
    if (front == NULL)
        return NULL;
    front->worker = aligned_alloc(CACHE_LINE, workers * sizeof(struct worker));
    if (front->worker == NULL) {
        free(front);
        return NULL;
    }
    memset(front->worker, 0, workers * sizeof(struct worker));
    return front;
}

enum error dns_front_new(const struct dns_front_settings *settings, struct dns_front **out)
{
    size_t workers = 2 * (size_t)settings->threads;
    size_t made = 0;
    struct dns_front *front = allocate(workers);
    int *fds = calloc(settings->addresses, sizeof(*fds));
    enum error error = front == NULL || fds == NULL ? ERR_MEMORY : ERR_NONE;
    if (error == ERR_NONE)
        error = dns_tcp_shared_init(&front->tcp_shared, DNS_TCP_CONNECTIONS, DNS_TCP_PER_PREFIX);
    if (error == ERR_NONE) {
        front->index = settings->index;
        front->workers = workers;
        (void)pthread_mutex_init(&front->zones_mutex, NULL);
        rcu_set_pointer(&front->zones, settings->zones);
    }
    for (; error == ERR_NONE && made < workers; made++)
        error = make_worker(front, made, settings, fds);
    free(fds);
    if (error == ERR_NONE) {
        *out = front;
        return ERR_NONE;
    }
    close_rest(settings, made);
    if (front != NULL && front->workers > 0) {
        dns_front_free(front);
        return error;
    }
    zone_set_free(settings->zones);
    if (front != NULL)
        free(front->worker);
    free(front);
    return error;
}

void dns_front_free(struct dns_front *front)
{
    if (front == NULL)
        return;
    for (size_t i = 0; i < front->workers; i++) {
        udp_worker_free(front->worker[i].udp);
        dns_tcp_free(front->worker[i].tcp);
        free(front->worker[i].ring);
    }
    dns_tcp_shared_fini(&front->tcp_shared);
    (void)pthread_mutex_destroy(&front->zones_mutex);
    zone_set_free(front->zones);
    free(front->worker);
    free(front);
}

/* ---- from outside ---- */

void dns_front_set_zones(struct dns_front *front, struct zone_set *zones)
{
    (void)pthread_mutex_lock(&front->zones_mutex);
    struct zone_set *old = rcu_xchg_pointer(&front->zones, zones);
    synchronize_rcu();
    (void)pthread_mutex_unlock(&front->zones_mutex);
    zone_set_free(old);
}

struct sighting_ring *dns_front_ring(struct dns_front *front, size_t i)
{
    return front->worker[i].ring;
}

size_t dns_front_rings(const struct dns_front *front)
{
    return front->workers;
}

struct dns_counters dns_front_counters(const struct dns_front *front)
{
    struct dns_counters sum = {.tcp_connections = atomic_load(&front->tcp_shared.accepted)};
    for (size_t i = 0; i < front->workers; i++) {
        const struct worker_counters *one = &front->worker[i].counters;
        uint64_t queries = atomic_load_explicit(&one->queries, memory_order_relaxed);
        if (i < front->workers / 2)
            sum.udp_queries += queries;
        else
            sum.tcp_queries += queries;
        sum.answers_noerror += atomic_load_explicit(&one->noerror, memory_order_relaxed);
        sum.answers_nxdomain += atomic_load_explicit(&one->nxdomain, memory_order_relaxed);
        sum.answers_refused += atomic_load_explicit(&one->refused, memory_order_relaxed);
        sum.answers_other += atomic_load_explicit(&one->other, memory_order_relaxed);
        sum.dropped += atomic_load_explicit(&one->dropped, memory_order_relaxed);
        sum.truncated += atomic_load_explicit(&one->truncated, memory_order_relaxed);
    }
    return sum;
}
