/* What reading a region keeps: see source.h. */
#include "source.h"

#include "drain.h"
#include "nodes.h"
#include "notes.h"

void vz_batch_place(struct vz_batch *batch, void *memory, uint32_t capacity)
{
    batch->n = 0;
    batch->capacity = capacity;
    batch->owner = NULL;
    batch->time = memory;
    batch->address = batch->time + capacity;
    batch->size = batch->address + capacity;
    batch->thread = (uint32_t *)(batch->size + capacity);
    batch->stack = batch->thread + capacity;
    batch->kind = (uint8_t *)(batch->stack + capacity);
}

void vz_source_flush(struct vz_source *source)
{
    struct vz_batch *batch = source->batch;
    vz_notes_read(source);
    if (!batch || batch->n == 0)
        return;
    if (source->is_discarding) {
        source->discarded += batch->n;
        batch->n = 0;
        return;
    }
    vz_nodes_write(source, batch->stack, batch->n, batch->time[0]);
    struct vz_event_columns columns = {.n = batch->n,
                                       .flags = source->flags,
                                       .kind = batch->kind,
                                       .thread = batch->thread,
                                       .time = batch->time,
                                       .address = batch->address,
                                       .size = batch->size,
                                       .stack = batch->stack};
    if (VZ_SINK_DO(source->sink, events, source->index, &columns) == 0)
        source->events += batch->n;
    batch->n = 0;
}

uint64_t vz_source_dropped(const struct vz_source *source)
{
    uint64_t dropped = source->discarded + atomic_load(&source->region->dropped);
    for (uint32_t i = 0; i < source->n_cursors; i++) {
        struct vz_stream *stream = vz_drain_stream(source, i);
        dropped += stream ? atomic_load(&stream->dropped) : 0;
    }
    return dropped;
}

void vz_source_free(struct vz_source *source)
{
    vz_nodes_free(source);
    source->ops->release(source->cursors);
    source->cursors = NULL;
    source->n_cursors = source->cursors_capacity = 0;
}
