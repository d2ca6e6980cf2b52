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
#include "collect/source.h"
#include "session.h"
#include "signals.h"

#define VZ_N_BATCHES 12       /* images that can have events waiting to be written at once: 2.1 MiB each */
#define VZ_N_EXAMINED 1024    /* files of modules whose contents are remembered; a power of 2 */
#define VZ_SAMPLES_PENDING 64 /* samples of an image kept until they are written */
#define VZ_DROPS_PENDING 64   /* drop records likewise; even */

/* What an image's threads have dropped. */
struct vz_losses {
    uint64_t events;    /* up to looked_ns, written or not */
    uint64_t looked_ns; /* when its counts were last looked at; before that, when it started */
    struct vz_drop_record pending[VZ_DROPS_PENDING];
    uint32_t n; /* of pending */
};

/* One process image that is being recorded, or known of. */
struct vz_image {
    struct vz_source source;
    struct vz_collector *collector;
    uint32_t region_index;
    uint64_t serial;
    pid_t pid;       /* as it sees itself */
    pid_t outer_pid; /* as we see it; 0: not known, or no more */
    int pidfd;       /* -1: none */
    uint32_t fate;   /* how its process ended, as far as that is known: enum vz_image_fate, and its value */
    uint32_t fate_value;
    uint32_t n_fate_tries; /* to learn that */
    uint32_t exec_number;
    char *exe, *cwd, *args; /* texts; args: each ended by a zero byte */
    size_t args_bytes;
    uint32_t n_args;

    uint64_t next_sweep_ns; /* when to look for dead threads */

    const struct vz_note *exec_note;  /* it was about to exec, and has not come back; NULL: it isn't. In its log */
    const struct vz_note *unfit_note; /* of a program that is not followed, which this image or a child becomes */
    uint64_t exec_unfit;              /* enum vz_unfit of what it executes */

    struct vz_sample_record samples[VZ_SAMPLES_PENDING];
    uint32_t n_samples;
    uint64_t next_pss_ns;

    struct vz_losses losses;
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
    uint64_t next_losses_ns;
};

/* ns since the start, at the beginning of this round. */
static inline uint64_t vz_collector_now(const struct vz_collector *collector) { return collector->time.next_ns; }

/* Kernels report times of CPU use too coarsely for this: what a periodic task took, and when it may run again so that it takes
 * at most 1 % of the time, but no sooner than `least` ns from now. */
static inline uint64_t vz_collector_next_time(uint64_t begin_ns, uint64_t end_ns, uint64_t least)
{
    uint64_t pause = (end_ns - begin_ns) * 100;
    return end_ns + (pause > least ? pause : least);
}

#endif
