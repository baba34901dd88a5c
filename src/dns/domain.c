/*
 * Normalising a user's domain: see domain.h.
 */
#include "dns/domain.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/ascii.h"
#include "base/limits.h"

static const char not_ascii[] = "has letters outside ASCII; give its A-label (the form that begins "
                                "with xn--, as \"idn2 NAME\" prints it)";

/* Whether LABEL of LENGTH bytes may be part of a host name, underscores included. */
static bool is_label(const char *label, size_t length)
{
    if (length == 0 || length > DNS_LABEL_MAX || label[0] == '-' || label[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++) {
        uint8_t c = (uint8_t)label[i];
        if (!ascii_is_alphanumeric(c) && c != '-' && c != '_')
            return false;
    }
    return true;
}

/* What is wrong with NAME (no wildcard, no final dot) as a domain, or NULL. */
static const char *fault_of(const char *name)
{
    const char *label = name;
    for (;;) {
        size_t length = strcspn(label, ".");
        if (!is_label(label, length))
            return "is not a domain name";
        if (label[length] == 0)
            break;
        label += length + 1;
    }
    if (label[strspn(label, "0123456789")] == 0)
        return "is an address, and DNS challenges prove domain names only";
    if (strncasecmp(name, "_acme-challenge.", 16) == 0)
        return "is the name of the record; give the domain as it stands in the certificate";
    return NULL;
}

const char *domain_normalise(const char *given, char out[DOMAIN_TEXT_MAX])
{
    for (const char *at = given; *at != 0; at++) {
        if ((uint8_t)*at >= 0x80)
            return not_ascii;
    }
    const char *name = strncmp(given, "*.", 2) == 0 ? given + 2 : given;
    size_t length = strlen(name);
    if (length > 0 && name[length - 1] == '.')
        length--;
    if (length == 0)
        return "is empty";
    if (length >= DOMAIN_TEXT_MAX)
        return "is longer than a domain name can be";

    char lower[DOMAIN_TEXT_MAX];
    for (size_t i = 0; i < length; i++)
        lower[i] = (char)ascii_lower((uint8_t)name[i]);
    lower[length] = 0;
    const char *fault = fault_of(lower);
    if (fault == NULL)
        memcpy(out, lower, length + 1);
    return fault;
}
