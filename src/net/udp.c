/*
 * UDP in batches (see udp.h): recvmmsg(2), answers in place, sendmmsg(2).
 *
 * A worker with one socket blocks in recvmmsg itself, which saves a system call a batch; with
 * several it polls. shutdown(2) wakes both: Linux marks even an unconnected UDP socket as shut down
 * and wakes who waits, though it reports ENOTCONN. What had been queued by then is still delivered.
 *
 * Answers leave from the address that was asked: on a socket bound to a wildcard address the kernel
 * tells it with each datagram (IP_PKTINFO), and the same control message goes out with the reply.
 */
#include "net/udp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/limits.h"

enum {
    SOCKET_BUFFER = 4 * 1024 * 1024, /* bytes: about 50 ms of a flood that fills the line */
    WAIT_MS = 1000,                  /* a lost wake-up delays the end by this much at most */
};

union control {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct udp_worker {
    struct udp_settings settings;
    atomic_bool stopping;
    struct pollfd *sockets;
    bool *wildcard; /* by socket: replies need a source address */
    struct mmsghdr received[DNS_BATCH];
    struct mmsghdr replies[DNS_BATCH];
    struct iovec vectors[DNS_BATCH];
    struct sockaddr_storage peers[DNS_BATCH];
    union control controls[DNS_BATCH];
    struct udp_packet packets[DNS_BATCH];
    uint8_t buffers[DNS_BATCH][UDP_BUFFER_SIZE];
};

/* ---- sockets ---- */

static bool set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

/* Buffers for bursts; root may go over the system's limit, others get what they are given. */
static void set_buffers(int fd)
{
    if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER))
        (void)set_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
    if (!set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER))
        (void)set_option(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
}

/* Prepares one socket: no fragments that depend on what strangers tell of the path's MTU (RFC
 * 9715), and on a wildcard address the address of each datagram. A kernel without IP_PMTUDISC_OMIT
 * goes on with its default. */
static enum error prepare_socket(int fd, bool *wildcard)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return ERR_IO;
    set_buffers(fd);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0) /* the worker means to wait */
        return ERR_IO;
    struct timeval wait = {.tv_sec = WAIT_MS / 1000};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) != 0)
        return ERR_IO;
    bool good = true;
    if (address.ss_family == AF_INET6) {
        struct in6_addr any = IN6ADDR_ANY_INIT;
        struct sockaddr_in6 in6;
        memcpy(&in6, &address, sizeof(in6));
        (void)set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
        (void)set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT); /* mapped IPv4 */
        *wildcard = memcmp(&in6.sin6_addr, &any, sizeof(any)) == 0;
        if (*wildcard)
            good = set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    } else {
        struct sockaddr_in in;
        memcpy(&in, &address, sizeof(in));
        (void)set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
        *wildcard = in.sin_addr.s_addr == htonl(INADDR_ANY);
        if (*wildcard)
            good = set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    }
    return good ? ERR_NONE : ERR_IO;
}

/* ---- one batch ---- */

/* Makes the first COUNT messages ready to receive again. */
static void reset_messages(struct udp_worker *worker, size_t count, bool wildcard)
{
    for (size_t i = 0; i < count; i++) {
        struct msghdr *message = &worker->received[i].msg_hdr;
        message->msg_namelen = sizeof(worker->peers[i]);
        message->msg_control = wildcard ? &worker->controls[i] : NULL;
        message->msg_controllen = wildcard ? sizeof(worker->controls[i]) : 0;
        worker->vectors[i].iov_len = UDP_BUFFER_SIZE;
    }
}

/* Turns the datagram's destination into the reply's source. The interface is the routing table's
 * choice, except for link-local addresses, which mean nothing without theirs. */
static void turn_around(struct msghdr *message)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    if (control == NULL)
        return;
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(control), sizeof(info));
        info.ipi_spec_dst = info.ipi_addr;
        info.ipi_ifindex = 0;
        memcpy(CMSG_DATA(control), &info, sizeof(info));
    } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(control), sizeof(info));
        if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
            info.ipi6_ifindex = 0;
        memcpy(CMSG_DATA(control), &info, sizeof(info));
    }
}

/* Sends COUNT replies. One that can't be sent (no route, a forged port 0) is left out. */
static void send_replies(int fd, struct mmsghdr *replies, unsigned count)
{
    while (count > 0) {
        int sent = sendmmsg(fd, replies, count, 0);
        if (sent < 0 && errno == EINTR)
            continue;
        unsigned done = sent > 0 ? (unsigned)sent : 1;
        replies += done;
        count -= done;
    }
}

static void answer_batch(struct udp_worker *worker, int fd, size_t count, bool wildcard)
{
    unsigned replies = 0;
    for (size_t i = 0; i < count; i++) {
        worker->packets[i].length = worker->received[i].msg_len;
        worker->packets[i].cut = (worker->received[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
    }
    worker->settings.handler(worker->settings.context, worker->packets, count);
    for (size_t i = 0; i < count; i++) {
        if (worker->packets[i].length == 0)
            continue;
        worker->vectors[i].iov_len = worker->packets[i].length;
        if (wildcard)
            turn_around(&worker->received[i].msg_hdr);
        worker->replies[replies++].msg_hdr = worker->received[i].msg_hdr;
    }
    send_replies(fd, worker->replies, replies);
    reset_messages(worker, count, wildcard);
}

/* ---- the loop ---- */

/* Receives and answers one batch. False if there was nothing. */
static bool serve_socket(struct udp_worker *worker, size_t at, bool block)
{
    int fd = worker->sockets[at].fd;
    if (worker->settings.count > 1) /* sockets of one worker may differ in this */
        reset_messages(worker, DNS_BATCH, worker->wildcard[at]);
    if (block)
        worker->settings.before_wait(worker->settings.context);
    int count =
        recvmmsg(fd, worker->received, DNS_BATCH, block ? MSG_WAITFORONE : MSG_DONTWAIT, NULL);
    if (block)
        worker->settings.after_wait(worker->settings.context);
    /* A socket that was shut down "receives" an empty datagram from nobody. */
    if (count <= 0 || (worker->received[0].msg_len == 0 && atomic_load(&worker->stopping)))
        return false;
    answer_batch(worker, fd, (size_t)count, worker->wildcard[at]);
    return true;
}

static void serve_many(struct udp_worker *worker)
{
    size_t count = worker->settings.count;
    worker->settings.before_wait(worker->settings.context);
    int ready = poll(worker->sockets, count, WAIT_MS);
    worker->settings.after_wait(worker->settings.context);
    for (size_t i = 0; ready > 0 && i < count; i++) {
        if (worker->sockets[i].revents != 0)
            (void)serve_socket(worker, i, false);
    }
}

void udp_worker_run(struct udp_worker *worker)
{
    while (!atomic_load_explicit(&worker->stopping, memory_order_relaxed)) {
        if (worker->settings.count == 1)
            (void)serve_socket(worker, 0, true);
        else
            serve_many(worker);
    }
    /* At most one receive buffer of queries is left on each: bounded, as nothing more comes in. */
    for (size_t i = 0; i < worker->settings.count; i++) {
        while (serve_socket(worker, i, false)) {
        }
    }
}

void udp_worker_stop(struct udp_worker *worker)
{
    atomic_store(&worker->stopping, true);
    for (size_t i = 0; i < worker->settings.count; i++)
        (void)shutdown(worker->sockets[i].fd, SHUT_RD);
}

static void link_messages(struct udp_worker *worker)
{
    for (size_t i = 0; i < DNS_BATCH; i++) {
        worker->vectors[i] = (struct iovec){worker->buffers[i], UDP_BUFFER_SIZE};
        worker->received[i].msg_hdr.msg_iov = &worker->vectors[i];
        worker->received[i].msg_hdr.msg_iovlen = 1;
        worker->received[i].msg_hdr.msg_name = &worker->peers[i];
        worker->packets[i].data = worker->buffers[i];
        worker->packets[i].peer = (const struct sockaddr *)&worker->peers[i];
    }
    reset_messages(worker, DNS_BATCH, worker->wildcard[0]);
}

enum error udp_worker_new(const struct udp_settings *settings, struct udp_worker **out)
{
    enum error error = ERR_MEMORY;
    struct udp_worker *worker = aligned_alloc(64, (sizeof(*worker) + 63) / 64 * 64);
    if (worker == NULL) {
        for (size_t i = 0; i < settings->count; i++)
            (void)close(settings->fds[i]);
        return ERR_MEMORY;
    }
    memset(worker, 0, sizeof(*worker));
    worker->settings = *settings;
    worker->settings.fds = NULL;
    atomic_init(&worker->stopping, false);
    worker->sockets = calloc(settings->count, sizeof(*worker->sockets));
    worker->wildcard = calloc(settings->count, sizeof(*worker->wildcard));
    if (worker->sockets == NULL || worker->wildcard == NULL)
        goto out;
    error = ERR_NONE;
    for (size_t i = 0; error == ERR_NONE && i < settings->count; i++) {
        worker->sockets[i] = (struct pollfd){.fd = settings->fds[i], .events = POLLIN};
        error = prepare_socket(settings->fds[i], &worker->wildcard[i]);
    }
    if (error != ERR_NONE)
        goto out;
    link_messages(worker);
    *out = worker;
    return ERR_NONE;
out:
    for (size_t i = 0; i < settings->count; i++)
        (void)close(settings->fds[i]);
    free(worker->sockets);
    free(worker->wildcard);
    free(worker);
    return error;
}

void udp_worker_free(struct udp_worker *worker)
{
    if (worker == NULL)
        return;
    for (size_t i = 0; i < worker->settings.count; i++)
        (void)close(worker->sockets[i].fd);
    free(worker->sockets);
    free(worker->wildcard);
    free(worker);
}
