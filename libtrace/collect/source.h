/* One image's region as it is read into the trace: how far each stream, the call stacks and the log have been taken.
 *
 * vizzytrace has one for each image that it collects; a process that records itself (record/solo.h) has its own. Who has
 * it provides memory and whatever else differs, by the operations. One thread at a time.
 */
#ifndef VZ_SOURCE_H
#define VZ_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/shm.h"
#include "sink.h"
#include "timebase.h"

/* Events of one image in their final order, waiting to be written together. */
struct vz_batch {
    uint32_t n, capacity; /* at most VZ_MAX_EVENTS */
    uint64_t first_ns;    /* when the first one came in: batches don't wait for ever */
    struct vz_source *owner;
    uint64_t *time, *address, *size;
    uint32_t *thread, *stack;
    uint8_t *kind;
};

#define VZ_BATCH_EVENT_BYTES (3 * sizeof(uint64_t) + 2 * sizeof(uint32_t) + 1)

/* How far one stream has been read. */
struct vz_cursor {
    struct vz_stream *stream; /* looked up once: the program may overwrite where it stands. NULL: not active */
    bool is_active;           /* a thread has it, and its record is written */
    bool is_thread_dead;      /* nothing more will be published */
    bool is_broken;           /* its chunks make no sense: not read any more */
    bool has_wide;            /* a WIDE slot was read, the event it belongs to not yet */
    uint32_t tid;
    uint32_t level;
    uint32_t thread;        /* index of the thread's record */
    uint32_t name_sequence; /* of the name that was read last */
    uint32_t chunk;         /* page of the chunk being read; 0: none yet */
    uint32_t chunk_class;
    uint32_t slot, n_slots; /* next slot to read, and how many the chunk has */
    uint64_t last_ticks;    /* of the last event read */
    uint64_t wide_size;
};

struct vz_source;
struct vz_node_block;

struct vz_source_ops {
    /* The batch for its events, with room for at least one. NULL: no memory. */
    struct vz_batch *(*batch)(struct vz_source *source);
    /* What the kernel calls a thread; "": it is gone. */
    void (*thread_name)(struct vz_source *source, uint32_t tid, char name[16]);
    /* A module's record was written. */
    void (*module)(struct vz_source *source, struct vz_text path, uint64_t time);
    /* A note of the log that is none of modules. It lies in the region. */
    void (*note)(struct vz_source *source, uint32_t kind, const struct vz_note *note);
    /* Wakes who waits on this word. */
    void (*wake)(const _Atomic uint32_t *word);
    /* Zeroed memory, NULL: there is none; and back. */
    void *(*allocate)(size_t bytes);
    void (*release)(void *memory);
};

struct vz_source {
    const struct vz_source_ops *ops;
    const struct vz_timebase *time;
    struct vz_sink *sink;
    uint32_t flags; /* of its EVENTS blocks */
    uint32_t index; /* of the image in the trace */
    struct vz_region *region;
    uint64_t bytes; /* of it that can be read */
    bool is_dead;   /* its process has ended, or it has exec'd: nothing more will be published */
    bool
        keeps_chunks; /* those that were read are given back by vz_drain_give_back alone: once the trace has what was in
                          them */

    struct vz_cursor *cursors; /* one for each stream */
    uint32_t n_cursors, cursors_capacity;
    uint32_t n_threads;
    char thread_name[16];   /* of the first thread: others are called like it unless they say otherwise */
    struct vz_batch *batch; /* NULL: no events wait */
    uint64_t last_time;     /* ns, of the last event taken */
    uint64_t last_ticks;    /* the latest ticks of those taken */
    uint64_t events, reordered, holes;
    bool is_discarding;       /* nothing is to be written any more: events are dropped when they would be */
    uint64_t discarded;       /* so many */
    uint64_t **written_nodes; /* bitmaps of the nodes written, for each segment */
    uint32_t node_capacity;   /* how many nodes are written together */
    struct vz_node_block *node_block;
    uint64_t log_at; /* offset of the next log record */
};

/* ns since the start, at the beginning of this round. */
static inline uint64_t vz_source_now(const struct vz_source *source) { return source->time->next_ns; }

/* A place in the region, or NULL if it doesn't lie in it entirely. */
static inline void *vz_source_at(const struct vz_source *source, uint64_t offset, uint64_t bytes)
{
    if (offset < VZ_REGION_HEADER_BYTES || offset > source->bytes || bytes > source->bytes - offset || offset % 8)
        return NULL;
    return (char *)source->region + offset;
}

/* Lays the columns of a batch into memory of vz_batch_bytes(capacity). */
static inline size_t vz_batch_bytes(uint32_t capacity) { return capacity * VZ_BATCH_EVENT_BYTES; }
void vz_batch_place(struct vz_batch *batch, void *memory, uint32_t capacity);

/* Writes what waits, after the modules and call stacks that it refers to. */
void vz_source_flush(struct vz_source *source);

/* How many events of it were not recorded, as its region has it. */
uint64_t vz_source_dropped(const struct vz_source *source);

/* Gives back the memory that reading it has taken. */
void vz_source_free(struct vz_source *source);

#endif
