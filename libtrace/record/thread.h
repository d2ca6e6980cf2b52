/* A thread's part in the recording: the guard against nesting, and its stream of events.
 *
 * A thread has one struct vz_thread per nesting level: level 0 for itself, further ones for hooks in signal handlers
 * that interrupted a hook. So whoever appends to a stream is never interrupted by another append to it, and plain
 * stores do. Everything here may be called in a hook; no lock, and no system call except where a new chunk is needed.
 */
#ifndef VZ_THREAD_H
#define VZ_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "session.h"
#include "unwind.h"

struct vz_thread {
    uintptr_t guard;          /* stack pointer of the caller of the hook in progress on this level; 0: none */
    struct vz_slot *position; /* next slot to fill; == end: a new chunk or stride is needed */
    struct vz_slot *end;
    uint64_t last_ticks;   /* of the last event */
    uint64_t stride_ticks; /* when the stride began that ends at `end`; see streams.c */
    uint32_t stride;       /* its length in slots */
    struct vz_chunk *chunk;
    struct vz_stream *stream;
    struct vz_memo *memo;
    struct vz_thread *inner; /* the next nesting level */
    uint32_t level;
    uint32_t index; /* of the stream in the region */
};

/* initial-exec: no call to __tls_get_addr, which allocates. Two words, for threads with 16 KiB of stack. */
extern __thread struct vz_thread *vz_thread_self __attribute__((tls_model("initial-exec")));

/* The slow ends of the inline functions below. */
struct vz_thread *vz_thread_enter_nested(const struct vz_context *caller);
bool vz_thread_next_chunk(struct vz_thread *thread);

/* Begin a hook: the level to record on, or NULL if this call is not to be recorded. */
static inline struct vz_thread *vz_thread_enter(const struct vz_context *caller)
{
    if (!vz_session_recording())
        return NULL;
    struct vz_thread *thread = vz_thread_self;
    if (__builtin_expect(!thread || thread->guard, 0))
        return vz_thread_enter_nested(caller);
    thread->guard = caller->sp;
    __asm__ volatile("" ::: "memory"); /* a handler sees the guard before anything that follows */
    return thread;
}

static inline void vz_thread_leave(struct vz_thread *thread)
{
    __asm__ volatile("" ::: "memory");
    thread->guard = 0;
}

static inline bool vz_thread_put(struct vz_thread *thread, uint64_t when_kind, uint64_t address, uint64_t size_stack)
{
    if (__builtin_expect(thread->position == thread->end, 0) && !vz_thread_next_chunk(thread))
        return false;
    struct vz_slot *slot = thread->position;
    thread->position = slot + 1;
    slot->address = address;
    slot->size_stack = size_stack;
    atomic_store_explicit(&slot->when_kind, when_kind, memory_order_release);
    return true;
}

/* Append one event: kind of kinds.def, ticks since the session's start, stack id as vz_unwind gave it. */
static inline void vz_thread_append(struct vz_thread *thread, uint64_t kind, uint64_t ticks, uint64_t address,
                                    uint64_t size, uint32_t stack)
{
    const uint64_t when = ticks & VZ_SLOT_TICKS_MASK;
    thread->last_ticks = ticks;
    if (__builtin_expect(size >= VZ_SLOT_SIZE_MASK, 0)) {
        if (!vz_thread_put(thread, (uint64_t)VZ_SLOT_WIDE << VZ_SLOT_KIND_SHIFT | when, size, 0))
            return; /* one event dropped, counted once */
        size = VZ_SLOT_SIZE_MASK;
    }
    vz_thread_put(thread, kind << VZ_SLOT_KIND_SHIFT | when, address, size | (uint64_t)stack << VZ_SLOT_SIZE_BITS);
}

/* The stack of a hook's caller, or no stack where none is asked for. */
uint32_t vz_thread_first_stack(struct vz_thread *thread, struct vz_context caller);

static inline uint32_t vz_thread_stack(struct vz_thread *thread, struct vz_context caller)
{
    return __builtin_expect(thread->memo != NULL, 1) ? vz_unwind(thread->memo, caller)
                                                     : vz_thread_first_stack(thread, caller);
}

/* Whether a hook of this thread is in progress, interrupted by what `from` belongs to. */
bool vz_thread_is_in_hook(struct vz_context from);

/* In a forked child that has claimed its region: this thread goes on in it, all others are gone. False: it can't. */
bool vz_threads_fork(void);

/* Ticks of the last event of this thread, or 0. */
uint64_t vz_thread_last_ticks(void);

/* The thread's name, as it was set by itself. */
void vz_thread_name(const char *name);

#endif
