/*
 * The outbound process: reads keys, certificates and configuration, and will hold everything that
 * talks to the outside. The process that the operator started is the serving process; it forks the
 * *keeper*, a process that does nothing but fork the outbound process, again whenever that dies:
 * the serving process has threads and must never fork. All three end together: the keeper and the
 * outbound process are killed when their parent dies, and the outbound process ends when the
 * serving process closes the channel. They take no other signals: a Ctrl-C is the serving
 * process's.
 */
#ifndef LOCUM_DAEMON_OUTBOUND_H
#define LOCUM_DAEMON_OUTBOUND_H

#include <sys/types.h>

#include "base/log.h"
#include "daemon/channel.h"

/* Forks, before any thread; waits until the outbound process has closed what it inherited. LOG is
 * copied. ERR_IO if it can't be had. */
MUST_CHECK enum error outbound_start(const char *file, const struct log *log,
                                     struct channel *channel, pid_t *keeper);
/* Closes the channel and waits for the end of both; kills the keeper if that takes too long. */
void outbound_stop(struct channel *channel, pid_t keeper);

#endif
