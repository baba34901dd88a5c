/*
 * The API's TLS certificate as files on the disk: read, checked and handed on as text. The outbound
 * process reads them, since reading keys and parsing what an ACME client wrote is its part; the
 * serving process gets bytes that are known to fit together.
 */
#ifndef LOCUM_WATCH_CERTIFICATE_H
#define LOCUM_WATCH_CERTIFICATE_H

#include "base/log.h"
#include "base/slice.h"

enum {
    CERTIFICATE_FILE_MAX = 1024 * 1024, /* bytes: a chain has a few kilobytes */
};

struct certificate {
    struct slice chain; /* PEM: the certificate and those above it */
    struct slice key;   /* PEM */
    void *memory;       /* of both, wiped by certificate_free() */
    size_t memory_size;
    int64_t expires; /* seconds since 1970 */
};

struct certificate_refusal {
    bool in_key; /* the key's file is at fault, else the chain's */
    char why[512];
};

/* Reads both files. ERR_CONFIG with a refusal: a file can't be read, holds no certificate or key,
 * or they don't belong together. An expired certificate is taken: the caller looks at `expires`. */
MUST_CHECK enum error certificate_read(const char *chain_path, const char *key_path,
                                       struct certificate *out,
                                       struct certificate_refusal *refusal);
/* Logs it when the certificate has expired. Nothing if there is none. */
void certificate_warn(struct log *log, const struct certificate *certificate);
void certificate_free(struct certificate *certificate);

#endif
