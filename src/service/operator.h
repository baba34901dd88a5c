/*
 * What only the operator may do: registration tokens, erasing addresses from the ledger, reading
 * the store. Threads and replies as in service.h.
 */
#ifndef LOCUM_SERVICE_OPERATOR_H
#define LOCUM_SERVICE_OPERATOR_H

#include "service/service.h"
#include "store/db.h"

enum { TOKEN_NOTE_MAX = 200 }; /* bytes: a line */

typedef void token_reply(void *context, enum error error, int64_t id, const char *token);
typedef void count_reply(void *context, enum error error, int64_t count);

/* Makes a registration token; TOKEN is in the reply and nowhere else. ERR_TOO_LARGE: the note. */
MUST_CHECK enum error service_token_new(struct service *service, struct slice note,
                                        const struct origin *origin, token_reply *reply,
                                        void *context);
/* ERR_NOT_FOUND in the reply if there is no such token, or it was revoked before. */
MUST_CHECK enum error service_token_revoke(struct service *service, int64_t id,
                                           const struct origin *origin, token_reply *reply,
                                           void *context);
/* Removes the delegate LABEL for good; a tombstone stays. ERR_NOT_FOUND, here or in the reply. The
 * reply counts 1. */
MUST_CHECK enum error service_delegate_remove(struct service *service, struct slice label,
                                              const struct origin *origin, count_reply *reply,
                                              void *context);
/* Erases address and user agent from the ledger's rows of the delegate LABEL, or, if LABEL is
 * empty, from those older than BEFORE_MS. The chain still verifies. The reply counts the rows. */
MUST_CHECK enum error service_ledger_erase(struct service *service, struct slice label,
                                           int64_t before_ms, const struct origin *origin,
                                           count_reply *reply, void *context);
/* A connection of the caller's own that only reads; the caller closes it. ERR_STORAGE with a
 * sentence in WHY. */
MUST_CHECK enum error service_open_reader(const struct service *service, struct db **out, char *why,
                                          size_t why_size);
/* This node's number in the ledger. */
uint64_t service_node(const struct service *service);
/* For the status: "open", "token" or "closed". Static. */
const char *service_registration_policy(const struct service *service);
/* The id of the configured zone in which LABEL is registered, 0 if in none. */
uint16_t service_find_label(const struct service *service, struct slice label);

#endif
