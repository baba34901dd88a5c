/*
 * A user's domain, as people type it and as credentials are filed under it. Pure.
 */
#ifndef LOCUM_DNS_DOMAIN_H
#define LOCUM_DNS_DOMAIN_H

#include <stddef.h>

#include "base/attributes.h"

enum { DOMAIN_TEXT_MAX = 254 }; /* RFC 1035 section 2.3.4: 253 characters as text, and the NUL */

/* Writes the domain in lower case without a leading "*." and a final dot to OUT: a wildcard is
 * proved through its base's _acme-challenge (RFC 8555, section 8.4). Returns NULL, or what is
 * wrong with GIVEN as the end of a sentence; OUT is then untouched. */
MUST_CHECK const char *domain_normalise(const char *given, char out[DOMAIN_TEXT_MAX]);

#endif
