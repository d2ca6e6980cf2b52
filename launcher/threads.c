/* Threads and their streams: see threads.h. */
#define _GNU_SOURCE
#include "threads.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "drain.h"
#include "process.h"

#define BLOCK_THREADS 64u
#define SWEEP_NS 50000000u /* shortest time between two looks at /proc/PID/task */

/* Makes image->cursors hold at least n. */
static bool grow_cursors(struct vz_image *image, uint32_t n)
{
    if (n <= image->cursors_capacity)
        return true;
    uint32_t capacity = image->cursors_capacity ? image->cursors_capacity : 4;
    while (capacity < n)
        capacity *= 2;
    struct vz_cursor *grown = realloc(image->cursors, capacity * sizeof(*grown));
    if (!grown)
        return false;
    memset(grown + image->cursors_capacity, 0, (capacity - image->cursors_capacity) * sizeof(*grown));
    image->cursors = grown;
    image->cursors_capacity = capacity;
    return true;
}

/* Records of threads that are written together. */
struct thread_block {
    uint32_t n;
    struct vz_thread_record records[BLOCK_THREADS];
};

static void write_records(struct vz_collector *collector, struct vz_image *image, struct thread_block *block)
{
    if (block->n)
        VZ_SINK_DO(collector->sink, threads, image->index, block->records, block->n);
    block->n = 0;
}

static void add_record(struct vz_collector *collector, struct vz_image *image, struct thread_block *block,
                       const struct vz_cursor *cursor, const char name[16])
{
    if (block->n == BLOCK_THREADS)
        write_records(collector, image, block);
    struct vz_thread_record *record = &block->records[block->n++];
    *record = (struct vz_thread_record){
        .thread = cursor->thread, .tid = cursor->tid, .first_time = vz_collector_now(collector)};
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
static const struct vz_cursor *find_outer(const struct vz_image *image, uint32_t tid)
{
    const struct vz_cursor *found = NULL;
    for (uint32_t i = 0; i < image->n_cursors; i++) {
        const struct vz_cursor *cursor = &image->cursors[i];
        if (cursor->is_active && cursor->level == 0 && cursor->tid == tid && (!found || cursor->thread > found->thread))
            found = cursor;
    }
    return found;
}

/* As the kernel names a process that execs. */
static void name_after_program(struct vz_image *image)
{
    const char *base = image->exe ? strrchr(image->exe, '/') : NULL;
    if (base)
        strncpy(image->thread_name, base + 1, sizeof(image->thread_name) - 1);
}

static void open_stream(struct vz_collector *collector, struct vz_image *image, uint32_t index,
                        struct thread_block *block)
{
    struct vz_cursor *cursor = &image->cursors[index];
    struct vz_stream *stream = vz_drain_stream(image, index);
    if (!stream || atomic_load_explicit(&stream->state, memory_order_acquire) != VZ_STREAM_ACTIVE)
        return;
    cursor->tid = atomic_load(&stream->tid);
    cursor->level = atomic_load(&stream->level);
    cursor->stream = stream;
    const struct vz_cursor *outer = cursor->level ? find_outer(image, cursor->tid) : NULL;
    cursor->is_active = true;
    if (outer) {
        cursor->thread = outer->thread;
        return;
    }
    char name[16];
    cursor->thread = image->n_threads++;
    vz_process_thread_name(image->outer_pid, cursor->tid, name);
    if (!image->thread_name[0] && name[0])
        memcpy(image->thread_name, name, sizeof(name));
    else if (!image->thread_name[0])
        name_after_program(image);
    if (!name[0]) /* it is gone */
        memcpy(name, image->thread_name, sizeof(name));
    read_given_name(stream, cursor, name);
    add_record(collector, image, block, cursor, name);
}

uint32_t vz_threads_discover(struct vz_collector *collector, struct vz_image *image)
{
    uint32_t n = atomic_load(&image->region->n_streams);
    if (n > VZ_STREAMS_PER_PAGE * VZ_MAX_STREAM_PAGES)
        n = VZ_STREAMS_PER_PAGE * VZ_MAX_STREAM_PAGES;
    if (n > image->n_cursors && grow_cursors(image, n))
        image->n_cursors = n;
    struct thread_block block;
    block.n = 0;
    for (uint32_t i = 0; i < image->n_cursors; i++) {
        if (!image->cursors[i].is_active)
            open_stream(collector, image, i, &block);
    }
    write_records(collector, image, &block);
    return image->n_cursors;
}

static int compare_id(const void *key, const void *element)
{
    uint32_t a = *(const uint32_t *)key;
    uint32_t b = *(const uint32_t *)element;
    return (a > b) - (a < b);
}

void vz_threads_read_names(struct vz_collector *collector, struct vz_image *image)
{
    struct thread_block block;
    block.n = 0;
    for (uint32_t i = 0; i < image->n_cursors; i++) {
        char name[16];
        struct vz_cursor *cursor = &image->cursors[i];
        if (cursor->is_active && read_given_name(cursor->stream, cursor, name))
            add_record(collector, image, &block, cursor, name);
    }
    write_records(collector, image, &block);
}

/* The kernel's list of threads skips living ones when others end while it is read (36 times in 3,000 reads of 400 short-lived
 * threads). To give away the stream of one would lose and invent events, so each one missing is asked for again. In another
 * pid namespace they have other numbers than they know of: their streams are kept. */
static bool may_live(const struct vz_image *image, uint32_t tid)
{
    return image->pid != image->outer_pid || vz_process_has_thread(image->outer_pid, tid);
}

void vz_threads_sweep(struct vz_collector *collector, struct vz_image *image)
{
    uint64_t begin = vz_timebase_read_ns(&collector->time);
    if (begin < image->next_sweep_ns)
        return;
    size_t n = 0;
    vz_threads_read_names(collector, image);
    uint32_t *alive = image->n_cursors > 1 && image->outer_pid ? vz_process_threads(image->outer_pid, &n) : NULL;
    for (uint32_t i = 0; i < image->n_cursors; i++) {
        struct vz_cursor *cursor = &image->cursors[i];
        if (alive && cursor->is_active && !bsearch(&cursor->tid, alive, n, sizeof(*alive), compare_id) &&
            !may_live(image, cursor->tid)) {
            cursor->is_thread_dead = true;
            vz_drain_retire(image, i);
        }
    }
    free(alive);
    image->next_sweep_ns = vz_collector_next_time(begin, vz_timebase_read_ns(&collector->time), SWEEP_NS);
}
