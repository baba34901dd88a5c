/*
 * The framing of DNS over TCP (RFC 1035, section 4.2.2; RFC 7766, section 8): each message stands
 * after its length in 16 bits. Pure: whoever reads a stream keeps what was not taken and shows it
 * again with what came behind it; the messages do not depend on how the stream was cut.
 */
#ifndef LOCUM_NET_DNS_FRAMES_H
#define LOCUM_NET_DNS_FRAMES_H

#include "base/slice.h"

enum {
    DNS_FRAME_HEADER = 2,     /* bytes of the length */
    DNS_TCP_QUERY_MAX = 4096, /* bytes of a query that are kept; the rest of it is thrown away */
    /* What dns_frames_take() leaves when it returns false is shorter than this. */
    DNS_FRAME_KEPT_MAX = DNS_FRAME_HEADER + DNS_TCP_QUERY_MAX,
};

/* Where one stream is; begins as {0}. */
struct dns_frames {
    size_t skip; /* bytes of an overlong message that are still to be thrown away */
};

/* Takes the first message off *INPUT; MESSAGE is a part of it. *CUT: it was longer than
 * DNS_TCP_QUERY_MAX, and MESSAGE is its beginning. False if it is not complete yet: the outputs are
 * untouched, and all that is to be thrown away is off *INPUT. */
MUST_CHECK bool dns_frames_take(struct dns_frames *frames, struct slice *input,
                                struct slice *message, bool *cut);

#endif
