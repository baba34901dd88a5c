/*
 * The SQL of every statement (see statements.h).
 */
#include "store/statements.h"

static const char *const texts[SQL_COUNT] = {
    [SQL_META_GET] = "SELECT value FROM meta WHERE name = $1",
    [SQL_META_SET] = "INSERT INTO meta (name, value) VALUES ($1, $2)"
                     " ON CONFLICT (name) DO UPDATE SET value = excluded.value",

    [SQL_NODE_FIND] = "SELECT id FROM node WHERE name = $1",
    [SQL_NODE_ADD] = "INSERT INTO node (name, created_ms) VALUES ($1, $2)",
    [SQL_NODE_LAST] = "SELECT coalesce(max(id), 0) FROM node",
    [SQL_ZONE_FIND] = "SELECT id FROM zone WHERE name = $1",
    [SQL_ZONE_ADD] = "INSERT INTO zone (name, serial, created_ms) VALUES ($1, $2, $3)",
    [SQL_ZONE_SERIALS] = "SELECT id, serial FROM zone",
    [SQL_ZONE_SET_SERIAL] = "UPDATE zone SET serial = $1 WHERE id = $2",

    [SQL_DELEGATE_ADD] = "INSERT INTO delegate (zone_id, label, token_id, created_ms, created_age)"
                         " VALUES ($1, $2, $3, $4, $5) RETURNING id",
    [SQL_DELEGATE_FIND] = "SELECT id, zone_id, label, created_ms, used FROM delegate"
                          " WHERE zone_id = $1 AND label = $2",
    [SQL_DELEGATE_BY_ID] = "SELECT id, zone_id, label FROM delegate WHERE id = $1",
    [SQL_DELEGATE_MARK_USED] = "UPDATE delegate SET used = 1 WHERE id = $1 AND used = 0",
    [SQL_DELEGATE_REMOVE] = "DELETE FROM delegate WHERE id = $1",
    /* 0: no value, for a reader that it shares with SQL_VALUES_OLD. */
    [SQL_DELEGATES_UNUSED] = "SELECT id, zone_id, label, 0 FROM delegate"
                             " WHERE used = 0 AND created_age < $1 ORDER BY created_age LIMIT $2",
    [SQL_DELEGATE_COUNT] = "SELECT count(*) FROM delegate",
    [SQL_LOAD_DELEGATES] =
        "SELECT d.id, d.zone_id, d.label, d.used, k.key_id, k.hash, k.allowfrom FROM delegate d"
        " LEFT JOIN api_key k ON k.delegate_id = d.id AND k.disabled_ms IS NULL"
        " AND k.hash_kind = 0 ORDER BY d.id",
    [SQL_LOAD_VALUES] = "SELECT v.delegate_id, d.zone_id, d.label, v.sequence, v.txt, v.added_ms"
                        " FROM value v JOIN delegate d ON d.id = v.delegate_id"
                        " ORDER BY v.delegate_id, v.sequence",
    [SQL_LOAD_TOKENS] = "SELECT hash FROM token WHERE revoked_ms IS NULL",

    [SQL_TOMBSTONE_ADD] = "INSERT INTO tombstone (zone_id, label, reason, at_ms)"
                          " VALUES ($1, $2, $3, $4) ON CONFLICT (zone_id, label) DO NOTHING",
    [SQL_TOMBSTONE_FIND] = "SELECT 1 FROM tombstone WHERE zone_id = $1 AND label = $2",

    [SQL_KEY_ADD] = "INSERT INTO api_key (key_id, delegate_id, hash, allowfrom, created_ms)"
                    " VALUES ($1, $2, $3, $4, $5)",
    [SQL_KEY_IS_VALID] = "SELECT 1 FROM api_key"
                         " WHERE key_id = $1 AND delegate_id = $2 AND disabled_ms IS NULL",
    [SQL_KEYS_OF_DELEGATE] = "SELECT key_id, allowfrom, created_ms FROM api_key"
                             " WHERE delegate_id = $1 ORDER BY id",
    [SQL_KEYS_REMOVE] = "DELETE FROM api_key WHERE delegate_id = $1",

    [SQL_VALUES_OF_DELEGATE] = "SELECT sequence, txt, added_ms FROM value"
                               " WHERE delegate_id = $1 ORDER BY sequence",
    [SQL_VALUE_ADD] = "INSERT INTO value (delegate_id, zone_id, sequence, txt, added_ms, added_age)"
                      " VALUES ($1, $2, $3, $4, $5, $6)",
    [SQL_VALUE_REMOVE] = "DELETE FROM value WHERE delegate_id = $1 AND sequence = $2",
    [SQL_VALUES_REMOVE] = "DELETE FROM value WHERE delegate_id = $1",
    [SQL_VALUES_OLD] = "SELECT v.delegate_id, v.zone_id, d.label, v.sequence FROM value v"
                       " JOIN delegate d ON d.id = v.delegate_id"
                       " WHERE v.zone_id = $1 AND v.added_age < $2"
                       " ORDER BY v.added_age LIMIT $3",

    [SQL_DOMAIN_ADD] = "INSERT INTO domain (delegate_id, name, offered_ms) VALUES ($1, $2, $3)"
                       " ON CONFLICT (delegate_id, name) DO NOTHING",
    [SQL_DOMAINS_OF_DELEGATE] = "SELECT name, bound_ms FROM domain WHERE delegate_id = $1"
                                " ORDER BY name",
    [SQL_DOMAINS_REMOVE] = "DELETE FROM domain WHERE delegate_id = $1",

    [SQL_TOKEN_ADD] = "INSERT INTO token (hash, note, created_ms) VALUES ($1, $2, $3) RETURNING id",
    [SQL_TOKEN_LIST] = "SELECT id, note, created_ms, uses, revoked_ms FROM token ORDER BY id",
    [SQL_TOKEN_FIND_HASH] = "SELECT id FROM token WHERE hash = $1 AND revoked_ms IS NULL",
    [SQL_TOKEN_FIND_ID] = "SELECT hash, revoked_ms FROM token WHERE id = $1",
    [SQL_TOKEN_USED] = "UPDATE token SET uses = uses + 1 WHERE id = $1",
    [SQL_TOKEN_REVOKE] = "UPDATE token SET revoked_ms = $1 WHERE id = $2",

    [SQL_CHANGE_ADD] = "INSERT INTO change (sequence, operation, node_id, body)"
                       " VALUES ($1, $2, $3, $4)",
    [SQL_CHANGE_LAST] = "SELECT coalesce(max(sequence), 0) FROM change",
    [SQL_CHANGES_FROM] = "SELECT sequence, body FROM change WHERE sequence > $1 ORDER BY sequence",
    [SQL_CHANGES_PRUNE] = "DELETE FROM change WHERE sequence <= $1",

    [SQL_LEDGER_ADD] =
        "INSERT INTO ledger (node_id, sequence, time_ms, kind, zone, delegate, key_id, detail,"
        " change_sequence, operation, commitment, previous, hash)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    [SQL_LEDGER_ADD_PRIVATE] =
        "INSERT INTO ledger_private (node_id, sequence, salt, address, user_agent)"
        " VALUES ($1, $2, $3, $4, $5)",
    [SQL_LEDGER_HEAD] = "SELECT sequence, hash FROM ledger WHERE node_id = $1"
                        " ORDER BY sequence DESC LIMIT 1",
#define LEDGER_COLUMNS                                                                             \
    "SELECT l.node_id, l.sequence, l.time_ms, l.kind, l.zone, l.delegate, l.key_id, l.detail,"     \
    " l.change_sequence, l.operation, l.commitment, l.previous, l.hash,"                           \
    " p.salt, p.address, p.user_agent FROM ledger l"                                               \
    " LEFT JOIN ledger_private p ON p.node_id = l.node_id AND p.sequence = l.sequence"
    [SQL_LEDGER_PAGE] = LEDGER_COLUMNS " WHERE l.node_id = $1 AND l.sequence > $2"
                                       " ORDER BY l.sequence LIMIT $3",
    [SQL_LEDGER_PAGE_OF_DELEGATE] =
        LEDGER_COLUMNS " WHERE l.node_id = $1 AND l.sequence > $2 AND l.delegate = $3"
                       " ORDER BY l.sequence LIMIT $4",
    [SQL_LEDGER_ERASE_DELEGATE] =
        "DELETE FROM ledger_private WHERE node_id = $1 AND sequence > $2 AND sequence <= $3"
        " AND sequence IN (SELECT sequence FROM ledger WHERE node_id = $1 AND sequence > $2"
        " AND sequence <= $3 AND delegate = $4)",
    [SQL_LEDGER_ERASE_BEFORE] =
        "DELETE FROM ledger_private WHERE node_id = $1 AND sequence > $2 AND sequence <= $3"
        " AND sequence IN (SELECT sequence FROM ledger WHERE node_id = $1 AND sequence > $2"
        " AND sequence <= $3 AND time_ms < $4)",

    [SQL_SIGHTING_ADD] =
        "INSERT INTO sighting (value_sequence, transport, network, delegate_id, first_ms)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (value_sequence, transport, network) DO NOTHING",
    [SQL_SIGHTING_COUNT_OF_VALUE] = "SELECT count(*) FROM sighting"
                                    " WHERE value_sequence = $1 AND transport = $2",
    [SQL_SIGHTING_COUNT] = "SELECT count(*) FROM sighting",
    [SQL_SIGHTINGS_OF_DELEGATE] = "SELECT value_sequence, network, transport, first_ms"
                                  " FROM sighting WHERE delegate_id = $1"
                                  " ORDER BY value_sequence, first_ms",
    [SQL_SIGHTINGS_PRUNE_UDP] =
        "DELETE FROM sighting WHERE transport = 1 AND value_sequence <= (SELECT value_sequence"
        " FROM sighting WHERE transport = 1 ORDER BY value_sequence LIMIT 1 OFFSET $1)",
    [SQL_SIGHTINGS_PRUNE] = "DELETE FROM sighting WHERE value_sequence <= (SELECT value_sequence"
                            " FROM sighting ORDER BY value_sequence LIMIT 1 OFFSET $1)",
};

const char *statement_text(enum statement statement)
{
    return texts[statement];
}
