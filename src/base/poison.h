/*
 * Functions that this project never calls: each writes without a bound, hides an error or depends
 * on the locale. Forced into every file of ours by the build (-include) after the system headers
 * that mention them.
 */
#ifndef LOCUM_BASE_POISON_H
#define LOCUM_BASE_POISON_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* With _FORTIFY_SOURCE and clang these two are macros of the C library's. */
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf atoi atol atoll strtok gets

#endif
