/* The encoder of event blocks: any columns, any room. A whole block or nothing, never beyond its room; and what was written
 * decodes to what was given.
 *
 * Input: 1 byte flags, 2 bytes how much room is missing, then events of 1 to 30 bytes.
 */
#include <errno.h>

#include "format/encode.h"
#include "format/kinds.h"
#include "fuzz.h"
#include "replay/decode.h"

enum { MAX_N = 2048, RESOLUTION_NS = 100 };

static uint8_t kind[MAX_N];
static uint32_t thread[MAX_N], stack[MAX_N];
static uint64_t when[MAX_N], address[MAX_N], size[MAX_N];
static uint8_t enough[VZ_EVENTS_BOUND];

/* One event; how many bytes each field has tells the first byte, so that small values and repetitions are likely. */
static void take_event(struct fuzz_input *input, uint32_t i)
{
    const uint64_t shape = fuzz_take(input, 1);
    kind[i] = (uint8_t)fuzz_take(input, 1);
    thread[i] = (uint32_t)fuzz_take(input, shape & 1);
    when[i] = (i ? when[i - 1] : 0) + (fuzz_take(input, shape >> 1 & 7) >> 1);
    address[i] = shape & 16 && i ? address[i - 1] : fuzz_take(input, shape >> 4 & 7);
    size[i] = fuzz_take(input, shape >> 5 & 7);
    stack[i] = (uint32_t)fuzz_take(input, shape >> 6);
}

/* Into memory of exactly that size, so that a sanitizer sees the first byte beyond. */
static void encode_with_less(struct vz_encoder *encoder, const struct vz_event_columns *events, size_t room)
{
    struct vz_buffer out = {malloc(room), room, 0};
    FUZZ_CHECK(out.data != NULL);
    const int error = vz_encode_events(encoder, 0, events, &out);
    FUZZ_CHECK(error == 0 || error == -ENOSPC);
    FUZZ_CHECK(error ? out.bytes == 0 : out.bytes > 0 && out.bytes <= room);
    free(out.data);
}

/* The block at `data` holds these events, their times rounded down. */
static void check_decoded(const struct vz_event_columns *events, const uint8_t *data)
{
    static struct vz_decoder *decoder;
    static uint8_t kinds[MAX_N];
    static uint32_t threads[MAX_N], run_ends[MAX_N], ordinals[MAX_N], stacks[MAX_N];
    static uint64_t run_times[MAX_N], addresses[MAX_N], sizes[MAX_N];
    if (!decoder)
        decoder = vz_decoder_new();
    const bool free_stacks = events->flags & VZ_BLOCK_FREE_STACKS;
    struct vz_event_block block = {events->n, free_stacks, 0,        0,         0,        0,     kinds,
                                   threads,   run_times,   run_ends, addresses, ordinals, sizes, stacks};
    struct vz_block_header header;
    memcpy(&header, data, sizeof header);
    FUZZ_CHECK(decoder && vz_decode_events(decoder, data + sizeof header, header.stored_bytes, &block) == 0);
    uint32_t run = 0, n_sized = 0, n_stacked = 0;
    for (uint32_t i = 0; i < events->n; i++) {
        run += run_ends[run] == i;
        FUZZ_CHECK(kinds[i] == events->kind[i] && threads[i] == events->thread[i]);
        FUZZ_CHECK(run_times[run] == events->time[i] / RESOLUTION_NS * RESOLUTION_NS);
        FUZZ_CHECK(addresses[ordinals[i]] == events->address[i]);
        if (vz_kind_has_size(kinds[i]))
            FUZZ_CHECK(sizes[n_sized++] == events->size[i]);
        if (vz_kind_has_stack(kinds[i], free_stacks))
            FUZZ_CHECK(stacks[n_stacked++] == events->stack[i]);
    }
    FUZZ_CHECK(n_sized == block.n_sized && n_stacked == block.n_stacked && run + 1 == block.n_runs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct vz_encoder *encoder;
    if (!encoder)
        encoder = vz_encoder_new(RESOLUTION_NS, 0);
    FUZZ_CHECK(encoder != NULL);
    struct fuzz_input input = {data, bytes};
    const uint32_t flags = fuzz_take(&input, 1) & 1 ? VZ_BLOCK_FREE_STACKS : 0;
    const size_t missing = fuzz_take(&input, 2);
    uint32_t n = 0;
    while (input.bytes && n < MAX_N)
        take_event(&input, n++);
    const struct vz_event_columns events = {n, flags, kind, thread, when, address, size, stack};
    struct vz_buffer whole = {enough, sizeof enough, 0};
    const int error = vz_encode_events(encoder, 0, &events, &whole);
    FUZZ_CHECK(error == (n ? 0 : -EINVAL));
    if (!error)
        check_decoded(&events, whole.data);
    if (!error && missing < whole.bytes)
        encode_with_less(encoder, &events, whole.bytes - missing);
    return 0;
}
