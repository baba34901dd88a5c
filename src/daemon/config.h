/*
 * The configuration file: YAML against a strict schema. Whatever the file says that this version
 * does not do is refused, never ignored, each time with one line that tells the place and what was
 * meant. A configuration is immutable and owns everything it points to.
 *
 * Files are read by config_load() alone; config_parse() makes the same configuration of texts that
 * somebody else has read, which is how the serving process takes a new one at a reload.
 */
#ifndef LOCUM_DAEMON_CONFIG_H
#define LOCUM_DAEMON_CONFIG_H

#include <sys/socket.h>

#include "base/arena.h"
#include "base/ip.h"
#include "base/log.h"
#include "daemon/complaint.h"
#include "service/service.h"
#include "zone/zone_set.h"

enum {
    CONFIG_FILE_MAX = 4 * 1024 * 1024, /* bytes of one file: a hundred thousand records */
    CONFIG_SOURCES_MAX = 256,          /* the file itself and its records-files */
};

/* A text and its place; the place of a default is the file's beginning. */
struct config_text {
    const char *text;
    struct mark mark;
};

struct config_listen {
    struct mark mark;
    const char *text; /* as configured */
    struct sockaddr_storage address;
    socklen_t length;
    const char *path; /* of a Unix socket; NULL for the others */
};

struct config_listens {
    struct config_listen *items;
    size_t count;
};

struct config_texts {
    struct config_text *items;
    size_t count;
};

struct config_prefixes {
    struct ip_prefix *items;
    size_t count;
};

enum config_tls { CONFIG_TLS_OFF, CONFIG_TLS_FILE };

struct config_zone {
    struct config_text name;
    struct config_texts nameservers;
    struct config_text contact;
    struct config_text records;      /* `text` NULL: none */
    struct config_text records_file; /* as configured; `text` NULL: none */
    const char *records_path;        /* of the records-file, to be opened; NULL: none */
    struct mark records_start;       /* in the file that holds them, where the records begin */
    uint32_t txt_ttl;
    uint32_t negative_ttl;
    uint32_t values;
    int64_t value_lifetime_ms;
};

struct config_zones {
    struct config_zone *items;
    size_t count;
};

/* A file that went into the configuration. */
struct config_source {
    const char *path;
    struct slice text;
};

struct config {
    struct arena arena;
    const char *file;
    struct config_source *sources; /* the file itself first */
    size_t source_count;
    struct {
        struct config_text data;
        struct config_text run;
        struct config_text node;
        struct config_text admin_group;
        bool admin_group_given; /* in the file: then the group must exist */
    } server;
    struct {
        enum log_level level;
        enum log_format format;
    } log;
    struct {
        struct config_listens listen;
        uint32_t threads;
    } dns;
    struct {
        struct config_listens listen;
        enum config_tls tls;
        struct config_text certificate; /* path to be opened; `text` NULL: none */
        struct config_text private_key;
        struct config_text public_url; /* without final slash */
        struct config_prefixes trusted_proxies;
        struct config_texts cors_origins;
        uint32_t threads;
        uint32_t connections;
        uint32_t connections_per_prefix;
        uint32_t updates_per_hour; /* of one delegate; 0: no limit */
    } api;
    struct config_zones zones;
    struct {
        enum registration_policy policy;
        uint32_t limit;
        struct config_prefixes exempt;
        int64_t unused_lifetime_ms;
    } registration;
    struct {
        struct config_text url;
    } database;
};

/* Reads FILE and the records-files it names. ERR_CONFIG with one line in WHY, or ERR_MEMORY (WHY
 * says so too). */
MUST_CHECK enum error config_load(const char *file, struct config **out, char why[COMPLAINT_MAX]);
/* The same from texts: SOURCES[0] is the file itself, the others are found by their path. */
MUST_CHECK enum error config_parse(const struct config_source *sources, size_t count,
                                   struct config **out, char why[COMPLAINT_MAX]);
void config_free(struct config *config);
/* Writes `FILE:LINE:COLUMN: ...` for something in CONFIG that turned out wrong later. */
MUST_CHECK enum error config_complain(const struct config *config, struct mark mark,
                                      char why[COMPLAINT_MAX], const char *format, ...)
    PRINTF_LIKE(4, 5);

/* ---- what others take of it ---- */

/* Builds the zone set; IDS[i] is the store's id of zone I. ERR_CONFIG with the place in WHY, the
 * line of a records-file too; ERR_MEMORY. */
MUST_CHECK enum error config_zone_set(const struct config *config, const uint16_t *ids,
                                      struct zone_set **out, char why[COMPLAINT_MAX]);
/* Fills POLICY, which borrows from CONFIG and from ZONES (config->zones.count of them). */
void config_policy(const struct config *config, struct service_zone *zones,
                   struct service_policy *policy);
/* Writes the names of the keys that differ between the two and take a restart, separated by commas;
 * empty if there are none. */
void config_restart_keys(const struct config *old, const struct config *new, char *out,
                         size_t size);

#endif
