/*
 * The search for a port's holder (see holder.h). The tables' form is that of Linux: proc_net_tcp in
 * the kernel's documentation; addresses stand there as 32-bit words in the machine's byte order.
 */
#include "daemon/holder.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <unistd.h>

enum { TCP_LISTENING = 0x0a, WORDS = 4 };

struct wanted {
    uint16_t port;
    bool ipv6;
    uint32_t words[WORDS]; /* the address as the tables have it; the first one for IPv4 */
};

static struct wanted wanted_of(const struct sockaddr_storage *address)
{
    struct wanted wanted = {0};

    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)address;

        wanted.ipv6 = true;
        wanted.port = ntohs(in6->sin6_port);
        memcpy(wanted.words, &in6->sin6_addr, sizeof(in6->sin6_addr));
    } else {
        const struct sockaddr_in *in = (const void *)address;

        wanted.port = ntohs(in->sin_port);
        memcpy(wanted.words, &in->sin_addr, sizeof(in->sin_addr));
    }
    return wanted;
}

static bool is_any(const uint32_t words[WORDS])
{
    return (words[0] | words[1] | words[2] | words[3]) == 0;
}

/* One row: `SLOT: ADDRESS:PORT PEER:PORT STATE ...`, ten columns to the inode. Returns the inode if
 * the row's socket stands in the way, or 0. */
static uint64_t match_row(const char *row, const struct wanted *wanted, bool row_ipv6, int type)
{
    char address[33];
    unsigned port, state;
    uint64_t inode;
    uint32_t words[WORDS] = {0};

    if (sscanf(row, " %*d: %32[0-9A-Fa-f]:%4x %*[0-9A-Fa-f]:%*x %2x %*s %*s %*s %*u %*d %" SCNu64,
               address, &port, &state, &inode) != 4 ||
        port != wanted->port || (type == SOCK_STREAM && state != TCP_LISTENING))
        return 0;
    for (size_t i = 0; i < WORDS && strlen(address) >= (i + 1) * 8; i++) {
        char word[9] = "";

        memcpy(word, address + i * 8, 8);
        words[i] = (uint32_t)strtoul(word, NULL, 16);
    }
    /* A wildcard of IPv6 may hold IPv4 too. */
    if (is_any(words) || is_any(wanted->words))
        return inode;
    return row_ipv6 == wanted->ipv6 && memcmp(words, wanted->words, sizeof(words)) == 0 ? inode : 0;
}

static uint64_t find_inode(const struct wanted *wanted, int type)
{
    static const char *const tables[2][2] = {{"/proc/net/udp", "/proc/net/udp6"},
                                             {"/proc/net/tcp", "/proc/net/tcp6"}};
    uint64_t inode = 0;

    for (int ipv6 = 0; ipv6 < 2 && inode == 0; ipv6++) {
        FILE *table = fopen(tables[type == SOCK_STREAM][ipv6], "re");
        char row[512];

        while (table != NULL && inode == 0 && fgets(row, sizeof(row), table) != NULL)
            inode = match_row(row, wanted, ipv6 == 1, type);
        if (table != NULL)
            fclose(table);
    }
    return inode;
}

/* Whether process PID (as text) has the socket LINK ("socket:[123]") open. */
static bool has_socket(const char *pid, const char *link)
{
    char path[300], target[64];
    struct dirent *entry;
    DIR *folder;
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    folder = opendir(path);
    while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);

        if (length <= 0)
            continue;
        target[length] = '\0';
        found = strcmp(target, link) == 0;
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}

static long find_process(uint64_t inode)
{
    char link[64];
    struct dirent *entry;
    DIR *folder = opendir("/proc");
    long pid = 0;

    snprintf(link, sizeof(link), "socket:[%" PRIu64 "]", inode);
    while (folder != NULL && pid == 0 && (entry = readdir(folder)) != NULL) {
        if (isdigit((unsigned char)entry->d_name[0]) && has_socket(entry->d_name, link))
            pid = strtol(entry->d_name, NULL, 10);
    }
    if (folder != NULL)
        closedir(folder);
    return pid;
}

/* The command name of a process, NUL-terminated; empty if it can't be read. */
static void read_name(long pid, char out[64])
{
    char path[64];
    FILE *file;

    out[0] = '\0';
    snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(out, 64, file) == NULL)
        out[0] = '\0';
    fclose(file);
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '\n')
            *c = '\0';
        else if (*c < 0x20 || *c > 0x7e || *c == '"')
            *c = '?';
        if (*c == '\0')
            break;
    }
}

void process_name(long pid, char out[HOLDER_MAX])
{
    char name[64] = "";

    if (pid > 0)
        read_name(pid, name);
    if (pid > 0 && name[0] != '\0')
        snprintf(out, HOLDER_MAX, "\"%s\" (pid %ld)", name, pid);
    else if (pid > 0)
        snprintf(out, HOLDER_MAX, "pid %ld", pid);
    else
        snprintf(out, HOLDER_MAX, "another process (root can see which)");
}

void port_holder(const struct sockaddr_storage *address, int type, char out[HOLDER_MAX],
                 bool *is_resolved)
{
    const struct wanted wanted = wanted_of(address);
    uint64_t inode = find_inode(&wanted, type);
    long pid = inode != 0 ? find_process(inode) : 0;

    process_name(pid, out);
    /* The kernel cuts names at 15 characters. */
    *is_resolved = strncmp(out, "\"systemd-resolve", 16) == 0;
}
