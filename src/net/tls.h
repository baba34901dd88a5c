/*
 * The server's TLS context: made from a certificate chain and a private key, swapped while
 * connections go on (each holds a reference to the context it began with). Any thread.
 */
#ifndef LOCUM_NET_TLS_H
#define LOCUM_NET_TLS_H

#include <openssl/ssl.h>

#include "base/slice.h"

/* Makes a context for TLS 1.2 and later with ALPN "http/1.1" from PEM: CHAIN has the server's own
 * certificate first, KEY is unencrypted. ERR_MALFORMED if they can't be used or do not belong
 * together, ERR_MEMORY; WHY then has one sentence of at most WHY_SIZE bytes. The caller frees
 * *OUT with SSL_CTX_free(). */
MUST_CHECK enum error tls_context_new(struct slice chain, struct slice key, char *why,
                                      size_t why_size, SSL_CTX **out);
/* The reason of this thread's oldest TLS failure, for logs; empties the thread's error queue. */
const char *tls_failure(void);

#endif
