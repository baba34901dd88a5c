/*
 * Asks a DNS server on loopback as fast as it answers, with a bounded number of queries under way,
 * for a bounded time; counts the answers and holds each against what it has to be.
 *
 *   dnsload PORT ZONE LABELS SECONDS WINDOW RCODE ANSWERS
 *
 * LABELS is a file of labels, one a line, asked for in random order; or "random": random UUIDs,
 * which the server does not know. Prints one JSON object. Queries carry EDNS, as resolvers' do.
 */
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "options.h"

enum {
    BATCH = 64,
    LABEL = 36,
    QUERY_MAX = 320,
    ANSWER_MAX = 1500,
    BUFFER = 8 << 20,
    TAIL = 4 + 11, /* type, class, OPT */
    QUIET_NS = 200 * 1000 * 1000,
};

struct load {
    int fd;
    char *labels; /* LABEL bytes each; NULL: random */
    size_t label_count;
    size_t query_length;
    int window, outstanding;
    uint8_t rcode, answers;
    uint64_t random, sent, answered, wrong, lost, bytes;
    uint16_t id;
    uint8_t queries[BATCH][QUERY_MAX];
    uint8_t replies[BATCH][ANSWER_MAX];
    struct mmsghdr out[BATCH], in[BATCH];
    struct iovec out_vectors[BATCH], in_vectors[BATCH];
};

static void read_labels(struct load *load, const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        die("%s: %s", path, strerror(errno));
    char line[LABEL + 2];
    size_t room = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strlen(line) != LABEL + 1)
            die("%s: not a label of %d characters: %s", path, LABEL, line);
        if (load->label_count == room) {
            room = room * 2 + 1024;
            load->labels = realloc(load->labels, room * LABEL);
            if (load->labels == NULL)
                die("no memory");
        }
        memcpy(load->labels + load->label_count++ * LABEL, line, LABEL);
    }
    fclose(file);
    if (load->label_count == 0)
        die("%s: no labels", path);
}

/* Everything of the query but the id and the label. Returns its length. */
static size_t build_template(uint8_t *query, const char *zone)
{
    static const uint8_t head[12] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1};
    static const uint8_t tail[TAIL] = {0, 16, 0, 1, 0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};
    uint8_t *at = query;
    memcpy(at, head, sizeof(head));
    at += sizeof(head);
    *at = LABEL;
    at += 1 + LABEL;
    while (*zone != '\0') {
        size_t length = strcspn(zone, ".");
        if (length == 0 || length > 63 || at + length + 2 + TAIL > query + QUERY_MAX)
            die("not a zone: %s", zone);
        *at++ = (uint8_t)length;
        memcpy(at, zone, length);
        at += length;
        zone += length + (zone[length] == '.');
    }
    *at++ = 0;
    memcpy(at, tail, sizeof(tail));
    return (size_t)(at - query) + sizeof(tail);
}

static void open_socket(struct load *load, long port)
{
    struct sockaddr_in address = loopback(port);
    int size = BUFFER;
    load->fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (load->fd < 0 || connect(load->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("socket: %s", strerror(errno));
    if (setsockopt(load->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
        setsockopt(load->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static void prepare(struct load *load, const char *zone)
{
    for (int i = 0; i < BATCH; i++) {
        load->query_length = build_template(load->queries[i], zone);
        load->out_vectors[i] = (struct iovec){load->queries[i], load->query_length};
        load->out[i].msg_hdr = (struct msghdr){.msg_iov = &load->out_vectors[i], .msg_iovlen = 1};
        load->in_vectors[i] = (struct iovec){load->replies[i], ANSWER_MAX};
        load->in[i].msg_hdr = (struct msghdr){.msg_iov = &load->in_vectors[i], .msg_iovlen = 1};
    }
}

static void random_label(uint64_t *random, uint8_t *out)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t bits = 0;
    for (int i = 0; i < LABEL; i++) {
        if (i % 16 == 0)
            bits = random_next(random);
        out[i] = (uint8_t)(i == 8 || i == 13 || i == 18 || i == 23 ? '-' : digits[bits & 15]);
        bits >>= 4;
    }
}

static void fill_query(struct load *load, uint8_t *query)
{
    query[0] = (uint8_t)(load->id >> 8);
    query[1] = (uint8_t)load->id++;
    if (load->labels == NULL) {
        random_label(&load->random, query + 13);
        return;
    }
    size_t pick = (size_t)((random_next(&load->random) >> 32) * load->label_count >> 32);
    memcpy(query + 13, load->labels + pick * LABEL, LABEL);
}

static void send_some(struct load *load)
{
    int count = load->window - load->outstanding;
    if (count > BATCH)
        count = BATCH;
    for (int i = 0; i < count; i++)
        fill_query(load, load->queries[i]);
    int sent = count > 0 ? sendmmsg(load->fd, load->out, (unsigned)count, 0) : 0;
    if (sent < 0 && errno != EAGAIN && errno != ENOBUFS)
        die("send: %s", strerror(errno));
    if (sent > 0) {
        load->sent += (uint64_t)sent;
        load->outstanding += sent;
    }
}

static void take_answer(struct load *load, const uint8_t *reply, unsigned length)
{
    load->answered++;
    load->bytes += length;
    if (load->outstanding > 0)
        load->outstanding--;
    if (length < 12 || (reply[2] & 0x80) == 0 || (reply[3] & 15) != load->rcode ||
        reply[7] != load->answers)
        load->wrong++;
}

/* Whether anything came. */
static bool receive_some(struct load *load)
{
    int count = recvmmsg(load->fd, load->in, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++)
        take_answer(load, load->replies[i], load->in[i].msg_len);
    return count > 0;
}

/* Never sleeps: a sleeping client would have the server pay for waking it. Sends when half a batch
 * may go, so that both sides work in batches. */
static void run(struct load *load, int64_t end)
{
    int64_t now = now_ns(), quiet_since = now;
    while (now < end) {
        if (load->window - load->outstanding >= BATCH / 2 || load->outstanding == 0)
            send_some(load);
        bool any = receive_some(load);
        now = now_ns();
        if (any) {
            quiet_since = now;
        } else if (now - quiet_since > QUIET_NS) { /* so long on loopback: dropped */
            load->lost += (uint64_t)load->outstanding;
            load->outstanding = 0;
            quiet_since = now;
        }
    }
}

int main(int argc, char **argv)
{
    static struct load load;
    if (argc != 8)
        die("usage: dnsload PORT ZONE LABELS|random SECONDS WINDOW RCODE ANSWERS");
    long port = number_option(argv[1], 1, 65535);
    if (strcmp(argv[3], "random") != 0)
        read_labels(&load, argv[3]);
    long seconds = number_option(argv[4], 1, 60);
    load.window = (int)number_option(argv[5], BATCH, 4096);
    load.rcode = (uint8_t)number_option(argv[6], 0, 15);
    load.answers = (uint8_t)number_option(argv[7], 0, 255);
    load.random = (uint64_t)now_ns();
    open_socket(&load, port);
    prepare(&load, argv[2]);
    int64_t start = now_ns();
    run(&load, start + seconds * 1000000000);
    double took = (double)(now_ns() - start) / 1e9;
    printf("{\"answers\": %llu, \"seconds\": %.6f, \"wrong\": %llu, \"lost\": %llu, "
           "\"bytes\": %.1f}\n",
           (unsigned long long)load.answered, took, (unsigned long long)load.wrong,
           (unsigned long long)load.lost,
           load.answered > 0 ? (double)load.bytes / (double)load.answered : 0.0);
    return 0;
}
