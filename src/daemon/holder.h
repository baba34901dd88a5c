/*
 * Who holds a port that we can't have: found as `ss` finds it, from the tables in /proc/net and the
 * open files in /proc/PID/fd. Before threads start; reads files.
 */
#ifndef LOCUM_DAEMON_HOLDER_H
#define LOCUM_DAEMON_HOLDER_H

#include <sys/socket.h>

#include "base/slice.h"

enum { HOLDER_MAX = 160 };

/* Writes `"named" (pid 123)`, or "another process" if it can't be seen, to OUT, and whether it is
 * systemd's local resolver to *IS_RESOLVED. TYPE is SOCK_DGRAM or SOCK_STREAM. */
void port_holder(const struct sockaddr_storage *address, int type, char out[HOLDER_MAX],
                 bool *is_resolved);
/* The same for a process id; 0 or less: unknown. */
void process_name(long pid, char out[HOLDER_MAX]);

#endif
