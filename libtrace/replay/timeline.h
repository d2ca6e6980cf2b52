/* Live bytes and blocks over time, in bins whose edges the caller gives: vizreport/model/replay.py, Timeline. */
#ifndef VZ_TIMELINE_H
#define VZ_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

/* What is live, and what was counted so far. */
struct vz_level {
    uint64_t bytes;
    uint64_t blocks;
};

struct vz_counts {
    uint64_t allocs;
    uint64_t frees;
    uint64_t bytes_allocated;
};

struct vz_bin {
    struct vz_level low, high, last;
    struct vz_counts counts;
};

struct vz_timeline {
    struct vz_bin *bins;
    uint64_t *edges; /* n_bins + 1, non-decreasing */
    uint32_t n_bins;
    uint32_t at;           /* the bin that is being filled */
    uint64_t next_edge;    /* where it ends; UINT64_MAX with `at` the last one: never */
    struct vz_level low;   /* of the bin that is being filled */
    struct vz_level high;  /* likewise */
    struct vz_counts done; /* counted before it */
};

/* n_bins is at least 1; edges are copied. 0, or -ENOMEM. */
int vz_timeline_init(struct vz_timeline *timeline, const uint64_t *edges, uint32_t n_bins);
void vz_timeline_free(struct vz_timeline *timeline);

/* Make `copy` the same. 0, or -ENOMEM: to be freed all the same. */
int vz_timeline_copy(struct vz_timeline *copy, const struct vz_timeline *timeline);

/* Memory that it has. */
size_t vz_timeline_bytes(const struct vz_timeline *timeline);

/* End bins until the one that `time` is in, or the last: `level` and `counts` are what was reached before that time. */
void vz_timeline_move(struct vz_timeline *timeline, uint64_t time, struct vz_level level, struct vz_counts counts);

/* End all bins. */
void vz_timeline_close(struct vz_timeline *timeline, struct vz_level level, struct vz_counts counts);

static inline void vz_timeline_note(struct vz_timeline *timeline, struct vz_level level)
{
    if (level.bytes < timeline->low.bytes)
        timeline->low.bytes = level.bytes;
    if (level.bytes > timeline->high.bytes)
        timeline->high.bytes = level.bytes;
    if (level.blocks < timeline->low.blocks)
        timeline->low.blocks = level.blocks;
    if (level.blocks > timeline->high.blocks)
        timeline->high.blocks = level.blocks;
}

#endif
