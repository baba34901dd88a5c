/*
 * Sockets for DNS and the API (see listen.h).
 */
#include "daemon/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/holder.h"

enum {
    BACKLOG = 1024,   /* connections waiting to be accepted: a burst of renewals fits */
    PORT_TRIES = 64,  /* free UDP ports tried until one is free for TCP too */
    LOW_PORTS = 1024, /* below it a privilege is needed */
};

/* ---- one socket ---- */

static in_port_t *port_in(struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? &((struct sockaddr_in6 *)(void *)address)->sin6_port
                                          : &((struct sockaddr_in *)(void *)address)->sin_port;
}

static uint16_t port_of(const struct sockaddr_storage *address)
{
    struct sockaddr_storage copy = *address;

    return ntohs(*port_in(&copy));
}

static int set_option(int fd, int level, int option)
{
    const int on = 1;

    return setsockopt(fd, level, option, &on, sizeof(on));
}

static int open_socket(const struct sockaddr_storage *address, int type)
{
    int flags = SOCK_CLOEXEC | (type == SOCK_STREAM ? SOCK_NONBLOCK : 0);
    int fd = socket(address->ss_family, type | flags, 0);

    if (fd < 0)
        return -1;
    if ((address->ss_family == AF_INET6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 0) ||
        /* Connections that linger from the last run must not keep the port; for UDP the same option
         * would let two programs share it. */
        (type == SOCK_STREAM && set_option(fd, SOL_SOCKET, SO_REUSEADDR) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* A bound socket, or -1 with errno. FIRST: fails if anybody has the address; otherwise joins the
 * sockets that are open for siblings. */
static int bind_one(const struct sockaddr_storage *address, socklen_t length, int type, bool first)
{
    int fd = open_socket(address, type);
    int saved;

    if (fd < 0)
        return -1;
    if ((first || set_option(fd, SOL_SOCKET, SO_REUSEPORT) == 0) &&
        bind(fd, (const struct sockaddr *)address, length) == 0 &&
        (!first || set_option(fd, SOL_SOCKET, SO_REUSEPORT) == 0) &&
        (type != SOCK_STREAM || listen(fd, BACKLOG) == 0))
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* ---- complaints ---- */

static enum error complain_bind(const struct config *config, const struct config_listen *listen,
                                int type, int failure, char why[COMPLAINT_MAX])
{
    const char *kind = type == SOCK_DGRAM ? "UDP" : "TCP";
    char holder[HOLDER_MAX];
    bool is_resolved;

    switch (failure) {
    case EADDRINUSE:
        port_holder(&listen->address, type, holder, &is_resolved);
        return config_complain(
            config, listen->mark, why, "%s (%s) is in use by %s; %s", listen->text, kind, holder,
            is_resolved ? "set DNSStubListener=no in /etc/systemd/resolved.conf and restart "
                          "systemd-resolved, or listen on the machine's own address"
                        : "stop it or choose another address or port");
    case EACCES:
    case EPERM:
        if (port_of(&listen->address) < LOW_PORTS)
            return config_complain(config, listen->mark, why,
                                   "%s (%s) may not be bound; ports below %d need root or the "
                                   "capability CAP_NET_BIND_SERVICE",
                                   listen->text, kind, LOW_PORTS);
        break;
    case EADDRNOTAVAIL:
        return config_complain(config, listen->mark, why,
                               "%s (%s) can't be bound; this machine does not have the address",
                               listen->text, kind);
    case EAFNOSUPPORT:
        return config_complain(config, listen->mark, why,
                               "%s (%s) can't be bound; this machine has no %s", listen->text, kind,
                               listen->address.ss_family == AF_INET6 ? "IPv6" : "IPv4");
    default:
        break;
    }
    return config_complain(config, listen->mark, why, "%s (%s) can't be bound: %s", listen->text,
                           kind, strerror(failure));
}

/* ---- one address ---- */

struct place {
    int *udp; /* of the address's first thread; NULL: no UDP */
    int *tcp;
    struct sockaddr_storage *bound;
};

static int bound_port(int fd, struct sockaddr_storage *address)
{
    struct sockaddr_storage real;
    socklen_t length = sizeof(real);

    if (getsockname(fd, (struct sockaddr *)&real, &length) != 0)
        return -1;
    *port_in(address) = *port_in(&real);
    return 0;
}

/* Binds the first sockets of an address. 0, or errno with *TYPE saying which failed. */
static int bind_first(const struct place *place, socklen_t length, int *type)
{
    if (place->udp != NULL) {
        *type = SOCK_DGRAM;
        place->udp[0] = bind_one(place->bound, length, SOCK_DGRAM, true);
        if (place->udp[0] < 0 || bound_port(place->udp[0], place->bound) != 0)
            return errno;
    }
    *type = SOCK_STREAM;
    place->tcp[0] = bind_one(place->bound, length, SOCK_STREAM, true);
    if (place->tcp[0] < 0 || bound_port(place->tcp[0], place->bound) != 0)
        return errno;
    return 0;
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* As bind_first(). A free UDP port may be taken for TCP: then another one. */
static int bind_first_anywhere(const struct place *place, const struct config_listen *listen,
                               int *type)
{
    int failure = 0;

    for (int i = 0; i < PORT_TRIES; i++) {
        *place->bound = listen->address;
        failure = bind_first(place, listen->length, type);
        if (failure != EADDRINUSE || port_of(&listen->address) != 0)
            return failure;
        if (place->udp != NULL)
            close_one(place->udp);
    }
    return failure;
}

static enum error bind_address(const struct config *config, const struct config_listen *listen,
                               const struct place *place, size_t threads, char why[COMPLAINT_MAX])
{
    int type;
    int failure = bind_first_anywhere(place, listen, &type);

    for (size_t i = 1; i < threads && failure == 0; i++) {
        if (place->udp != NULL) {
            type = SOCK_DGRAM;
            place->udp[i] = bind_one(place->bound, listen->length, type, false);
            if (place->udp[i] < 0)
                failure = errno;
        }
        if (failure == 0) {
            type = SOCK_STREAM;
            place->tcp[i] = bind_one(place->bound, listen->length, type, false);
            if (place->tcp[i] < 0)
                failure = errno;
        }
    }
    return failure == 0 ? ERR_NONE : complain_bind(config, listen, type, failure, why);
}

/* ---- Unix sockets ---- */

/* connect() refuses files and abandoned sockets alike: only the latter may be taken away. */
static bool is_other_file(const char *path)
{
    struct stat about;

    return lstat(path, &about) == 0 && !S_ISSOCK(about.st_mode);
}

/* Takes away a socket that nobody listens on. */
static enum error clear_stale(const struct sockaddr_un *address, char *why, size_t why_size)
{
    char holder[HOLDER_MAX];
    struct ucred peer = {0};
    socklen_t length = sizeof(peer);
    int fd, failure = 0;

    if (is_other_file(address->sun_path)) {
        snprintf(why, why_size,
                 "the socket %s can't be made: something else stands there; take it away",
                 address->sun_path);
        return ERR_CONFIG;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
        failure = errno;
    else
        (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
    if (fd >= 0)
        close(fd);
    if (failure == ENOENT || (failure == ECONNREFUSED && unlink(address->sun_path) == 0))
        return ERR_NONE;
    if (failure == 0 || failure == EAGAIN) {
        process_name(peer.pid, holder);
        snprintf(why, why_size, "the socket %s is in use by %s; stop it or choose another path",
                 address->sun_path, holder);
    } else {
        snprintf(why, why_size, "the socket %s can't be made: %s", address->sun_path,
                 strerror(failure));
    }
    return ERR_CONFIG;
}

enum error unix_listen(const char *path, mode_t mode, gid_t group, int *fd, char *why,
                       size_t why_size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    enum error error;
    int made;

    if (strlen(path) >= sizeof(address.sun_path)) {
        snprintf(why, why_size, "the path %s is too long for a socket; at most %zu bytes", path,
                 sizeof(address.sun_path) - 1);
        return ERR_CONFIG;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    error = clear_stale(&address, why, why_size);
    if (error != ERR_NONE)
        return error;
    made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Bound with the umask's narrow mode first, opened afterwards: nobody slips in between. */
    if (made >= 0 && bind(made, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
        (group == (gid_t)-1 || chown(path, (uid_t)-1, group) == 0) && chmod(path, mode) == 0 &&
        listen(made, BACKLOG) == 0) {
        *fd = made;
        return ERR_NONE;
    }
    snprintf(why, why_size, "the socket %s can't be made: %s", path, strerror(errno));
    if (made >= 0)
        close(made);
    return ERR_CONFIG;
}

static enum error bind_unix(const struct config *config, const struct config_listen *listen,
                            int *fd, char why[COMPLAINT_MAX])
{
    char reason[COMPLAINT_MAX];
    /* Whoever connects is taken for the proxy, whose X-Forwarded-For is believed: so it is not for
     * everybody. Its group is the folder's if that has the set-group-ID bit. */
    enum error error = unix_listen(listen->path, 0660, (gid_t)-1, fd, reason, sizeof(reason));

    if (error == ERR_CONFIG)
        error = config_complain(config, listen->mark, why, "%s", reason);
    return error;
}

/* ---- all ---- */

static enum error listening_alloc(struct listening *listening, bool with_udp)
{
    size_t addresses = listening->listens->count;
    size_t sockets = addresses * listening->threads;

    listening->udp = with_udp ? malloc(sockets * sizeof(int)) : NULL;
    listening->tcp = malloc(sockets * sizeof(int));
    listening->bound = calloc(addresses, sizeof(*listening->bound));
    listening->made = calloc(addresses, sizeof(*listening->made));
    for (size_t i = 0; i < sockets; i++) {
        if (listening->udp != NULL)
            listening->udp[i] = -1;
        if (listening->tcp != NULL)
            listening->tcp[i] = -1;
    }
    if ((with_udp && listening->udp == NULL) || listening->tcp == NULL ||
        listening->bound == NULL || listening->made == NULL)
        return ERR_MEMORY;
    return ERR_NONE;
}

enum error listening_bind(struct listening *out, const struct config *config,
                          const struct config_listens *listens, size_t threads, bool with_udp,
                          char why[COMPLAINT_MAX])
{
    struct listening listening = {.listens = listens, .threads = threads};
    enum error error = listening_alloc(&listening, with_udp);

    if (error != ERR_NONE)
        snprintf(why, COMPLAINT_MAX, "%s: %s", config->file, error_info(error)->text);
    for (size_t i = 0; i < listens->count && error == ERR_NONE; i++) {
        const struct config_listen *listen = &listens->items[i];
        const struct place place = {with_udp ? listening.udp + i * threads : NULL,
                                    listening.tcp + i * threads, &listening.bound[i]};

        if (listen->path != NULL) {
            error = bind_unix(config, listen, place.tcp, why);
            listening.made[i] = error == ERR_NONE;
        } else {
            error = bind_address(config, listen, &place, threads, why);
        }
    }
    if (error == ERR_NONE)
        *out = listening;
    else
        listening_fini(&listening);
    return error;
}

void listening_forget_sockets(struct listening *listening)
{
    for (size_t i = 0; i < listening->listens->count * listening->threads; i++) {
        listening->tcp[i] = -1;
        if (listening->udp != NULL)
            listening->udp[i] = -1;
    }
}

void listening_fini(struct listening *listening)
{
    if (listening->listens == NULL)
        return;
    for (size_t i = 0; i < listening->listens->count * listening->threads; i++) {
        if (listening->tcp != NULL)
            close_one(&listening->tcp[i]);
        if (listening->udp != NULL)
            close_one(&listening->udp[i]);
    }
    for (size_t i = 0; i < listening->listens->count && listening->made != NULL; i++) {
        if (listening->made[i])
            (void)unlink(listening->listens->items[i].path);
    }
    free(listening->udp);
    free(listening->tcp);
    free(listening->bound);
    free(listening->made);
    *listening = (struct listening){0};
}

void listening_describe(const struct listening *listening, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < listening->listens->count && used < size; i++) {
        const struct sockaddr_storage *bound = &listening->bound[i];
        struct ip_address ip = ip_of_sockaddr((const struct sockaddr *)bound);
        const char *comma = i > 0 ? "," : "";
        char text[IP_TEXT_MAX];

        ip_to_text(&ip, text);
        if (listening->listens->items[i].path != NULL)
            used += (size_t)snprintf(out + used, size - used, "%s%s", comma,
                                     listening->listens->items[i].text);
        else
            used +=
                (size_t)snprintf(out + used, size - used, ip.family == 6 ? "%s[%s]:%u" : "%s%s:%u",
                                 comma, text, (unsigned)port_of(bound));
    }
}
