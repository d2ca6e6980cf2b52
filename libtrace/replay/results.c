/* Replay: what it found, copied to the caller's arrays. */
#include "replay.h"

#include "export.h"
#include "state.h"

VZ_EXPORT void vz_replay_count(const struct vz_replay *replay, struct vz_replay_counts *counts)
{
    *counts = (struct vz_replay_counts){.n_live = replay->live.n_live,
                                        .n_stacks = replay->accounts.stack_ids.n,
                                        .n_threads = replay->accounts.thread_ids.n,
                                        .n_pairs = replay->accounts.pair_ids.n};
}

static void copy_block(const struct vz_replay *replay, const struct vz_live_columns *live, uint64_t row,
                       const struct vz_block *block)
{
    bool own = vz_block_is_own(block);

    live->addresses[row] = block->address;
    live->sizes[row] = block->size;
    live->start_times[row] = block->start_time;
    live->stacks[row] = own ? replay->accounts.more[block->stack].id : 0;
    live->threads[row] = own ? replay->accounts.threads[block->holder - VZ_HOLDER_THREAD].id : 0;
    live->inherited[row] = !own;
}

VZ_EXPORT void vz_replay_copy_live(const struct vz_replay *replay, const struct vz_live_columns *live)
{
    const struct vz_accounts *accounts = &replay->accounts;
    uint64_t n_slots = (UINT64_MAX >> replay->live.shift) + 1, n = 0;

    for (uint64_t k = 0; k < n_slots; k++) {
        const struct vz_block *block = &replay->live.slots[k];
        if (!vz_block_lives(block))
            continue;
        live->pending[n] = 0;
        copy_block(replay, live, n++, block);
    }
    for (uint32_t thread = 0; thread < accounts->thread_ids.n; thread++)
        for (uint32_t at = accounts->threads[thread].pending; at != VZ_NONE; at = replay->pending[at].next) {
            const struct vz_pending *half = &replay->pending[at];
            if (!vz_block_lives(&half->block))
                continue;
            live->pending[n] = 1;
            copy_block(replay, live, n++, &half->block);
        }
}

static void copy_stacks(const struct vz_replay *replay, uint64_t *out)
{
    const struct vz_accounts *accounts = &replay->accounts;

    for (uint32_t k = 0; k < accounts->stack_ids.n; k++) {
        const struct vz_stack_sums *sums = &accounts->stacks[k];
        const struct vz_stack_more *more = &accounts->more[k];
        uint64_t live_bytes = sums->bytes - sums->gone_bytes, live_blocks = sums->allocs - sums->gone_blocks;
        /* Unchanged since the peak, or the peak lasts: what is live now was live then. */
        bool same = replay->rising || sums->saved_for != accounts->peak;
        *out++ = more->id;
        *out++ = sums->allocs;
        *out++ = sums->bytes;
        *out++ = sums->gone_blocks - sums->displaced;
        *out++ = live_bytes;
        *out++ = live_blocks;
        *out++ = same ? live_bytes : more->peak_bytes;
        *out++ = same ? live_blocks : more->peak_blocks;
        *out++ = sums->temporary;
        *out++ = sums->lifetime_ns;
        *out++ = sums->allocs + more->other_walks;
    }
}

static void copy_threads(const struct vz_accounts *accounts, uint64_t *threads, uint64_t *pairs)
{
    for (uint32_t k = 0; k < accounts->thread_ids.n; k++) {
        const struct vz_thread_sums *sums = &accounts->threads[k];
        *threads++ = sums->id;
        *threads++ = sums->allocs;
        *threads++ = sums->bytes;
        *threads++ = sums->frees;
        *threads++ = sums->foreign_frees;
        *threads++ = sums->own_blocks;
        *threads++ = sums->own_bytes;
    }
    for (uint32_t k = 0; k < accounts->pair_ids.n; k++) {
        const struct vz_pair_sums *sums = &accounts->pairs[k];
        *pairs++ = accounts->threads[sums->start].id;
        *pairs++ = accounts->threads[sums->end].id;
        *pairs++ = sums->blocks;
        *pairs++ = sums->bytes;
    }
}

static void copy_bins(const struct vz_replay *replay, uint64_t *out)
{
    /* Closing a copy leaves the replay where it is: bins from there on are written again when they end. */
    struct vz_timeline closed = replay->timeline, *timeline = &closed;

    vz_timeline_close(timeline, replay->level, replay->counts);
    for (uint32_t k = 0; k < timeline->n_bins; k++) {
        const struct vz_bin *bin = &timeline->bins[k];
        *out++ = bin->low.bytes;
        *out++ = bin->high.bytes;
        *out++ = bin->last.bytes;
        *out++ = bin->low.blocks;
        *out++ = bin->high.blocks;
        *out++ = bin->last.blocks;
        *out++ = bin->counts.allocs;
        *out++ = bin->counts.frees;
        *out++ = bin->counts.bytes_allocated;
    }
}

VZ_EXPORT void vz_replay_copy_results(const struct vz_replay *replay, struct vz_results *results)
{
    results->n_events = replay->n_events;
    results->allocs = replay->counts.allocs;
    results->frees = replay->counts.frees;
    results->bytes_allocated = replay->counts.bytes_allocated;
    results->live_bytes = replay->level.bytes;
    results->live_blocks = replay->level.blocks;
    results->inherited_bytes = replay->inherited.bytes;
    results->inherited_blocks = replay->inherited.blocks;
    results->n_unmatched_frees = replay->n_unmatched;
    results->n_duplicates = replay->n_duplicates;
    results->n_temporary = replay->n_temporary;
    results->mapped_bytes = replay->mappings.mapped_bytes;
    results->peak_mapped_bytes = replay->mappings.peak_bytes;
    results->peak_bytes = replay->peak.bytes;
    results->peak_blocks = replay->peak.blocks;
    results->peak_time = replay->peak_time;
    results->peak_row = replay->peak_row;
    copy_stacks(replay, results->stacks);
    copy_threads(&replay->accounts, results->threads, results->pairs);
    copy_bins(replay, results->bins);
}
