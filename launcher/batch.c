/* Columns of events: see batch.h. */
#include "batch.h"

#include <stdlib.h>

#define MAX_AGE_NS 1000000000u

/* A batch that nobody has, or that of the image whose events have come furthest. */
static struct vz_batch *find_batch(struct vz_collector *collector)
{
    struct vz_batch *fullest = NULL;
    for (int i = 0; i < VZ_N_BATCHES; i++) {
        struct vz_batch *batch = collector->batches[i];
        if (!batch) {
            batch = malloc(sizeof(*batch) + vz_batch_bytes(VZ_MAX_EVENTS)); /* pages come as the columns fill */
            if (!batch)
                break;
            vz_batch_place(batch, batch + 1, VZ_MAX_EVENTS);
            collector->batches[i] = batch;
        }
        if (!batch->owner)
            return batch;
        if (!fullest || batch->n > fullest->n)
            fullest = batch;
    }
    if (fullest) {
        vz_source_flush(fullest->owner);
        fullest->owner->batch = NULL;
    }
    return fullest;
}

struct vz_batch *vz_batch_of(struct vz_collector *collector, struct vz_source *source)
{
    struct vz_batch *batch = source->batch;
    if (!batch) {
        batch = find_batch(collector);
        if (!batch)
            return NULL;
        batch->owner = source;
        source->batch = batch;
    }
    if (batch->n == batch->capacity)
        vz_source_flush(source);
    if (batch->n == 0)
        batch->first_ns = vz_collector_now(collector);
    return batch;
}

void vz_batch_flush_old(struct vz_collector *collector)
{
    for (int i = 0; i < VZ_N_BATCHES; i++) {
        struct vz_batch *batch = collector->batches[i];
        if (batch && batch->owner && batch->n && vz_collector_now(collector) - batch->first_ns > MAX_AGE_NS)
            vz_source_flush(batch->owner);
    }
}

void vz_batch_free_all(struct vz_collector *collector)
{
    for (int i = 0; i < VZ_N_BATCHES; i++) {
        free(collector->batches[i]);
        collector->batches[i] = NULL;
    }
}
