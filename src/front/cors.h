/*
 * Cross-origin resource sharing (the Fetch standard), as acme-dns answers it, with the headers that
 * carry API keys allowed: so that a page may call /update.
 */
#ifndef LOCUM_FRONT_CORS_H
#define LOCUM_FRONT_CORS_H

#include "front/api_front.h"

/* The headers every answer to REQUEST carries, at most 2, written to OUT; returns their number. */
size_t cors_headers(const struct api_front *front, const struct http_request *request,
                    struct http_header *out);
/* Whether REQUEST is a preflight: no route sees it. */
bool cors_is_preflight(const struct http_request *request);
/* Answers a preflight: always 204; what is not allowed gets no Access-Control header. */
void cors_answer_preflight(const struct api_front *front, struct http_request *request);

#endif
