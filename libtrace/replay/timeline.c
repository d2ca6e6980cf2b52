/* Live bytes and blocks over time. */
#include "timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"

static void begin(struct vz_timeline *timeline, uint32_t at)
{
    timeline->at = at;
    timeline->next_edge = at + 1 < timeline->n_bins ? timeline->edges[at + 1] : UINT64_MAX;
}

int vz_timeline_init(struct vz_timeline *timeline, const uint64_t *edges, uint32_t n_bins)
{
    size_t n_edges = (size_t)n_bins + 1;

    *timeline = (struct vz_timeline){.n_bins = n_bins};
    timeline->bins = calloc(n_bins, sizeof *timeline->bins);
    timeline->edges = malloc(n_edges * sizeof *edges);
    if (!timeline->bins || !timeline->edges)
        return -ENOMEM;
    memcpy(timeline->edges, edges, n_edges * sizeof *edges);
    begin(timeline, 0);
    return 0;
}

void vz_timeline_free(struct vz_timeline *timeline)
{
    free(timeline->bins);
    free(timeline->edges);
}

int vz_timeline_copy(struct vz_timeline *copy, const struct vz_timeline *timeline)
{
    size_t bins_bytes = timeline->n_bins * sizeof *timeline->bins;
    size_t edges_bytes = ((size_t)timeline->n_bins + 1) * sizeof *timeline->edges;

    *copy = *timeline;
    copy->bins = vz_lines_copy(timeline->bins, bins_bytes, bins_bytes);
    copy->edges = vz_lines_copy(timeline->edges, edges_bytes, edges_bytes);
    return copy->bins && copy->edges ? 0 : -ENOMEM;
}

size_t vz_timeline_bytes(const struct vz_timeline *timeline)
{
    return timeline->n_bins * (sizeof *timeline->bins + sizeof *timeline->edges);
}

static void end_bin(struct vz_timeline *timeline, struct vz_level level, struct vz_counts counts)
{
    struct vz_counts *done = &timeline->done;

    timeline->bins[timeline->at] =
        (struct vz_bin){.low = timeline->low,
                        .high = timeline->high,
                        .last = level,
                        .counts = {.allocs = counts.allocs - done->allocs,
                                   .frees = counts.frees - done->frees,
                                   .bytes_allocated = counts.bytes_allocated - done->bytes_allocated}};
    *done = counts;
    timeline->low = timeline->high = level;
}

void vz_timeline_move(struct vz_timeline *timeline, uint64_t time, struct vz_level level, struct vz_counts counts)
{
    while (timeline->at + 1 < timeline->n_bins && time >= timeline->next_edge) {
        end_bin(timeline, level, counts);
        begin(timeline, timeline->at + 1);
    }
}

void vz_timeline_close(struct vz_timeline *timeline, struct vz_level level, struct vz_counts counts)
{
    end_bin(timeline, level, counts);
    while (timeline->at + 1 < timeline->n_bins) {
        begin(timeline, timeline->at + 1);
        end_bin(timeline, level, counts);
    }
}
