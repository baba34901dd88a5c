/*
 * The keys of locum.yaml.
 */
#ifndef LOCUM_DAEMON_CONFIG_KEYS_H
#define LOCUM_DAEMON_CONFIG_KEYS_H

#include "daemon/config.h"
#include "daemon/config_schema.h"

/* The keys of the whole file; its structure is struct config. */
extern const struct schema_section config_file_section;

/* What each key has when the file does not name it (the names of files and addresses apart). */
void config_set_defaults(struct config *config);

/* One entry of "listen", as the defaults need it: TEXT must be valid. */
MUST_CHECK enum error config_parse_listen(const char *text, bool with_unix,
                                          struct config_listen *out);

#endif
