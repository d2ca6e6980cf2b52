/* Writing one's own trace, as hooks ask for it: see solo.h. */
#define _GNU_SOURCE
#include "solo.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "clock.h"
#include "session.h"
#include "solo_file.h"
#include "solo_lock.h"
#include "solo_state.h"
#include "solo_stream.h"
#include "sys.h"
#include "sys_files.h"

#define PATIENCE_NS UINT64_C(10000000000)       /* at the end: how long a receiver may take nothing */
#define SHORT_PATIENCE_NS UINT64_C(2000000000)  /* of a program that is not to be held up */
#define OPENING_PATIENCE_NS UINT64_C(300000000) /* if there may be no receiver at all */
#define WAIT_NS UINT64_C(20000000)
#define AHEAD_BYTES (64u << 10)

struct job {
    bool ends, cuts;
    bool result;
};

/* Over TCP: what is written goes to memory, if the receiver has taken enough of what is there. Nothing follows an end. */
static void run_stream_job(struct job *job)
{
    int error = vz_solo.trace.sink.has_failed ? -EIO : vz_solo_stream_go_on();
    const bool has_room = vz_solo.trace.outlet->ops->has_room(vz_solo.trace.outlet);
    vz_solo.source.is_dead |= job->ends; /* a note that was begun and left by a jump holds up no others any more */
    if (!error && (has_room || job->ends) && !vz_solo.has_end)
        vz_solo_write_window();
    if (!error && job->ends && !vz_solo.has_end)
        vz_solo_write_end();
    if (!error)
        error = vz_solo_stream_go_on();
    job->result = vz_solo_check(error) && has_room;
}

/* A next segment of call stacks should not fail for want of a descriptor just then. */
static void grow_ahead(void)
{
    const uint64_t to = vz_solo.mapped + VZ_SOLO_POOL_STEP;
    if (atomic_load(&vz_region->top) + AHEAD_BYTES > vz_solo.mapped && to <= vz_region_bytes)
        vz_solo_map_more(vz_region, to);
}

static void run_job(void *argument)
{
    struct job *job = argument;
    if (vz_solo.config->is_stream) {
        run_stream_job(job);
        return;
    }
    const int error = vz_solo.trace.sink.has_failed ? -EIO : vz_solo.place->open();
    if (error) {
        job->result = vz_solo_is_passing(error) || vz_solo_check(error);
        return;
    }
    const bool had_end = vz_solo.has_end || job->ends;
    vz_solo_take_end_back(job->cuts);
    vz_solo_write_window();
    if (!job->ends && !vz_solo.trace.sink.has_failed)
        grow_ahead();
    if (had_end && !job->cuts)
        vz_solo_write_end();
    if (job->ends && vz_solo.fate == VZ_FATE_EXIT && *vz_clock_single_threaded && !vz_solo.trace.sink.has_failed) {
        /* This is the very end, and nobody else is there: no hook touches the region any more. */
        atomic_store(vz_life, VZ_LIFE_OFF);
        vz_solo_file_empty();
    }
    vz_solo.place->close();
    job->result = vz_solo_check(0);
}

void vz_solo_make_private(void)
{
    if (!vz_solo.place->holds_region)
        return; /* it is private already */
    char *copy = vz_sys_map((size_t)vz_region_bytes, PROT_READ | PROT_WRITE, -1, 0);
    if (!copy)
        return;
    memcpy(copy, vz_region, (size_t)vz_solo.mapped);
    vz_sys_move_over(copy, (size_t)vz_region_bytes, vz_region);
}

/* ---- in hooks ----------------------------------------------------------------------------------------------------- */

static bool do_job(struct job *job)
{
    vz_sys_on_stack(vz_solo.stack_top, run_job, job);
    return job->result;
}

/* A vfork child has its parent's memory, but descriptors of its own. It leaves the writing to the others. */
static bool is_borrowed(void) { return vz_region->pid != vz_sys_getpid(); }

bool vz_solo_make_room(void)
{
    if (is_borrowed())
        return true; /* over the limit */
    const bool drops = vz_solo.config->is_stream && (vz_solo.config->options & VZ_OPTION_DROP);
    for (;;) {
        struct job job = {0};
        uint64_t mask;
        if (!vz_solo_lock(&mask)) {
            vz_session_stop(VZ_STOP_TRACE);
            return false;
        }
        const bool has_room = do_job(&job);
        const bool is_over = vz_solo.trace.sink.has_failed || vz_solo.has_end;
        vz_solo_unlock(&mask);
        if (has_room || drops || is_over)
            return has_room;
        vz_solo_stream_wait(WAIT_NS);
    }
}

void vz_solo_write_in_time(uint64_t now)
{
    struct job job = {0};
    uint64_t mask;
    if (now < atomic_load_explicit(&vz_solo.due_ticks, memory_order_relaxed) || is_borrowed() ||
        !vz_solo_try_lock(&mask))
        return;
    do_job(&job);
    vz_solo_unlock(&mask);
}

/* Until the receiver has everything, as long as it takes more now and then. */
static void wait_for_receiver(void)
{
    const bool drops = vz_solo.config->options & VZ_OPTION_DROP;
    uint64_t moved_ns = vz_sys_monotonic_ns(), before = UINT64_MAX, mask;
    uint64_t patience = PATIENCE_NS;
    bool has_failed = false;
    while (!has_failed && before > 0 && vz_sys_monotonic_ns() - moved_ns < patience && vz_solo_lock(&mask)) {
        struct job job = {0};
        do_job(&job);
        has_failed = vz_solo.trace.sink.has_failed;
        const uint64_t backlog = vz_solo_stream_backlog();
        if (drops)
            patience = vz_solo_stream_is_open() ? SHORT_PATIENCE_NS : OPENING_PATIENCE_NS;
        vz_solo_unlock(&mask);
        if (backlog < before)
            moved_ns = vz_sys_monotonic_ns();
        before = backlog;
        if (before > 0)
            vz_solo_stream_wait(WAIT_NS);
    }
}

/* Not of a vfork child, nor under a filter that would end the process. */
static bool can_go_out(void) { return vz_solo_on && !vz_session_confined() && !is_borrowed(); }

void vz_solo_end(uint32_t fate, uint32_t fate_value)
{
    struct job job = {.ends = true};
    uint64_t mask;
    if (!can_go_out() || !vz_solo_lock(&mask))
        return;
    vz_solo.fate = fate;
    vz_solo.fate_value = fate_value;
    do_job(&job);
    vz_solo_unlock(&mask);
    if (!vz_solo.config->is_stream)
        return;
    wait_for_receiver();
    if (fate != VZ_FATE_EXEC)
        vz_session_stop(VZ_STOP_TRACE); /* nothing can follow any more */
}

void vz_solo_may_end(uint32_t fate)
{
    struct job job = {0};
    uint64_t mask;
    if (!can_go_out())
        return;
    if (!vz_solo.config->is_stream) {
        vz_solo_end(fate, 0);
    } else if (vz_solo_lock(&mask)) {
        do_job(&job);
        vz_solo_unlock(&mask);
    }
}

void vz_solo_go_on(void)
{
    struct job job = {.cuts = true};
    uint64_t mask;
    if (!can_go_out() || !vz_solo_lock(&mask))
        return;
    if (vz_solo.config->is_stream && vz_solo.has_end) /* which can't be taken back */
        vz_solo_check(-EALREADY);
    do_job(&job);
    vz_solo_unlock(&mask);
}
