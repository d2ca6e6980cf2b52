/* Nesting levels and stream registration of threads. */
#define _GNU_SOURCE
#include "thread.h"

#include <string.h>

#include "arena.h"
#include "streams.h"
#include "unwind_stack.h"

enum { MAX_LEVELS = 8 };

__thread struct vz_thread *vz_thread_self;

/* By what id the collector sees whether this thread lives. A vfork child, which is none of this process's threads, is gone
 * when the thread that it lent its stack from goes on: until the process ends, then. */
static uint32_t visible_tid(void) { return vz_sys_getpid() == vz_region->pid ? vz_sys_gettid() : vz_region->pid; }

/* A level for this thread on a stream of its own, or NULL. */
static struct vz_thread *new_level(uint32_t level)
{
    struct vz_thread *thread = vz_streams_claim(visible_tid(), level);
    if (!thread)
        atomic_fetch_add(&vz_region->dropped, 1);
    return thread;
}

static struct vz_thread *first_level(void)
{
    struct vz_thread *thread = new_level(0);
    /* A handler that interrupted this made one already: then that one serves, and this stream stays empty. */
    if (!vz_thread_self)
        vz_thread_self = thread;
    return vz_thread_self;
}

static struct vz_thread *begin(struct vz_thread *thread, const struct vz_context *caller)
{
    thread->guard = caller->sp;
    __asm__ volatile("" ::: "memory");
    return thread;
}

static struct vz_thread *inner_level(struct vz_thread *thread)
{
    if (!thread->inner && thread->level + 1 < MAX_LEVELS)
        thread->inner = new_level(thread->level + 1);
    else if (!thread->inner)
        atomic_fetch_add(&thread->stream->dropped, 1);
    return thread->inner;
}

/* A guard is set, or the thread is new. From the innermost guarded level outwards: if the walk from here meets that
 * hook's frame through a signal frame, this is a handler's own call, recorded one level further in; if it meets it by
 * calls only, the allocator is calling itself; if it does not meet it, the hook was left by siglongjmp and its guard is
 * stale. */
struct vz_thread *vz_thread_enter_nested(const struct vz_context *caller)
{
    struct vz_thread *thread = vz_thread_self ? vz_thread_self : first_level();
    if (!thread)
        return NULL;
    struct vz_thread *guarded[MAX_LEVELS];
    unsigned n_guarded = 0;
    for (struct vz_thread *level = thread; level; level = level->inner)
        if (level->guard)
            guarded[n_guarded++] = level;
    if (n_guarded > 0 && vz_stack_is_short()) { /* no room to find out */
        atomic_fetch_add(&thread->stream->dropped, 1);
        return NULL;
    }
    while (n_guarded > 0) {
        struct vz_thread *innermost = guarded[--n_guarded];
        const enum vz_reach reach = vz_unwind_reach(*caller, innermost->guard);
        if (reach == VZ_REACH_CALLED)
            return NULL;
        if (reach == VZ_REACH_INTERRUPTED) {
            struct vz_thread *inner = inner_level(innermost);
            return inner ? begin(inner, caller) : NULL;
        }
        innermost->guard = 0;
    }
    return begin(thread, caller);
}

bool vz_thread_is_in_hook(struct vz_context from)
{
    for (const struct vz_thread *level = vz_thread_self; level; level = level->inner)
        if (level->guard && vz_unwind_reach(from, level->guard) != VZ_REACH_NOT)
            return true;
    return false;
}

uint32_t vz_thread_first_stack(struct vz_thread *thread, struct vz_context caller)
{
    const uint32_t max_depth = vz_session_shm->max_depth;
    if (max_depth == 0)
        return VZ_NODE_ROOT;
    thread->memo = vz_memo_new(max_depth);
    return thread->memo ? vz_unwind(thread->memo, caller) : VZ_NODE_GAP;
}

uint64_t vz_thread_last_ticks(void) { return vz_thread_self ? vz_thread_self->last_ticks : 0; }

bool vz_threads_fork(void) { return vz_streams_fork(vz_thread_self); }

void vz_thread_name(const char *name)
{
    struct vz_thread *thread = vz_thread_self ? vz_thread_self : first_level();
    if (!thread)
        return;
    struct vz_stream *stream = thread->stream;
    atomic_fetch_add(&stream->name_sequence, 1);
    memset(stream->name, 0, sizeof stream->name);
    strncpy(stream->name, name, sizeof stream->name - 1);
    atomic_fetch_add(&stream->name_sequence, 1);
}
