/*
 * Every way an operation of ours can fail, and what each one means at each door: the operator's
 * text, the HTTP status, the word acme-dns's clients see, the DNS response code. The table in
 * error.c is the only place where a failure is translated.
 *
 * Convention: a fallible function returns enum error and leaves its outputs untouched on failure.
 */
#ifndef LOCUM_BASE_ERROR_H
#define LOCUM_BASE_ERROR_H

#include "base/attributes.h"

enum error {
    ERR_NONE = 0,
    /* resources */
    ERR_MEMORY,   /* an allocation failed */
    ERR_STORAGE,  /* the database can't be read or written now; nothing was acknowledged */
    ERR_BUSY,     /* a bounded queue is full */
    ERR_IO,       /* a system call on a file or socket failed; errno was logged */
    ERR_INTERNAL, /* an invariant does not hold */
    /* bounds of slices */
    ERR_SHORT,    /* the input ends before the thing that was to be read */
    ERR_NO_SPACE, /* the output buffer is too small */
    /* rules */
    ERR_NOT_FOUND,
    ERR_EXISTS,
    ERR_FORBIDDEN,      /* credentials missing, wrong, or not for this delegate or address */
    ERR_TOKEN_REQUIRED, /* registration needs a token, and none that is valid was given */
    ERR_REGISTRATION_CLOSED,
    ERR_RATE_LIMITED,
    /* bad input */
    ERR_MALFORMED, /* not of the form its format asks for */
    ERR_MALFORMED_JSON,
    ERR_BAD_CIDR,   /* an allowfrom entry is no address prefix */
    ERR_BAD_TXT,    /* not 43 characters of the base64url alphabet (RFC 8555, section 8.4) */
    ERR_BAD_DOMAIN, /* the optional "domain" of a registration is no domain name */
    ERR_TOO_LARGE,  /* over a limit of limits.h */
    ERR_TIMEOUT,
    ERR_METHOD,      /* HTTP method not allowed on this path */
    ERR_UNSUPPORTED, /* well-formed, known, and not built or not allowed here */
    ERR_CONFIG,      /* the configuration is refused; the message was given to the caller */
    ERR_COUNT
};

struct error_info {
    const char *name;         /* as logs show it, e.g. "storage" */
    const char *text;         /* one sentence for the operator */
    int http_status;          /* 0: never reaches an HTTP client */
    const char *acmedns_word; /* value of "error" in a JSON answer */
    int rcode;                /* DNS RCODE if a query fails this way (SERVFAIL 2 by default) */
};

/* The row of the table for ERROR; a row for "unknown error" if it is out of range. Never NULL. */
const struct error_info *error_info(enum error error);

#endif
