/*
 * Posts /update over kept connections on loopback, each with one request under way, for a bounded
 * time, to random delegates of a list; counts answers by status and takes their latency.
 *
 *   httpload PORT CREDENTIALS CONNECTIONS SECONDS
 *
 * CREDENTIALS: a file of lines `KEY-ID SECRET SUBDOMAIN`. Prints one JSON object.
 */
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "options.h"

enum {
    CREDENTIALS_MAX = 100000,
    CONNECTIONS_MAX = 1024,
    BUFFER = 4096,
    TXT = 43,
    LATENCIES_MAX = 4000000,
};

struct credentials {
    char key_id[37], secret[41], subdomain[64];
};

struct connection {
    int fd;
    int64_t sent_ns;
    size_t received;
    char answer[BUFFER];
};

struct load {
    struct credentials *credentials;
    size_t credential_count;
    struct connection *connections;
    uint64_t random, done, refused;
    char refusal[200]; /* the first one */
    int64_t end;
    uint32_t *latencies_us;
    size_t latency_count;
};

static void read_credentials(struct load *load, const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        die("%s: %s", path, strerror(errno));
    load->credentials = calloc(CREDENTIALS_MAX, sizeof(*load->credentials));
    if (load->credentials == NULL)
        die("no memory");
    struct credentials *at = load->credentials;
    while (load->credential_count < CREDENTIALS_MAX &&
           fscanf(file, "%36s %40s %63s", at->key_id, at->secret, at->subdomain) == 3) {
        load->credential_count++;
        at++;
    }
    fclose(file);
    if (load->credential_count == 0)
        die("%s: no credentials", path);
}

static void random_txt(uint64_t *random, char out[TXT + 1])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint64_t bits = 0;
    for (int i = 0; i < TXT; i++) {
        if (i % 10 == 0)
            bits = random_next(random);
        out[i] = alphabet[bits & 63];
        bits >>= 6;
    }
    out[TXT] = '\0';
}

static void send_request(struct load *load, struct connection *connection)
{
    char txt[TXT + 1], body[256], request[1024];
    const struct credentials *with =
        &load->credentials[random_next(&load->random) % load->credential_count];
    random_txt(&load->random, txt);
    int length = snprintf(body, sizeof(body), "{\"subdomain\": \"%s\", \"txt\": \"%s\"}",
                          with->subdomain, txt);
    int total = snprintf(request, sizeof(request),
                         "POST /update HTTP/1.1\r\nHost: localhost\r\nX-Api-User: %s\r\n"
                         "X-Api-Key: %s\r\nContent-Type: application/json\r\n"
                         "Content-Length: %d\r\n\r\n%s",
                         with->key_id, with->secret, length, body);
    connection->sent_ns = now_ns();
    connection->received = 0;
    if (write(connection->fd, request, (size_t)total) != total)
        die("write: %s", strerror(errno));
}

static void open_connection(struct load *load, struct connection *connection, long port, int poller)
{
    struct sockaddr_in address = loopback(port);
    int on = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("connect: %s", strerror(errno));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        die("epoll: %s", strerror(errno));
    send_request(load, connection);
}

/* Whether the answer is whole; its head holds a Content-Length. */
static bool is_whole(const struct connection *connection)
{
    const char *head_end = strstr(connection->answer, "\r\n\r\n");
    if (head_end == NULL)
        return false;
    const char *length = strcasestr(connection->answer, "\r\nContent-Length:");
    if (length == NULL || length > head_end)
        die("no Content-Length in: %s", connection->answer);
    size_t body = (size_t)strtoul(length + 17, NULL, 10);
    return connection->received >= (size_t)(head_end + 4 - connection->answer) + body;
}

static void finish_request(struct load *load, const struct connection *connection)
{
    if (strncmp(connection->answer, "HTTP/1.1 200 ", 13) == 0) {
        load->done++;
    } else if (load->refused++ == 0) {
        snprintf(load->refusal, sizeof(load->refusal), "%.*s", 30, connection->answer);
        load->refusal[strcspn(load->refusal, "\r\n\"")] = '\0';
    }
    if (load->latency_count < LATENCIES_MAX)
        load->latencies_us[load->latency_count++] =
            (uint32_t)((now_ns() - connection->sent_ns) / 1000);
}

/* Whether another request is under way on the connection. */
static bool take_bytes(struct load *load, struct connection *connection)
{
    ssize_t got = read(connection->fd, connection->answer + connection->received,
                       BUFFER - 1 - connection->received);
    if (got <= 0)
        die("the server closed a connection");
    connection->received += (size_t)got;
    connection->answer[connection->received] = '\0';
    if (!is_whole(connection))
        return true;
    finish_request(load, connection);
    if (now_ns() >= load->end)
        return false;
    send_request(load, connection);
    return true;
}

static void run(struct load *load, int poller, int connections)
{
    struct epoll_event events[64];
    while (connections > 0) {
        int count = epoll_wait(poller, events, 64, 10000);
        if (count <= 0)
            die("no answer within 10 seconds");
        for (int i = 0; i < count; i++)
            if (!take_bytes(load, events[i].data.ptr)) {
                struct connection *connection = events[i].data.ptr;
                close(connection->fd);
                connections--;
            }
    }
}

static int by_value(const void *a, const void *b)
{
    uint32_t one = *(const uint32_t *)a, two = *(const uint32_t *)b;
    return (one > two) - (one < two);
}

static double latency_ms(const struct load *load, double share)
{
    if (load->latency_count == 0)
        return 0;
    size_t at = (size_t)((double)(load->latency_count - 1) * share);
    return load->latencies_us[at] / 1000.0;
}

int main(int argc, char **argv)
{
    static struct load load;
    if (argc != 5)
        die("usage: httpload PORT CREDENTIALS CONNECTIONS SECONDS");
    long port = number_option(argv[1], 1, 65535);
    read_credentials(&load, argv[2]);
    int connections = (int)number_option(argv[3], 1, CONNECTIONS_MAX);
    long seconds = number_option(argv[4], 1, 60);
    load.connections = calloc((size_t)connections, sizeof(*load.connections));
    load.latencies_us = malloc(LATENCIES_MAX * sizeof(*load.latencies_us));
    int poller = epoll_create1(0);
    if (load.connections == NULL || load.latencies_us == NULL || poller < 0)
        die("no memory");
    int64_t start = now_ns();
    load.random = (uint64_t)start;
    load.end = start + seconds * 1000000000;
    for (int i = 0; i < connections; i++)
        open_connection(&load, &load.connections[i], port, poller);
    run(&load, poller, connections);
    double took = (double)(now_ns() - start) / 1e9;
    qsort(load.latencies_us, load.latency_count, sizeof(uint32_t), by_value);
    printf("{\"done\": %llu, \"refused\": %llu, \"refusal\": \"%s\", \"seconds\": %.6f, "
           "\"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
           (unsigned long long)load.done, (unsigned long long)load.refused, load.refusal, took,
           latency_ms(&load, 0.5), latency_ms(&load, 0.99));
    return 0;
}
