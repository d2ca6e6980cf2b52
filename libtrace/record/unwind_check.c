/* Differential check against libgcc. Empty but in checking builds, where the rules for hooks are relaxed: libgcc is
 * loaded by dlopen before main, and reports are formatted by snprintf. */
#define _GNU_SOURCE
#include "unwind_check.h"

#ifdef VZ_CHECK_UNWIND
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <unwind.h>

#include "region.h"

enum outcome { EQUAL, CUT, GAP, ENDED_EARLY, UNREADY, MISMATCH, N_OUTCOMES };

struct comparison {
    struct vz_context from;
    uint32_t id;         /* of our frame that libgcc's next one must equal */
    uint32_t n_compared; /* frames found equal */
    uint32_t n_frames;   /* frames libgcc found */
    bool found;          /* past our own frames */
    bool differs;
    bool outermost; /* libgcc came to the outermost frame */
    bool print;     /* only write libgcc's frames to the log */
};

typedef _Unwind_Reason_Code (*backtrace_function)(_Unwind_Trace_Fn, void *);

static _Atomic(backtrace_function) backtrace_of_libgcc;
static uintptr_t (*get_pc)(struct _Unwind_Context *, int *);
static uintptr_t (*get_cfa)(struct _Unwind_Context *);
static _Atomic uint64_t outcomes[N_OUTCOMES];
static _Atomic uint64_t n_frames_compared;
static _Atomic uint32_t reported;
static const char *log_path;

/* ---- the log ----------------------------------------------------------------------------------------------------- */

static void log_line(const char *text, int bytes)
{
    const int fd = log_path ? open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : STDERR_FILENO;
    if (fd >= 0 && bytes > 0 && write(fd, text, (size_t)bytes) < 0)
        return; /* nothing left to tell it to */
    if (log_path && fd >= 0)
        close(fd);
}

static void log_frame(const char *whose, uintptr_t pc, bool interrupted, uintptr_t sp)
{
    char line[160];
    log_line(line, snprintf(line, sizeof line, "vizzy-check pid=%d %s pc=%#lx%s sp=%#lx\n", getpid(), whose,
                            (unsigned long)pc, interrupted ? " interrupted" : "", (unsigned long)sp));
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

static const struct vz_node *node_at(uint32_t id)
{
    const uint32_t page = atomic_load(&vz_region->node_segments[id / VZ_NODES_PER_SEGMENT]);
    return (const struct vz_node *)vz_region_page(page) + id % VZ_NODES_PER_SEGMENT;
}

static void compare_frame(struct comparison *comparison, uintptr_t pc, bool interrupted)
{
    comparison->n_frames++;
    if (comparison->id < VZ_NODE_FIRST) {
        comparison->differs |= comparison->id != VZ_NODE_CUT;
        return;
    }
    const struct vz_node *node = node_at(comparison->id);
    comparison->differs |= node->pc != pc || ((node->generation & VZ_NODE_INTERRUPTED) != 0) != interrupted;
    comparison->id = node->parent;
    comparison->n_compared++;
}

static _Unwind_Reason_Code on_frame(struct _Unwind_Context *context, void *argument)
{
    struct comparison *comparison = argument;
    int interrupted = 0;
    const uintptr_t pc = get_pc(context, &interrupted);
    const uintptr_t sp = get_cfa(context);
    comparison->found |= pc == comparison->from.pc && sp == comparison->from.sp;
    if (!comparison->found)
        return _URC_NO_REASON;
    if (pc == 0)
        comparison->outermost = true;
    else if (comparison->print)
        log_frame("libgcc", pc, interrupted, sp);
    else
        compare_frame(comparison, pc, interrupted);
    return _URC_NO_REASON;
}

static enum outcome judge(const struct comparison *comparison, uint32_t max_depth)
{
    if (!comparison->found || comparison->differs)
        return MISMATCH;
    switch (comparison->id) {
    case VZ_NODE_ROOT: /* libgcc knows no end of stacks that were started by hand, but found no more frames */
        return EQUAL;
    case VZ_NODE_CUT:
        return comparison->n_frames - comparison->n_compared == vz_unwind_cut(max_depth, comparison->n_frames)
                   ? CUT
                   : MISMATCH;
    case VZ_NODE_GAP:
        return comparison->outermost ? MISMATCH : GAP;
    default:
        return comparison->outermost ? MISMATCH : ENDED_EARLY;
    }
}

static void report(struct vz_context from, uint32_t id, backtrace_function backtrace)
{
    struct comparison printed = {.from = from, .print = true};
    log_frame("mismatch at", from.pc, false, from.sp);
    for (; id >= VZ_NODE_FIRST; id = node_at(id)->parent)
        log_frame("ours", node_at(id)->pc, node_at(id)->generation & VZ_NODE_INTERRUPTED, 0);
    log_frame("ours ends with root", id, false, 0);
    backtrace(on_frame, &printed);
}

void vz_unwind_check(struct vz_context from, uint32_t id, uint32_t max_depth)
{
    const backtrace_function backtrace = atomic_load(&backtrace_of_libgcc);
    struct comparison comparison = {.from = from, .id = id};
    enum outcome outcome = UNREADY;
    if (backtrace) {
        backtrace(on_frame, &comparison);
        outcome = judge(&comparison, max_depth);
    }
    atomic_fetch_add(&outcomes[outcome], 1);
    atomic_fetch_add(&n_frames_compared, comparison.n_compared);
    if (outcome == MISMATCH && atomic_exchange(&reported, 1) == 0)
        report(from, id, backtrace);
}

/* ---- start and end ----------------------------------------------------------------------------------------------- */

static void start_again(void)
{
    for (unsigned i = 0; i < N_OUTCOMES; i++)
        atomic_store(&outcomes[i], 0);
    atomic_store(&n_frames_compared, 0);
}

__attribute__((constructor)) static void start(void)
{
    backtrace_function backtrace = NULL;
    void *libgcc = dlopen("libgcc_s.so.1", RTLD_NOW);
    log_path = getenv("VIZZY_CHECK_LOG");
    if (!libgcc)
        return;
    *(void **)&get_pc = dlsym(libgcc, "_Unwind_GetIPInfo");
    *(void **)&get_cfa = dlsym(libgcc, "_Unwind_GetCFA");
    *(void **)&backtrace = dlsym(libgcc, "_Unwind_Backtrace");
    pthread_atfork(NULL, NULL, start_again);
    atomic_store(&backtrace_of_libgcc, backtrace);
}

__attribute__((destructor)) static void end(void)
{
    char line[320];
    uint64_t n[N_OUTCOMES], walks = 0;
    for (unsigned i = 0; i < N_OUTCOMES; i++)
        walks += n[i] = atomic_load(&outcomes[i]);
    const uint64_t skipped = n[UNREADY] + n[GAP] + n[ENDED_EARLY];
    log_line(line,
             snprintf(line, sizeof line,
                      "vizzy-check pid=%d walks=%lu mismatches=%lu skipped=%lu (unready=%lu gap=%lu ended_early=%lu) "
                      "cut=%lu frames=%lu\n",
                      getpid(), walks, n[MISMATCH], skipped, n[UNREADY], n[GAP], n[ENDED_EARLY], n[CUT],
                      atomic_load(&n_frames_compared)));
}
#endif
