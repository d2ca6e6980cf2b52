/* Streams and their threads: see streams.h. */
#define _GNU_SOURCE
#include "streams.h"

#include <string.h>

#include "drain.h"

#define BLOCK_THREADS 64u

/* Makes source->cursors hold at least n. */
static bool grow_cursors(struct vz_source *source, uint32_t n)
{
    if (n <= source->cursors_capacity)
        return true;
    uint32_t capacity = source->cursors_capacity ? source->cursors_capacity : 4;
    while (capacity < n)
        capacity *= 2;
    struct vz_cursor *grown = source->ops->allocate(capacity * sizeof(*grown));
    if (!grown)
        return false;
    for (uint32_t i = 0; i < source->cursors_capacity; i++)
        grown[i] = source->cursors[i];
    source->ops->release(source->cursors);
    source->cursors = grown;
    source->cursors_capacity = capacity;
    return true;
}

/* Records of threads that are written together. */
struct thread_block {
    uint32_t n;
    struct vz_thread_record records[BLOCK_THREADS];
};

static void write_records(struct vz_source *source, struct thread_block *block)
{
    if (block->n)
        VZ_SINK_DO(source->sink, threads, source->index, block->records, block->n);
    block->n = 0;
}

static void add_record(struct vz_source *source, struct thread_block *block, const struct vz_cursor *cursor,
                       const char name[16])
{
    if (block->n == BLOCK_THREADS)
        write_records(source, block);
    struct vz_thread_record *record = &block->records[block->n++];
    *record =
        (struct vz_thread_record){.thread = cursor->thread, .tid = cursor->tid, .first_time = vz_source_now(source)};
    memcpy(record->name, name, sizeof(record->name));
}

/* The name that the thread gave itself, if it did so since the last time and isn't just doing it. */
static bool read_given_name(struct vz_stream *stream, struct vz_cursor *cursor, char name[16])
{
    uint32_t sequence = atomic_load(&stream->name_sequence);
    if (sequence == cursor->name_sequence || sequence % 2)
        return false;
    memcpy(name, stream->name, 16);
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load(&stream->name_sequence) != sequence)
        return false;
    name[15] = 0;
    cursor->name_sequence = sequence;
    return true;
}

/* The thread to whose nested hooks a stream of a higher level belongs: the latest of that tid. */
static const struct vz_cursor *find_outer(const struct vz_source *source, uint32_t tid)
{
    const struct vz_cursor *found = NULL;
    for (uint32_t i = 0; i < source->n_cursors; i++) {
        const struct vz_cursor *cursor = &source->cursors[i];
        if (cursor->is_active && cursor->level == 0 && cursor->tid == tid && (!found || cursor->thread > found->thread))
            found = cursor;
    }
    return found;
}

static void open_stream(struct vz_source *source, uint32_t index, struct thread_block *block)
{
    struct vz_cursor *cursor = &source->cursors[index];
    struct vz_stream *stream = vz_drain_stream(source, index);
    if (!stream || atomic_load_explicit(&stream->state, memory_order_acquire) != VZ_STREAM_ACTIVE)
        return;
    cursor->tid = atomic_load(&stream->tid);
    cursor->level = atomic_load(&stream->level);
    cursor->stream = stream;
    const struct vz_cursor *outer = cursor->level ? find_outer(source, cursor->tid) : NULL;
    cursor->is_active = true;
    if (outer) {
        cursor->thread = outer->thread;
        return;
    }
    char name[16];
    cursor->thread = source->n_threads++;
    source->ops->thread_name(source, cursor->tid, name);
    if (!source->thread_name[0])
        memcpy(source->thread_name, name, sizeof(name));
    if (!name[0]) /* it is gone */
        memcpy(name, source->thread_name, sizeof(name));
    read_given_name(stream, cursor, name);
    add_record(source, block, cursor, name);
}

uint32_t vz_streams_discover(struct vz_source *source)
{
    uint32_t n = atomic_load(&source->region->n_streams);
    if (n > VZ_STREAMS_PER_PAGE * VZ_MAX_STREAM_PAGES)
        n = VZ_STREAMS_PER_PAGE * VZ_MAX_STREAM_PAGES;
    if (n > source->n_cursors && grow_cursors(source, n))
        source->n_cursors = n;
    struct thread_block block;
    block.n = 0;
    for (uint32_t i = 0; i < source->n_cursors; i++) {
        if (!source->cursors[i].is_active)
            open_stream(source, i, &block);
    }
    write_records(source, &block);
    return source->n_cursors;
}

void vz_streams_read_names(struct vz_source *source)
{
    struct thread_block block;
    block.n = 0;
    for (uint32_t i = 0; i < source->n_cursors; i++) {
        char name[16];
        struct vz_cursor *cursor = &source->cursors[i];
        if (cursor->is_active && read_given_name(cursor->stream, cursor, name))
            add_record(source, &block, cursor, name);
    }
    write_records(source, &block);
}
