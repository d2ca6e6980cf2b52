/* Columns of events: see batch.h. */
#include "batch.h"

#include <stdlib.h>

#include "nodes.h"
#include "notes.h"

#define MAX_AGE_NS 1000000000u

void vz_batch_flush(struct vz_collector *collector, struct vz_image *image)
{
    struct vz_batch *batch = image->batch;
    vz_notes_read(collector, image);
    if (!batch || batch->n == 0)
        return;
    vz_nodes_write(collector, image, batch->stack, batch->n, batch->time[0]);
    struct vz_event_columns columns = {.n = batch->n,
                                       .flags = collector->cli->free_stacks ? VZ_BLOCK_FREE_STACKS : 0,
                                       .kind = batch->kind,
                                       .thread = batch->thread,
                                       .time = batch->time,
                                       .address = batch->address,
                                       .size = batch->size,
                                       .stack = batch->stack};
    if (VZ_SINK_DO(collector->sink, events, image->index, &columns) == 0) {
        image->events += batch->n;
        collector->events += batch->n;
    }
    batch->n = 0;
}

/* A batch that nobody has, or that of the image whose events have come furthest. */
static struct vz_batch *find_batch(struct vz_collector *collector)
{
    struct vz_batch *fullest = NULL;
    for (int i = 0; i < VZ_N_BATCHES; i++) {
        struct vz_batch *batch = collector->batches[i];
        if (!batch) {
            batch = malloc(sizeof(*batch)); /* pages come as the columns fill */
            if (!batch)
                break;
            batch->n = 0;
            batch->owner = NULL;
            collector->batches[i] = batch;
        }
        if (!batch->owner)
            return batch;
        if (!fullest || batch->n > fullest->n)
            fullest = batch;
    }
    if (fullest) {
        vz_batch_flush(collector, fullest->owner);
        fullest->owner->batch = NULL;
    }
    return fullest;
}

struct vz_batch *vz_batch_of(struct vz_collector *collector, struct vz_image *image)
{
    struct vz_batch *batch = image->batch;
    if (!batch) {
        batch = find_batch(collector);
        if (!batch)
            return NULL;
        batch->owner = image;
        image->batch = batch;
    }
    if (batch->n == VZ_MAX_EVENTS)
        vz_batch_flush(collector, image);
    if (batch->n == 0)
        batch->first_ns = vz_collector_now(collector);
    return batch;
}

void vz_batch_flush_old(struct vz_collector *collector)
{
    for (int i = 0; i < VZ_N_BATCHES; i++) {
        struct vz_batch *batch = collector->batches[i];
        if (batch && batch->owner && batch->n && vz_collector_now(collector) - batch->first_ns > MAX_AGE_NS)
            vz_batch_flush(collector, batch->owner);
    }
}

void vz_batch_free_all(struct vz_collector *collector)
{
    for (int i = 0; i < VZ_N_BATCHES; i++) {
        free(collector->batches[i]);
        collector->batches[i] = NULL;
    }
}
