/*
 * Compiler attributes used in every layer, under names that say what they mean.
 */
#ifndef LOCUM_BASE_ATTRIBUTES_H
#define LOCUM_BASE_ATTRIBUTES_H

/* The caller must look at the result. */
#define MUST_CHECK __attribute__((warn_unused_result))
/* A printf-like function: the format is argument F, the first value argument A. */
#define PRINTF_LIKE(F, A) __attribute__((format(printf, F, A)))
/* A parameter that this implementation of an interface does not need. */
#define UNUSED __attribute__((unused))

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* The structure of type TYPE whose member MEMBER is at POINTER. */
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
