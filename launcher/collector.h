/* The state of a recording, shared by the files that collect it: what is known of each image, and where it goes.
 *
 * One thread. Private memory stays bounded however long the recording is: the batches are few and are written when they are
 * needed elsewhere, per-image state goes with its image.
 */
#ifndef VZ_COLLECTOR_H
#define VZ_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli.h"
#include "clock.h"
#include "record/shm.h"
#include "session.h"
#include "signals.h"
#include "sink.h"

#define VZ_N_BATCHES 12       /* images that can have events waiting to be written at once: 2.1 MiB each */
#define VZ_N_EXAMINED 1024    /* files of modules whose contents are remembered; a power of 2 */
#define VZ_SAMPLES_PENDING 64 /* samples of an image kept until they are written */

/* Events of one image in their final order, waiting to be written together. */
struct vz_batch {
    uint32_t n;
    uint64_t first_ns; /* when the first one came in: batches don't wait for ever */
    struct vz_image *owner;
    uint8_t kind[VZ_MAX_EVENTS];
    uint32_t thread[VZ_MAX_EVENTS];
    uint32_t stack[VZ_MAX_EVENTS];
    uint64_t time[VZ_MAX_EVENTS];
    uint64_t address[VZ_MAX_EVENTS];
    uint64_t size[VZ_MAX_EVENTS];
};

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

/* One process image that is being recorded, or known of. */
struct vz_image {
    uint32_t index; /* in the trace */
    uint32_t region_index;
    struct vz_region *region;
    uint64_t serial;
    pid_t pid;       /* as it sees itself */
    pid_t outer_pid; /* as we see it; 0: not known, or no more */
    int pidfd;       /* -1: none */
    bool is_dead;    /* its process has ended, or it has exec'd: nothing more will be published */
    uint32_t fate;   /* how its process ended, as far as that is known: enum vz_image_fate, and its value */
    uint32_t fate_value;
    uint32_t n_fate_tries; /* to learn that */
    uint32_t exec_number;
    char *exe, *cwd, *args; /* texts; args: each ended by a zero byte */
    size_t args_bytes;
    uint32_t n_args;

    struct vz_cursor *cursors; /* one for each stream */
    uint32_t n_cursors, cursors_capacity;
    uint32_t n_threads;
    char thread_name[16];   /* of the first thread: others are called like it unless they say otherwise */
    uint64_t next_sweep_ns; /* when to look for dead threads */
    struct vz_batch *batch; /* NULL: no events wait */
    uint64_t last_time;     /* ns, of the last event taken */
    uint64_t last_ticks;    /* the latest ticks of those taken */
    uint64_t events, reordered, holes;
    uint64_t **written_nodes; /* bitmaps of the nodes written, for each segment */
    uint64_t log_at;          /* offset of the next log record */

    const struct vz_note *exec_note;  /* it was about to exec, and has not come back; NULL: it isn't. In its log */
    const struct vz_note *unfit_note; /* of a program that is not followed, which this image or a child becomes */
    uint64_t exec_unfit;              /* enum vz_unfit of what it executes */

    struct vz_sample_record samples[VZ_SAMPLES_PENDING];
    uint32_t n_samples;
    uint64_t next_pss_ns;
};

struct vz_image_key { /* the place in the trace of an image that may be gone */
    uint64_t serial;
    uint32_t index;
};

struct vz_examined {       /* a module's file that was looked into */
    uint64_t key;          /* made of what changes when the file does; 0: none */
    const char *allocator; /* which it has for itself; NULL: none */
};

struct vz_collector {
    const struct vz_cli *cli;
    struct vz_session_memory memory;
    const char *library; /* path of the dropped library */
    const char *program; /* path of COMMAND's executable */
    struct vz_sink *sink;
    struct vz_timebase time;
    struct vz_signals signals;
    int epoll;
    bool is_closed; /* the session was closed: nothing more is recorded */

    pid_t command;
    int command_pidfd;
    bool command_ended;
    int command_status; /* as wait(2) has it */

    struct vz_image *images[VZ_MAX_REGIONS]; /* by region */
    uint32_t n_images;                       /* of `images` */
    uint32_t images_end;                     /* one more than the highest region in use */
    uint32_t n_records;                      /* images written so far: the next one's index */
    uint64_t seen_serial;                    /* next_serial at the last scan; 0: scan again */
    uint64_t last_arrival_ns;                /* when an image was last taken in */
    uint64_t last_flush_ns;                  /* when the sink was last flushed */
    bool saw_command;                        /* COMMAND has had an image */
    uint32_t stops_told;                     /* reasons why images stopped that were said: 1 << enum vz_stop */
    struct vz_image_key *keys;
    size_t n_keys, keys_capacity;
    uint64_t last_look_up_ns, next_look_up_ns; /* when to look for images whose process is not known */

    struct vz_examined examined[VZ_N_EXAMINED];
    struct vz_batch *batches[VZ_N_BATCHES];
    uint64_t events;
    uint64_t next_rss_ns;
};

/* ns since the start, at the beginning of this round. */
static inline uint64_t vz_collector_now(const struct vz_collector *collector) { return collector->time.next_ns; }

/* A place in an image's region, or NULL if it doesn't lie in it entirely. */
static inline void *vz_image_at(const struct vz_image *image, uint64_t offset, uint64_t bytes)
{
    if (offset < VZ_REGION_HEADER_BYTES || offset > VZ_REGION_STRIDE || bytes > VZ_REGION_STRIDE - offset || offset % 8)
        return NULL;
    return (char *)image->region + offset;
}

/* Kernels report times of CPU use too coarsely for this: what a periodic task took, and when it may run again so that it takes
 * at most 1 % of the time, but no sooner than `least` ns from now. */
static inline uint64_t vz_collector_next_time(uint64_t begin_ns, uint64_t end_ns, uint64_t least)
{
    uint64_t pause = (end_ns - begin_ns) * 100;
    return end_ns + (pause > least ? pause : least);
}

#endif
