/*
 * The one table of errors (see error.h).
 */
#include "base/error.h"

#include <stddef.h>

enum { FORMERR = 1, SERVFAIL = 2, NOTIMP = 4, REFUSED = 5 };

static const struct error_info table[ERR_COUNT] = {
    [ERR_NONE] = {"none", "no error", 200, "", 0},
    [ERR_MEMORY] = {"memory", "out of memory", 503, "unavailable", SERVFAIL},
    [ERR_STORAGE] = {"storage", "the database can't be read or written now", 503, "unavailable",
                     SERVFAIL},
    [ERR_BUSY] = {"busy", "too many requests are waiting", 503, "unavailable", SERVFAIL},
    [ERR_IO] = {"io", "a file or socket failed", 503, "unavailable", SERVFAIL},
    [ERR_INTERNAL] = {"internal", "an internal check failed", 500, "internal_error", SERVFAIL},
    [ERR_SHORT] = {"short", "the input ends too early", 400, "malformed", FORMERR},
    [ERR_NO_SPACE] = {"no_space", "the output does not fit", 500, "internal_error", SERVFAIL},
    [ERR_NOT_FOUND] = {"not_found", "there is no such thing", 404, "not_found", 3},
    [ERR_EXISTS] = {"exists", "it exists already", 409, "exists", SERVFAIL},
    [ERR_FORBIDDEN] = {"forbidden", "credentials are missing or do not allow this", 401,
                       "forbidden", REFUSED},
    [ERR_TOKEN_REQUIRED] = {"token_required", "registration needs a valid token", 401,
                            "registration_token_required", REFUSED},
    [ERR_REGISTRATION_CLOSED] = {"registration_closed", "registration is closed", 404,
                                 "registration_closed", REFUSED},
    [ERR_RATE_LIMITED] = {"rate_limited", "too many requests from this address prefix", 429,
                          "rate_limited", REFUSED},
    [ERR_MALFORMED] = {"malformed", "the input is malformed", 400, "malformed", FORMERR},
    [ERR_MALFORMED_JSON] = {"malformed_json", "the body is not the JSON that was expected", 400,
                            "malformed_json_payload", FORMERR},
    [ERR_BAD_CIDR] = {"bad_cidr", "an allowfrom entry is no address prefix", 400,
                      "invalid_allowfrom_cidr", FORMERR},
    [ERR_BAD_TXT] = {"bad_txt", "the value is not 43 characters of base64url", 400, "bad_txt",
                     FORMERR},
    [ERR_BAD_DOMAIN] = {"bad_domain", "the domain is no valid domain name", 400, "bad_domain",
                        FORMERR},
    [ERR_TOO_LARGE] = {"too_large", "the input is over its limit", 413, "payload_too_large",
                       FORMERR},
    [ERR_TIMEOUT] = {"timeout", "it took too long", 408, "timeout", SERVFAIL},
    [ERR_METHOD] = {"method", "the method is not allowed here", 405, "method_not_allowed", NOTIMP},
    [ERR_UNSUPPORTED] = {"unsupported", "this is not supported", 501, "unsupported", NOTIMP},
    [ERR_CONFIG] = {"config", "the configuration is refused", 0, "", SERVFAIL},
};

static const struct error_info unknown = {"unknown", "an unknown error", 500, "internal_error",
                                          SERVFAIL};

const struct error_info *error_info(enum error error)
{
    if ((unsigned)error >= ERR_COUNT || table[error].name == NULL)
        return &unknown;
    return &table[error];
}
