/* Writing the own trace, window by window: see solo_state.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "clock.h"
#include "collect/drain.h"
#include "collect/streams.h"
#include "session.h"
#include "solo_file.h"
#include "solo_state.h"
#include "sys.h"
#include "sys_files.h"

enum {
    DUE_NS = 400000000,  /* how often events are written, however few */
    SWEEP_NS = 100000000 /* how often to look which threads have ended */
};

/* Goes back to before the end that was written for the time being. */
void vz_solo_take_end_back(bool cut)
{
    if (!vz_solo.has_end)
        return;
    vz_solo.has_end = false;
    if (vz_solo.place->rewind)
        vz_solo.place->rewind(vz_solo.place->end(), cut);
}

void vz_solo_begin_time(void)
{
    const uint64_t now = vz_clock_ticks();
    atomic_thread_fence(memory_order_seq_cst); /* what is read now was published before that */
    vz_solo.time.next_ticks = vz_solo.time.next_ns = now;
    atomic_store_explicit(&vz_solo.due_ticks, now + DUE_NS, memory_order_relaxed);
}

/* Threads that have ended: their streams are closed in this window, and given back after it. */
static void find_dead_threads(void)
{
    struct vz_source *source = &vz_solo.source;
    const uint64_t now = vz_solo.time.next_ticks;
    if (source->n_cursors < 2 || now - vz_solo.swept_ticks < SWEEP_NS)
        return;
    vz_solo.swept_ticks = now;
    for (uint32_t i = 0; i < source->n_cursors; i++) {
        struct vz_cursor *cursor = &source->cursors[i];
        if (cursor->is_active && !vz_sys_thread_lives(source->region->pid, cursor->tid))
            cursor->is_thread_dead = true;
    }
}

static void retire_dead_threads(void)
{
    for (uint32_t i = 0; i < vz_solo.source.n_cursors; i++)
        if (vz_solo.source.cursors[i].is_active && vz_solo.source.cursors[i].is_thread_dead)
            vz_drain_retire(&vz_solo.source, i);
}

/* Says in the trace how far each stream was read: everything before it in the file is written, what follows it in the pool
 * is not. In memory of its own, should there be very many. */
static void write_positions(void)
{
    struct vz_source *source = &vz_solo.source;
    struct vz_buffer *buffer = &vz_solo.trace.buffer;
    const size_t bound = VZ_RECORD_BOUND(source->n_cursors * sizeof(struct vz_position));
    const struct vz_positions_record record = {.log = source->log_at, .last_time = source->last_time};
    struct vz_position *positions = vz_solo_allocate(source->n_cursors * sizeof(*positions) + bound);
    uint32_t n = 0;
    int error = positions ? 0 : -ENOMEM;
    if (!error && buffer->capacity - buffer->bytes < bound)
        error = vz_solo.trace.sink.ops->flush(&vz_solo.trace.sink);
    for (uint32_t i = 0; positions && i < source->n_cursors; i++) {
        const struct vz_cursor *cursor = &source->cursors[i];
        if (cursor->is_active)
            positions[n++] = (struct vz_position){.stream = i,
                                                  .thread = cursor->thread,
                                                  .claims = cursor->stream->claims,
                                                  .chunk = cursor->chunk,
                                                  .slot = cursor->slot,
                                                  .wide = cursor->has_wide ? cursor->wide_size : 0};
    }
    if (!error) {
        struct vz_buffer own = {.data = (uint8_t *)(positions + source->n_cursors), .capacity = bound};
        struct vz_buffer *out = bound > buffer->capacity ? &own : buffer;
        error = vz_encode_positions(vz_solo.trace.encoder, source->index, &record, positions, n, out);
        if (!error && out == &own)
            error = vz_solo.trace.outlet->ops->write(vz_solo.trace.outlet, own.data, own.bytes);
    }
    vz_solo_release(positions);
    vz_sink_check(&vz_solo.trace.sink, error);
}

static void write_losses(void)
{
    const uint64_t n_dropped = vz_source_dropped(&vz_solo.source);
    const struct vz_drop_record record = {
        .first_time = vz_solo.looked_ns, .last_time = vz_clock_ticks(), .events = n_dropped - vz_solo.n_dropped};
    if (record.events)
        VZ_SINK_DO(&vz_solo.trace.sink, drops, vz_solo.source.index, &record, 1);
    vz_solo.n_dropped = n_dropped;
    vz_solo.looked_ns = vz_source_now(&vz_solo.source);
}

/* Writes what all threads have published up to now. */
void vz_solo_write_window(void)
{
    struct vz_source *source = &vz_solo.source;
    vz_solo_begin_time();
    find_dead_threads();
    vz_drain(source, vz_solo.time.next_ticks);
    vz_source_flush(source);
    vz_streams_read_names(source);
    write_losses();
    if (vz_solo.place->holds_region && !vz_solo.trace.sink.has_failed)
        write_positions();
    if (!vz_solo.trace.sink.has_failed)
        vz_sink_check(&vz_solo.trace.sink, vz_solo.trace.sink.ops->flush(&vz_solo.trace.sink));
    if (vz_solo.trace.sink.has_failed)
        return;
    vz_drain_give_back(source);
    retire_dead_threads();
}

/* Writes the trace's end behind what is kept of it. */
void vz_solo_write_end(void)
{
    struct vz_source *source = &vz_solo.source;
    struct vz_sink *sink = &vz_solo.trace.sink;
    const uint64_t end = vz_solo.place->rewind ? vz_solo.place->end() : 0;
    const uint32_t sequence = vz_encoder_sequence(vz_solo.trace.encoder);
    const uint64_t now = vz_source_now(source);
    const struct vz_image_end_record image = {.time = now > source->last_time ? now : source->last_time,
                                              .fate = vz_solo.fate,
                                              .fate_value = vz_solo.fate_value,
                                              .events = source->events,
                                              .dropped = vz_source_dropped(source),
                                              .reordered = source->reordered,
                                              .holes = source->holes,
                                              .stopped = atomic_load(&source->region->stopped)};
    const struct vz_end_record record = {.time = image.time, .events = source->events, .images = 1};
    VZ_SINK_DO(sink, image_end, source->index, &image);
    VZ_SINK_DO(sink, end, &record);
    if (sink->has_failed)
        return;
    vz_solo.has_end = true;
    if (vz_solo.place->rewind) {
        vz_solo.place->rewind(end, false);
        vz_encoder_rewind(vz_solo.trace.encoder, sequence);
    }
}

bool vz_solo_check(int error)
{
    vz_sink_check(&vz_solo.trace.sink, error);
    if (vz_solo.trace.sink.has_failed)
        vz_session_stop(VZ_STOP_TRACE);
    return !vz_solo.trace.sink.has_failed;
}

/* For now there is no descriptor: the pool has to do a little longer. */
bool vz_solo_is_passing(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -EINTR || error == -EBADF;
}

int vz_solo_map_more(struct vz_region *region, uint64_t to)
{
    const uint64_t from = vz_solo.mapped;
    struct vz_buffer *buffer = &vz_solo.trace.buffer; /* nothing waits in it: windows end with a flush */
    const size_t head = sizeof(struct vz_block_header) + sizeof(struct vz_pool_record);
    const struct vz_pool_record record = {.offset = from, .bytes = to - from, .gap = vz_solo_file_gap(head)};
    int error = vz_encode_pool(vz_solo.trace.encoder, vz_solo.source.index, &record, buffer);
    const uint32_t sequence = vz_encoder_sequence(vz_solo.trace.encoder);
    if (!error)
        error = vz_solo_file_map(buffer->data, buffer->bytes, (char *)region + from, to - from);
    if (error)
        vz_encoder_rewind(vz_solo.trace.encoder, sequence - 1);
    buffer->bytes = 0;
    if (!error)
        vz_solo.source.bytes = vz_solo.mapped = to;
    if (!error)
        vz_sys_advise((char *)region + from, (size_t)(to - from), MADV_DONTDUMP);
    return error;
}
