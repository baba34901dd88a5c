/*
 * Messages between the two processes (see channel.h).
 */
#include "daemon/channel.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    HEADER = 12,        /* kind, length of the whole, offset: 32 bits each */
    PACKET = 32 * 1024, /* well below the default socket buffer */
    PACKET_DATA = PACKET - HEADER,
};

enum error channel_pair(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return ERR_IO;
    return ERR_NONE;
}

void channel_init(struct channel *channel, int fd)
{
    *channel = (struct channel){.fd = fd};
}

/* Messages may hold private keys: their memory is wiped. */
static void wipe_and_free(void *memory, size_t length)
{
    if (memory != NULL)
        explicit_bzero(memory, length);
    free(memory);
}

static void drop_partial(struct channel *channel)
{
    wipe_and_free(channel->partial, channel->have);
    channel->partial = NULL;
}

void channel_fini(struct channel *channel)
{
    drop_partial(channel);
    if (channel->fd >= 0)
        close(channel->fd);
    channel->fd = -1;
}

/* ---- sending ---- */

static enum error send_packet(int fd, struct slice packet, int timeout_ms)
{
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        ssize_t sent = send(fd, packet.data, packet.length, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent == (ssize_t)packet.length)
            return ERR_NONE;
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN))
            return ERR_NOT_FOUND;
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return ERR_IO;
        if (errno == EINTR)
            continue;
        if (poll(&ready, 1, timeout_ms) == 0)
            return ERR_TIMEOUT;
    }
}

enum error channel_send(struct channel *channel, enum message_kind kind, struct slice body,
                        int timeout_ms)
{
    uint8_t packet[PACKET];
    size_t sent = 0;
    enum error error;

    if (body.length > CHANNEL_MESSAGE_MAX)
        return ERR_TOO_LARGE;
    do {
        struct writer writer = writer_of(packet, sizeof(packet));
        size_t length = body.length - sent < PACKET_DATA ? body.length - sent : PACKET_DATA;

        write_u32(&writer, (uint32_t)kind);
        write_u32(&writer, (uint32_t)body.length);
        write_u32(&writer, (uint32_t)sent);
        if (length > 0)
            write_bytes(&writer, slice_of(body.data + sent, length));
        error = send_packet(channel->fd, writer_slice(&writer), timeout_ms);
        sent += length;
    } while (error == ERR_NONE && sent < body.length);
    return error;
}

/* ---- receiving ---- */

/* Begins a message with its first packet. */
static enum error begin(struct channel *channel, uint32_t kind, uint32_t total)
{
    drop_partial(channel);
    if (kind < MESSAGE_HELLO || kind > MESSAGE_ENDED || total > CHANNEL_MESSAGE_MAX)
        return ERR_MALFORMED;
    channel->partial = malloc(total > 0 ? total : 1);
    if (channel->partial == NULL)
        return ERR_MEMORY;
    channel->kind = kind;
    channel->total = total;
    channel->have = 0;
    return ERR_NONE;
}

/* Adds a packet to the message. ERR_SHORT if more are to come. */
static enum error add_packet(struct channel *channel, struct slice packet)
{
    struct reader reader = reader_of(packet);
    uint32_t kind = read_u32(&reader);
    uint32_t total = read_u32(&reader);
    uint32_t offset = read_u32(&reader);
    struct slice data = read_bytes(&reader, reader_left(&reader));
    enum error error = ERR_NONE;

    if (reader.failed)
        return ERR_MALFORMED;
    if (offset == 0)
        error = begin(channel, kind, total);
    if (error != ERR_NONE)
        return error;
    if (channel->partial == NULL || kind != channel->kind || total != channel->total ||
        offset != channel->have || data.length > channel->total - channel->have) {
        drop_partial(channel);
        return ERR_MALFORMED;
    }
    if (data.length > 0)
        memcpy(channel->partial + channel->have, data.data, data.length);
    channel->have += data.length;
    return channel->have == channel->total ? ERR_NONE : ERR_SHORT;
}

enum error channel_receive(struct channel *channel, struct message *out)
{
    uint8_t packet[PACKET];
    enum error error = ERR_SHORT;

    while (error == ERR_SHORT) {
        ssize_t got = recv(channel->fd, packet, sizeof(packet), MSG_DONTWAIT);

        if (got == 0 || (got < 0 && (errno == ECONNRESET || errno == ENOTCONN)))
            return ERR_NOT_FOUND;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN ? ERR_SHORT : ERR_IO;
        error = add_packet(channel, slice_of(packet, (size_t)got));
    }
    if (error != ERR_NONE)
        return error;
    *out = (struct message){(enum message_kind)channel->kind,
                            slice_of(channel->partial, channel->total), channel->partial};
    channel->partial = NULL;
    return ERR_NONE;
}

void message_free(struct message *message)
{
    wipe_and_free(message->memory, message->body.length);
    *message = (struct message){0};
}
