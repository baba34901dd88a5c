/*
 * What a test may ask of the test build's storage: a small file of 32-bit words in the machine's
 * byte order, named by the environment variable LOCUM_TEST_FAULTS, mapped by the daemon and by the
 * test at the same time. Without it, nothing fails on purpose. tests/blackbox/faults.py is the
 * other side and holds the same list.
 */
#ifndef LOCUM_TESTS_FAULT_CONTROL_H
#define LOCUM_TESTS_FAULT_CONTROL_H

#include <stdint.h>

/* Positions of the words. */
enum fault {
    FAULT_SYNC_FAILURES, /* so many syncs fail; counted down; UINT32_MAX: every one */
    FAULT_SYNC_DROPS,    /* a failing sync also forgets its data, as Linux does (lossy_shadow.h) */
    FAULT_SYNCS_IGNORED, /* syncs report success and do nothing: synchronous=OFF, in effect */
    FAULT_WRITES_FULL,   /* every write fails: the disk is full */
    FAULT_WRITES_FAIL,   /* every write fails: the file system went read-only */
    FAULT_READS_FAIL,    /* every read fails */
    FAULT_OPENS_FAIL,    /* no file can be opened */
    FAULT_SYNC_DELAY_MS, /* every sync takes so much longer */
    FAULT_LEAK_PERCENT,  /* so many unsynced writes reach the disk all the same, in any order */
    FAULT_COUNT_SYNCS,   /* syncs that succeeded, counted by the daemon */
    FAULT_COUNT_REFUSED, /* operations that failed on purpose, counted by the daemon */
    FAULT_WORDS,
};

/* Maps the file; called once, before any other function here. */
void fault_control_open(void);
uint32_t fault_get(enum fault fault);
void fault_count(enum fault fault);
/* Whether this sync is to fail; counts FAULT_SYNC_FAILURES down. */
int fault_take_sync_failure(void);

/* Maps SIZE bytes of the file that the environment variable NAME names, writable; makes the file
 * and lengthens it as needed. NULL if the variable is not set; ends the program if it can't. */
void *map_control_file(const char *name, uint32_t size);

#endif
