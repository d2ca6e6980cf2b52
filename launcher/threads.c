/* Threads that end: see threads.h. */
#define _GNU_SOURCE
#include "threads.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "collect/drain.h"
#include "collect/streams.h"
#include "process.h"

#define SWEEP_NS 50000000u /* shortest time between two looks at /proc/PID/task */

/* As the kernel names a process that execs. */
static void name_after_program(const struct vz_image *image, char name[16])
{
    const char *base = image->exe ? strrchr(image->exe, '/') : NULL;
    if (base)
        strncpy(name, base + 1, 15);
}

void vz_threads_name(const struct vz_image *image, uint32_t tid, char name[16])
{
    vz_process_thread_name(image->outer_pid, tid, name);
    if (!name[0] && !image->source.thread_name[0])
        name_after_program(image, name);
}

static int compare_id(const void *key, const void *element)
{
    uint32_t a = *(const uint32_t *)key;
    uint32_t b = *(const uint32_t *)element;
    return (a > b) - (a < b);
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
    vz_streams_read_names(&image->source);
    uint32_t *alive = image->source.n_cursors > 1 && image->outer_pid ? vz_process_threads(image->outer_pid, &n) : NULL;
    for (uint32_t i = 0; i < image->source.n_cursors; i++) {
        struct vz_cursor *cursor = &image->source.cursors[i];
        if (alive && cursor->is_active && !bsearch(&cursor->tid, alive, n, sizeof(*alive), compare_id) &&
            !may_live(image, cursor->tid)) {
            cursor->is_thread_dead = true;
            vz_drain_retire(&image->source, i);
        }
    }
    free(alive);
    image->next_sweep_ns = vz_collector_next_time(begin, vz_timebase_read_ns(&collector->time), SWEEP_NS);
}
