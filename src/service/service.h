/*
 * The rules of delegates, over one store, one writer and one index. Everything a door may ask for
 * is here: each call checks what can be checked at once (credentials, form, limits), then queues an
 * operation for the writer, whose result comes back through a reply function.
 *
 * Threads: the request functions may be called on any thread that is registered with urcu-qsbr and
 * online. The reply function runs on the writer's thread, once, and must not block; a door hands
 * the result over to its own loop there. When a request function returns an error, there is no
 * reply: the returned error is the answer.
 */
#ifndef LOCUM_SERVICE_SERVICE_H
#define LOCUM_SERVICE_SERVICE_H

#include "base/clock.h"
#include "base/ip.h"
#include "base/log.h"
#include "service/sightings.h"
#include "zone/index.h"

struct service;

enum registration_policy { REGISTRATION_OPEN, REGISTRATION_TOKEN, REGISTRATION_CLOSED };

struct service_zone {
    const char *name;          /* as configured */
    uint32_t values_max;       /* VALUES_MIN to VALUES_MAX */
    int64_t value_lifetime_ms; /* age at which a value leaves */
};

/* What a reload may change. */
struct service_policy {
    enum registration_policy registration;
    uint32_t registrations_per_hour; /* from one /24 or /56; 0: no limit */
    uint32_t updates_per_hour;       /* and clears, of one delegate; 0: no limit */
    const struct ip_prefix *exempt;  /* from the limit on registrations; copied */
    size_t exempt_count;
    int64_t unused_lifetime_ms;       /* a registration never used leaves after it */
    const struct service_zone *zones; /* copied; the first is where registrations go */
    size_t zone_count;
};

struct service_settings {
    const char *database_url; /* "sqlite:NAME" (in data_folder) or "sqlite:/absolute/path" */
    const char *data_folder;
    const char *node; /* this node's name in the ledger */
    struct service_policy policy;
    struct log *log;
    const struct clock *clock;
};

/* Opens the store (making or migrating it), registers node and zones, fills the index. Slow: reads
 * every delegate. ERR_STORAGE or ERR_CONFIG with one sentence in WHY. No thread runs yet. */
MUST_CHECK enum error service_open(const struct service_settings *settings, struct service **out,
                                   char *why, size_t why_size);
/* Starts the writer and the housekeeper. RINGS are the DNS workers' (may be none); borrowed. */
MUST_CHECK enum error service_start(struct service *service, struct sighting_ring *const *rings,
                                    size_t ring_count);
/* Lets queued operations finish, ends the threads. No request function may run any more. */
void service_stop(struct service *service);
/* Closes the store. Only when no reader of the index is left. */
void service_free(struct service *service);
struct index *service_index(struct service *service);
/* The store's id of the configured zone at POSITION in the policy's zones. */
uint16_t service_zone_id(const struct service *service, size_t position);
/* Zones configured. */
size_t service_zone_count(const struct service *service);
/* Takes a new policy; zones may be added, and new ones are stored. May wait for the writer. */
MUST_CHECK enum error service_reload(struct service *service, const struct service_policy *policy);

/* Who asks, for the ledger and the limits. */
struct origin {
    struct ip_address address; /* of the client, proxies taken into account */
    struct slice user_agent;   /* kept as printable ASCII, cut to USER_AGENT_MAX */
    const char *request_id;
};

/* ---- registration ---- */

struct registration {
    char key_id[UUID_TEXT_LENGTH + 1];
    char secret[SECRET_LENGTH + 1];
    char label[DNS_LABEL_MAX + 1];
    char zone[DNS_NAME_TEXT_MAX]; /* as configured */
};

typedef void registration_reply(void *context, enum error error,
                                const struct registration *registration);

struct registration_request {
    struct slice token;            /* empty: none was given */
    const struct slice *allowfrom; /* entries as sent, without brackets */
    size_t allowfrom_count;
    struct slice domain; /* optional; empty: none */
    struct origin origin;
};

/* ERR_REGISTRATION_CLOSED, ERR_TOKEN_REQUIRED, ERR_RATE_LIMITED (RETRY_AFTER_S is set),
 * ERR_BAD_CIDR, ERR_BAD_DOMAIN, ERR_BUSY, ERR_STORAGE, ERR_MEMORY. The request is copied. */
MUST_CHECK enum error service_register(struct service *service,
                                       const struct registration_request *request,
                                       registration_reply *reply, void *context,
                                       uint32_t *retry_after_s);
/* Whether /register exists at all. */
bool service_registration_closed(const struct service *service);

/* ---- values ---- */

struct credentials {
    struct slice key_id; /* as sent */
    struct slice secret;
};

/* Finds the API key: id, secret (in constant time) and allowfrom. ERR_FORBIDDEN tells nothing more.
 * The key is borrowed until the caller's next quiescent state. */
MUST_CHECK enum error service_authenticate(const struct service *service,
                                           const struct credentials *credentials,
                                           const struct ip_address *client,
                                           const struct api_key **out);

typedef void update_reply(void *context, enum error error);
/* For clear: how many values left. */
typedef void clear_reply(void *context, enum error error, uint32_t cleared);

/* Adds TXT (checked: ERR_BAD_TXT) to the key's delegate, if SUBDOMAIN is its label: else
 * ERR_FORBIDDEN. ERR_RATE_LIMITED sets RETRY_AFTER_S. ERR_NONE at the reply means: on disk, and
 * every answer from now on has it. */
MUST_CHECK enum error service_update(struct service *service, const struct api_key *key,
                                     struct slice subdomain, struct slice txt,
                                     const struct origin *origin, update_reply *reply,
                                     void *context, uint32_t *retry_after_s);
/* Takes away the value TXT, or all values if TXT is empty. */
MUST_CHECK enum error service_clear(struct service *service, const struct api_key *key,
                                    struct slice subdomain, struct slice txt,
                                    const struct origin *origin, clear_reply *reply, void *context,
                                    uint32_t *retry_after_s);

/* ---- the operator's ---- */

enum storage_state { STORAGE_OK, STORAGE_FAILING };

struct service_status {
    enum storage_state storage;
    char storage_why[256];
    size_t delegates, keys;
    uint64_t commits, operations, failures;
    size_t queue;
    uint64_t sequence;
    uint64_t sightings_lost;
};
void service_status(struct service *service, struct service_status *out);
/* The zone's configured name; NULL if there is no such id. Borrowed until the caller's next
 * quiescent state, as everything that a reload may replace. */
const char *service_zone_name(const struct service *service, uint16_t zone);

#endif
