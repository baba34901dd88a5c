/*
 * What the routes of the operator's door share.
 */
#ifndef LOCUM_FRONT_ADMIN_PRIVATE_H
#define LOCUM_FRONT_ADMIN_PRIVATE_H

#include <jansson.h>

#include "front/admin_front.h"
#include "service/operator.h"

struct admin_front {
    struct admin_front_settings settings;
    int64_t started_ms; /* monotonic */
};

struct admin_call {
    struct admin_front *front;
    struct http_request *request;
    struct slice rest; /* of the path, behind the route's own */
};

/* Answers with JSON and ends the request; takes the reference to BODY (NULL: out of memory). */
void admin_answer(const struct admin_call *call, int status, json_t *body);
void admin_answer_error(const struct admin_call *call, enum error error);
struct origin admin_origin(const struct admin_call *call);
/* The number of the query parameter NAME, or DEFAULT_ if it is not there or no number. */
int64_t admin_query_integer(const struct admin_call *call, const char *name, int64_t default_);
/* The text of the query parameter NAME, not decoded; empty if it is not there. */
struct slice admin_query_text(const struct admin_call *call, const char *name);
/* A column of a row as a JSON string. */
json_t *admin_text(const struct db_row *row, int column);

/* admin_read.c: answered from a connection of their own */
void admin_status(const struct admin_call *call);
void admin_ledger(const struct admin_call *call);
void admin_tokens(const struct admin_call *call);
void admin_delegate(const struct admin_call *call);
/* admin_write.c: answered by the writer */
void admin_token_new(const struct admin_call *call);
void admin_token_revoke(const struct admin_call *call);
void admin_delegate_remove(const struct admin_call *call);
void admin_ledger_erase(const struct admin_call *call);

#endif
