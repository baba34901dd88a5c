/*
 * The framing of DNS over TCP: see dns_frames.h.
 */
#include "net/dns_frames.h"

/* Takes what is to be thrown away off INPUT. */
static struct slice skip_rest(struct dns_frames *frames, struct slice input)
{
    size_t skipped = frames->skip < input.length ? frames->skip : input.length;
    frames->skip -= skipped;
    return slice_from(input, skipped);
}

bool dns_frames_take(struct dns_frames *frames, struct slice *input, struct slice *message,
                     bool *cut)
{
    *input = skip_rest(frames, *input);
    if (input->length < DNS_FRAME_HEADER)
        return false;
    size_t length = (size_t)(input->data[0] << 8 | input->data[1]);
    size_t kept = length < DNS_TCP_QUERY_MAX ? length : DNS_TCP_QUERY_MAX;
    if (input->length < DNS_FRAME_HEADER + kept)
        return false;
    *message = slice_of(input->data + DNS_FRAME_HEADER, kept);
    *cut = kept < length;
    *input = slice_from(*input, DNS_FRAME_HEADER + kept);
    frames->skip = length - kept;
    return true;
}
