/*
 * Fuzz target: the framing of DNS over TCP. Any bytes as a connection's stream: the messages are
 * those of a plain walk over the whole stream however it was cut into reads, and what is kept
 * between two reads stays within its limit. The first three bytes say how it is cut and where how
 * many zero bytes are put in between, so that small inputs have overlong messages too.
 */
#include <stdlib.h>

#include "net/dns_frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONTROL = 3, ZEROS = 67, STREAM_MAX = 64 * 1024 };

struct sum {
    uint64_t hash; /* of all messages */
    size_t count;
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void add(struct sum *sum, struct slice message, bool cut)
{
    for (size_t i = 0; i < message.length; i++)
        sum->hash = (sum->hash ^ message.data[i]) * 0x100000001b3U;
    sum->hash = (sum->hash ^ (cut ? 257 : 256)) * 0x100000001b3U;
    sum->count++;
}

/* What the messages must be, with the whole stream at hand. */
static struct sum walk(struct slice stream)
{
    struct sum sum = {0};
    struct reader reader = reader_of(stream);
    for (;;) {
        size_t length = read_u16(&reader);
        bool cut = length > DNS_TCP_QUERY_MAX;
        struct slice message = read_bytes(&reader, cut ? DNS_TCP_QUERY_MAX : length);
        if (reader.failed)
            return sum;
        add(&sum, message, cut);
        size_t rest = length - message.length;
        (void)read_bytes(&reader, rest < reader_left(&reader) ? rest : reader_left(&reader));
    }
}

/* One read of a connection: KEPT bytes from before and PIECE. Returns how many are kept now. */
static size_t take_all(struct dns_frames *frames, uint8_t *kept, size_t kept_length,
                       struct slice piece, struct sum *sum)
{
    size_t length = kept_length + piece.length;
    uint8_t *buffer = malloc(length + 1); /* of its own, so that a read past the end shows */
    require(buffer != NULL);
    memcpy(buffer, kept, kept_length);
    memcpy(buffer + kept_length, piece.data, piece.length);
    struct slice input = slice_of(buffer, length);
    struct slice message;
    bool cut;
    while (dns_frames_take(frames, &input, &message, &cut)) {
        require(message.length <= DNS_TCP_QUERY_MAX);
        add(sum, message, cut);
    }
    require(input.length < DNS_FRAME_KEPT_MAX);
    require(frames->skip == 0 || input.length == 0);
    if (input.length > 0)
        memcpy(kept, input.data, input.length);
    free(buffer);
    return input.length;
}

/* SEED 0: in one piece; 1: byte by byte; else in pieces of many sizes. */
static struct sum feed(struct slice stream, uint32_t seed)
{
    uint8_t kept[DNS_FRAME_KEPT_MAX];
    size_t kept_length = 0;
    struct dns_frames frames = {0};
    struct sum sum = {0};
    uint32_t state = seed;
    while (stream.length > 0) {
        state = state * 1664525U + 1013904223U;
        size_t step = seed == 0 ? stream.length : seed == 1 ? 1 : 1 + (state >> 16) % (seed * 32U);
        if (step > stream.length)
            step = stream.length;
        kept_length = take_all(&frames, kept, kept_length, slice_of(stream.data, step), &sum);
        stream = slice_from(stream, step);
    }
    return sum;
}

static void compare(struct slice stream, uint32_t seed)
{
    struct sum expected = walk(stream);
    struct sum whole = feed(stream, 0);
    struct sum pieces = feed(stream, seed);
    require(whole.hash == expected.hash && whole.count == expected.count);
    require(pieces.hash == expected.hash && pieces.count == expected.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size <= CONTROL || size > STREAM_MAX)
        return 0;
    struct slice input = slice_from(slice_of(data, size), CONTROL);
    size_t zeros = data[1] * (size_t)ZEROS;
    size_t before = data[2] % input.length;
    uint8_t *stream = calloc(1, input.length + zeros + 1);
    require(stream != NULL);
    memcpy(stream, input.data, before);
    memcpy(stream + before + zeros, input.data + before, input.length - before);
    /* Byte by byte is slow behind a long message that is kept: only for short streams. */
    uint32_t seed = data[0] == 1 && zeros > 0 ? 2 : data[0];
    compare(slice_of(stream, input.length + zeros), seed);
    free(stream);
    return 0;
}
