/*
 * The store: the database as locum's records, one transaction at a time, and what goes with every
 * transaction: change records, ledger rows, zone serials.
 *
 * Words: an *operation* is what one caller wants done, with a unique id; a *transaction* holds the
 * operations of one batch. Only the writer's thread uses a store after store_load(); readers of the
 * operator's open a connection of their own (store_open_reader()).
 */
#ifndef LOCUM_STORE_STORE_H
#define LOCUM_STORE_STORE_H

#include "base/clock.h"
#include "base/ip.h"
#include "store/change.h"
#include "store/db.h"
#include "store/ledger_chain.h"

struct store;

enum { ZONES_MAX = 256 }; /* zones ever stored: their ids index small tables */

struct store_settings {
    const char *path; /* of the SQLite file */
    const char *node; /* this node's name */
    const struct clock *clock;
};

/* Opens, migrates, registers the node. ERR_STORAGE, ERR_CONFIG or ERR_MEMORY; a sentence in WHY. */
MUST_CHECK enum error store_open(const struct store_settings *settings, struct store **out,
                                 char *why, size_t why_size);
void store_close(struct store *store);
/* Whether store_open() made the database: there was none. */
bool store_is_new(const struct store *store);
uint64_t store_node(const struct store *store);
/* The connection itself: for transactions' statements, and for db_why() after a failure. */
struct db *store_db(struct store *store);
/* Reads everything as change records, in one snapshot: tokens, zone serials, delegates with their
 * keys, values. VISIT's error ends it. COUNT_FIRST is called before with the number of delegates.
 */
MUST_CHECK enum error store_load(struct store *store,
                                 enum error (*count_first)(void *context, size_t delegates),
                                 enum error (*visit)(void *context, const struct change *change),
                                 void *context);
/* Change records after SEQUENCE, in order: what another node, or a commit of unknown outcome, did.
 */
MUST_CHECK enum error store_follow(struct store *store, uint64_t sequence,
                                   enum error (*visit)(void *context, const struct change *change),
                                   void *context);
/* Sequence of the newest change. */
uint64_t store_sequence(const struct store *store);

/* ---- transactions ---- */

/* Who asked, for the ledger. A timer has none: address.family 0 and no user agent, PRESENT false.
 */
struct ledger_origin {
    bool present;
    struct ip_address address;
    struct slice user_agent;
};

struct ledger_entry {
    const char *kind;
    uint16_t zone; /* id; 0: none */
    struct slice label;
    const uint8_t *key_id; /* 16 bytes, or NULL */
    struct slice detail;
    struct ledger_origin origin;
};

MUST_CHECK enum error store_begin(struct store *store);
/* Raises the serials of touched zones, commits. On failure everything is rolled back, in memory
 * too. CHANGES is what the index has to apply, valid until the next store_begin(). */
MUST_CHECK enum error store_commit(struct store *store, const struct change **changes,
                                   size_t *count);
void store_rollback(struct store *store);
/* Writes and commits a row that means nothing: whether the storage takes writes. ERR_STORAGE. */
MUST_CHECK enum error store_probe(struct store *store);
/* Within a transaction: the operation that the following records belong to. */
void store_set_operation(struct store *store, const uint8_t id[16]);
/* The id of the zone NAME (lower case, no final dot), stored first if it is new. ERR_TOO_LARGE if
 * there were ZONES_MAX already. */
MUST_CHECK enum error store_zone(struct store *store, const char *name, uint16_t *id);
/* The sequence that the next store_change() will give. */
uint64_t store_next_sequence(const struct store *store);
/* Stores CHANGE under the next sequence. The slices in it must live until store_commit() returned
 * and its changes were applied. TOUCHES_ZONE: what DNS answers is altered, so the serial goes up.
 */
MUST_CHECK enum error store_change(struct store *store, const struct change *change,
                                   bool touches_zone);
/* Appends to this node's ledger. */
MUST_CHECK enum error store_ledger(struct store *store, const struct ledger_entry *entry);

/* A db_row_function: puts the first column into the int64_t at CONTEXT. */
enum error store_take_integer(void *context, const struct db_row *row);

/* ---- readers of their own ---- */

/* A second, read-only connection to the same database; the caller closes it. ERR_STORAGE with a
 * sentence in WHY. */
MUST_CHECK enum error store_open_reader(const struct store *store, struct db **out, char *why,
                                        size_t why_size);

#endif
