/*
 * The folders of the daemon: the data folder, locked for the life of the serving process so that no
 * second locumd writes beside it, and the run folder.
 */
#ifndef LOCUM_DAEMON_DATA_FOLDER_H
#define LOCUM_DAEMON_DATA_FOLDER_H

#include "daemon/config.h"

/* Makes the folder if it is missing (mode 0700) and takes its lock. *LOCK is a descriptor that
 * holds the lock until it is closed; no other process may inherit it. ERR_CONFIG with one line in
 * WHY, naming the holder's process id if there is one. */
MUST_CHECK enum error data_folder_lock(const struct config *config, int *lock,
                                       char why[COMPLAINT_MAX]);
/* Makes the run folder if it is missing (mode 0755: the group of admin.sock must pass). */
MUST_CHECK enum error run_folder_make(const struct config *config, char why[COMPLAINT_MAX]);

#endif
