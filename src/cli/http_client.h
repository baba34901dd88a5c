/*
 * One HTTP request after the other by libcurl, to a server's URL or to a Unix socket. Redirects are
 * not followed (credentials must not wander), answers are bounded, every request has a deadline.
 */
#ifndef LOCUM_CLI_HTTP_CLIENT_H
#define LOCUM_CLI_HTTP_CLIENT_H

#include <curl/curl.h>
#include <stdint.h>

#include "cli/output.h"

struct http_client {
    CURL *curl;
    const struct output *output; /* borrowed, as all below */
    const char *ca_file;         /* NULL: the system's */
    const char *socket_path;     /* NULL: TCP */
    long timeout_s;              /* of one whole request */
};

/* All borrowed. Header values hold printable ASCII only: the caller has checked. */
struct http_call {
    const char *method;
    const char *url;
    const char *body; /* JSON, or NULL */
    const char *user; /* X-Api-User and X-Api-Key, or NULL */
    const char *secret;
    const char *token; /* X-Registration-Token, or NULL */
};

struct http_answer {
    int status;
    json_t *json;          /* owned; NULL if the body is no JSON */
    int64_t retry_after_s; /* 0 if the server did not say */
};

/* The client and its settings; EXIT_FAILED if libcurl has no memory. */
MUST_CHECK enum exit_code http_client_init(struct http_client *client, const struct output *output,
                                           long timeout_s);
void http_client_fini(struct http_client *client);
/* Sends and receives. EXIT_DONE for an answer of any status, which the caller then owns
 * (http_answer_fini); otherwise what kept the answer from arriving has been said. */
MUST_CHECK enum exit_code http_client_send(struct http_client *client, const struct http_call *call,
                                           struct http_answer *answer);
void http_answer_fini(struct http_answer *answer);
/* The "error" member of an answer, or "" if there is none. */
const char *http_answer_word(const struct http_answer *answer);

#endif
