/* The kernels of vizreport: an EVENTS payload of any bytes is refused, or decodes to what replay can be fed with.
 *
 * Input: 1 byte flags, 2 bytes how many events are announced, then the payload.
 */
#include "format/format.h"
#include "fuzz.h"
#include "replay/decode.h"
#include "replay/replay.h"

enum { N_BINS = 3 };

/* Memory of exactly n values, so that a sanitizer sees the first one beyond. */
static void *make(size_t n, size_t size)
{
    void *array = malloc(n * size);
    FUZZ_CHECK(array != NULL);
    return array;
}

static struct vz_event_block make_block(uint32_t n, uint32_t free_stacks)
{
    return (struct vz_event_block){.n = n,
                                   .free_stacks = free_stacks,
                                   .kinds = make(n, 1),
                                   .threads = make(n, 4),
                                   .run_times = make(n, 8),
                                   .run_ends = make(n, 4),
                                   .addresses = make(n, 8),
                                   .ordinals = make(n, 4),
                                   .sizes = make(n, 8),
                                   .stacks = make(n, 4)};
}

static void free_block(struct vz_event_block *block)
{
    free(block->kinds);
    free(block->threads);
    free(block->run_times);
    free(block->run_ends);
    free(block->addresses);
    free(block->ordinals);
    free(block->sizes);
    free(block->stacks);
}

static void check_results(struct vz_replay *replay, uint32_t n)
{
    struct vz_replay_counts counts;
    vz_replay_count(replay, &counts);
    struct vz_results results = {.stacks = make(counts.n_stacks, 11 * 8),
                                 .threads = make(counts.n_threads, 7 * 8),
                                 .pairs = make(counts.n_pairs, 4 * 8),
                                 .bins = make(N_BINS, 9 * 8)};
    vz_replay_copy_results(replay, &results);
    FUZZ_CHECK(results.n_events == n && results.allocs <= n && results.peak_row <= n);
    FUZZ_CHECK(results.live_blocks + results.inherited_blocks == counts.n_live);
    free(results.stacks);
    free(results.threads);
    free(results.pairs);
    free(results.bins);
}

static void replay_block(const struct vz_event_block *block)
{
    const uint64_t edges[N_BINS + 1] = {0, 1000, 1u << 20, 1ull << 40};
    struct vz_replay *replay = vz_replay_new(edges, N_BINS);
    FUZZ_CHECK(replay != NULL && vz_replay_feed(replay, block, NULL) == 0);
    check_results(replay, block->n);
    vz_replay_free(replay);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct vz_decoder *decoder;
    if (!decoder)
        decoder = vz_decoder_new();
    FUZZ_CHECK(decoder != NULL);
    struct fuzz_input input = {data, bytes};
    const uint32_t free_stacks = fuzz_take(&input, 1) & 1;
    const uint32_t n = (uint32_t)fuzz_take(&input, 2);
    struct vz_event_block block = make_block(n, free_stacks);
    if (vz_decode_events(decoder, input.at, input.bytes, &block) == 0) {
        FUZZ_CHECK(n > 0 && block.n == n && block.n_runs <= n && block.n_addresses <= n);
        FUZZ_CHECK(block.n_sized <= n && block.n_stacked <= n);
        replay_block(&block);
    }
    free_block(&block);
    return 0;
}
