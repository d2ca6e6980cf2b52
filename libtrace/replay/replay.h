/* Replay: from an image's events to what vizreport/model/replay.py has, in one pass, with memory for what is live.
 *
 * Called by vizreport through ctypes. A state belongs to one thread at a time; several states are independent. What the
 * events mean is docs/trace-format.md, section 5; what is counted how, docs/glossary.md.
 * kernels/reference.py does the same in numpy, and tests compare the two.
 */
#ifndef VZ_REPLAY_H
#define VZ_REPLAY_H

#include <stdint.h>

#include "decode.h"

struct vz_replay;

/* Begin with nothing live. edges: n_bins + 1 times in ns, non-decreasing; n_bins is at least 1. NULL: no memory. */
struct vz_replay *vz_replay_new(const uint64_t *edges, uint32_t n_bins);
void vz_replay_free(struct vz_replay *replay);

/* Another one that goes on from the same state. NULL: no memory. */
struct vz_replay *vz_replay_copy(const struct vz_replay *replay);

/* About how much memory it has: what a copy costs. */
uint64_t vz_replay_bytes(const struct vz_replay *replay);

/* Before anything is fed: blocks that came with the fork, no two at one address. 0, or -ENOMEM. */
int vz_replay_inherit(struct vz_replay *replay, uint32_t n, const uint64_t *addresses, const uint64_t *sizes,
                      const uint64_t *start_times);

/* Blocks, in the order in which they ended: vizreport/model/block_batch.py. The arrays have room for twice as many as
 * there are events: a reallocation may end its own block and one that stood at the new address. */
struct vz_ended {
    uint64_t n;
    uint64_t *addresses, *sizes, *start_times, *end_times;
    uint32_t *start_stacks, *end_stacks, *start_threads, *end_threads; /* ids */
    uint8_t *temporary, *inherited;
};

/* Replay the next events: at most VZ_MAX_EVENTS, consistent as vz_decode_events leaves them. ended: NULL, or where to
 * append the blocks that they end. 0; -EINVAL: too many events; -ENOMEM: nothing but freeing may follow. */
int vz_replay_feed(struct vz_replay *replay, const struct vz_event_block *block, struct vz_ended *ended);

/* How many rows the arrays below need. */
struct vz_replay_counts {
    uint64_t n_live;
    uint64_t n_stacks;
    uint64_t n_threads;
    uint64_t n_pairs; /* of different threads */
};

void vz_replay_count(const struct vz_replay *replay, struct vz_replay_counts *counts);

/* What is live now, in any order: vizreport/model/live_set.py. */
struct vz_live_columns {
    uint64_t *addresses, *sizes, *start_times;
    uint32_t *stacks, *threads;   /* ids; 0 of inherited blocks */
    uint8_t *pending, *inherited; /* its reallocation is under way; it came with the fork */
};

void vz_replay_copy_live(const struct vz_replay *replay, const struct vz_live_columns *live);

/* vizreport/model/replay.py, in any order of rows. */
struct vz_results {
    uint64_t n_events, allocs, frees, bytes_allocated, live_bytes, live_blocks, inherited_bytes, inherited_blocks;
    uint64_t n_unmatched_frees, n_duplicates, n_temporary, mapped_bytes, peak_mapped_bytes;
    uint64_t peak_bytes, peak_blocks, peak_time, peak_row; /* peak_row plus 1: 0: there was none */
    /* n_stacks rows of 11: id, allocs, bytes_allocated, frees, live_bytes, live_blocks, peak_bytes, peak_blocks, temporary,
     * lifetime_ns, walks */
    uint64_t *stacks;
    uint64_t
        *threads;    /* n_threads rows of 7: id, allocs, bytes_allocated, frees, foreign_frees, own_blocks, own_bytes */
    uint64_t *pairs; /* n_pairs rows of 4: starting thread, ending thread, blocks, bytes */
    uint64_t *bins;  /* n_bins rows of 9: as in Timeline, without edges */
};

/* What was fed so far gave; more may be fed afterwards. */
void vz_replay_copy_results(const struct vz_replay *replay, struct vz_results *results);

#endif
