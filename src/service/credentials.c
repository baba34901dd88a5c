/*
 * API keys at the door: who holds one may change one delegate's values and nothing else.
 */
#include "base/encoding.h"
#include "crypto/secret.h"
#include "service/service.h"
#include "service/service_private.h"

static bool is_secret(struct slice text)
{
    return text.length == SECRET_LENGTH && is_base64url(text);
}

static bool is_allowed_from(const struct api_key *key, const struct ip_address *client)
{
    return key->allowfrom == NULL ||
           ip_any_contains(key->allowfrom->prefixes, key->allowfrom->count, client);
}

enum error service_authenticate(const struct service *service,
                                const struct credentials *credentials,
                                const struct ip_address *client, const struct api_key **out)
{
    static const uint8_t nobody[SECRET_HASH_LENGTH];
    uint8_t id[16], hash[SECRET_HASH_LENGTH];
    if (uuid_parse(credentials->key_id, id) != ERR_NONE || !is_secret(credentials->secret))
        return ERR_FORBIDDEN;
    enum error error = sha256(credentials->secret, hash);
    if (error != ERR_NONE)
        return error;
    const struct api_key *key = index_find_key(service->index, id);
    /* An unknown key costs the same comparison as a wrong secret. */
    bool equal = secret_hash_equal(key == NULL ? nobody : key->secret_hash, hash);
    if (key == NULL || !equal || !is_allowed_from(key, client))
        return ERR_FORBIDDEN;
    *out = key;
    return ERR_NONE;
}
