/*
 * Credentials of one delegate: see credentials.h.
 */
#include "cli/credentials.h"

#include <string.h>

bool is_header_word(const char *text, size_t size)
{
    size_t length = 0;
    for (; text[length] != 0; length++) {
        if (text[length] <= 0x20 || text[length] >= 0x7f)
            return false;
    }
    return length > 0 && length < size;
}

/* Copies the member NAME of OBJECT to OUT of SIZE bytes. */
static bool copy_member(json_t *object, const char *name, char *out, size_t size)
{
    json_t *member = json_object_get(object, name);
    const char *text = json_string_value(member);
    if (text == NULL || strlen(text) != json_string_length(member) || !is_header_word(text, size))
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

const char *credentials_read(json_t *object, struct credentials *out)
{
    struct credentials read = {0};
    char fulldomain[DOMAIN_TEXT_MAX + 1];
    const char *missing = NULL;
    if (!copy_member(object, "fulldomain", fulldomain, sizeof(fulldomain)) ||
        domain_normalise(fulldomain, read.fulldomain) != NULL)
        missing = "fulldomain";
    else if (!copy_member(object, "subdomain", read.subdomain, sizeof(read.subdomain)))
        missing = "subdomain";
    else if (!copy_member(object, "username", read.username, sizeof(read.username)))
        missing = "username";
    else if (!copy_member(object, "password", read.password, sizeof(read.password)))
        missing = "password";
    else
        *out = read;
    credentials_fini(&read);
    return missing;
}

void credentials_fini(struct credentials *credentials)
{
    explicit_bzero(credentials->password, sizeof(credentials->password));
}
