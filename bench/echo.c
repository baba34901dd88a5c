/*
 * The limit of the kernel's path: answers every datagram with a packet of a given size whose first
 * bytes are the query's, one thread, recvmmsg and sendmmsg. What a DNS server adds to this is its
 * own. Loopback only.
 *
 *   echo SIZE RCODE ANSWERS     prints its port, runs until killed
 */
#include <sys/socket.h>
#include <unistd.h>

#include "options.h"

enum { BATCH = 64, PACKET_MAX = 1500, BUFFER = 4 << 20 };

struct echo {
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    struct sockaddr_storage peers[BATCH];
    uint8_t packets[BATCH][PACKET_MAX];
};

static int open_socket(void)
{
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof(address);
    int size = BUFFER, fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        die("socket: %s", strerror(errno));
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void prepare_receive(struct echo *echo)
{
    for (int i = 0; i < BATCH; i++) {
        echo->vectors[i] = (struct iovec){echo->packets[i], PACKET_MAX};
        echo->messages[i].msg_hdr = (struct msghdr){.msg_name = &echo->peers[i],
                                                    .msg_namelen = sizeof(echo->peers[i]),
                                                    .msg_iov = &echo->vectors[i],
                                                    .msg_iovlen = 1};
    }
}

int main(int argc, char **argv)
{
    static struct echo echo;
    if (argc != 4)
        die("usage: echo SIZE RCODE ANSWERS");
    size_t size = (size_t)number_option(argv[1], 12, PACKET_MAX);
    uint8_t rcode = (uint8_t)number_option(argv[2], 0, 15);
    uint8_t answers = (uint8_t)number_option(argv[3], 0, 255);
    int fd = open_socket();
    for (;;) {
        prepare_receive(&echo);
        int count = recvmmsg(fd, echo.messages, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < count; i++) {
            echo.packets[i][2] = 0x84;
            echo.packets[i][3] = rcode;
            echo.packets[i][7] = answers;
            echo.vectors[i].iov_len = size;
        }
        for (int sent = 0; sent < count;) {
            int more = sendmmsg(fd, echo.messages + sent, (unsigned)(count - sent), 0);
            sent += more > 0 ? more : 1; /* one that can't be sent is dropped */
        }
    }
}
