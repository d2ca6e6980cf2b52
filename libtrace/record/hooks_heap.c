/* Hooks of the heap: malloc, realloc and free and their kin.
 *
 * An allocation is recorded after the real call, a free before it, a reallocation by two tied records around it: at no
 * time is an address that another thread may be handed still live in the recording. Failed calls count nothing.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>

#include "hook.h"

/* ---- recording ------------------------------------------------------------------------------------------------------
 */

/* End of a hook that allocated. */
static inline void allocated(struct vz_thread *thread, enum vz_kind kind, const void *block, size_t bytes,
                             struct vz_context caller)
{
    if (block) {
        const uint32_t stack = vz_thread_stack(thread, caller);
        vz_thread_append(thread, kind, vz_clock_ticks_ordered(), (uintptr_t)block, bytes, stack);
    }
    vz_thread_leave(thread);
}

static inline void freeing(struct vz_thread *thread, enum vz_kind kind, const void *block, struct vz_context caller)
{
    const uint32_t options = atomic_load_explicit(&vz_session_shm->options, memory_order_relaxed);
    const bool with_stack = options & VZ_OPTION_FREE_STACKS;
    const uint32_t stack = VZ_UNLIKELY(with_stack) ? vz_thread_stack(thread, caller) : VZ_NODE_ROOT;
    vz_thread_append(thread, kind, vz_clock_ticks(), (uintptr_t)block, 0, stack);
}

/* What became of a reallocation whose first half was recorded. */
static void reallocated(struct vz_thread *thread, const void *old, const void *block, size_t bytes,
                        struct vz_context caller)
{
    if (block)
        allocated(thread, VZ_KIND_REALLOC_MOVE, block, bytes, caller);
    else {
        /* NULL for size 0 means freed (glibc and most others); for any other size, that it failed. */
        const enum vz_kind kind = bytes == 0 ? VZ_KIND_REALLOC_DONE : VZ_KIND_REALLOC_UNDO;
        vz_thread_append(thread, kind, vz_clock_ticks_ordered(), (uintptr_t)old, 0, VZ_NODE_ROOT);
        vz_thread_leave(thread);
    }
}

/* A product too large to be one is no size, and above all not 0, for which realloc frees. */
static inline size_t product(size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes;
}

/* ---- the hooks ------------------------------------------------------------------------------------------------------
 */

#define VZ_ALLOC(kind, name, bytes, parameters, arguments)                                                             \
    VZ_EXPORT void *name parameters                                                                                    \
    {                                                                                                                  \
        const struct vz_context caller = vz_context_of_caller();                                                       \
        struct vz_thread *thread = vz_thread_enter(&caller);                                                           \
        void *block = VZ_REAL(name) arguments;                                                                         \
        if (thread)                                                                                                    \
            allocated(thread, VZ_KIND_##kind, block, bytes, caller);                                                   \
        return block;                                                                                                  \
    }

#define VZ_REALLOC(name, bytes, parameters, arguments)                                                                 \
    VZ_EXPORT void *name parameters                                                                                    \
    {                                                                                                                  \
        const struct vz_context caller = vz_context_of_caller();                                                       \
        struct vz_thread *thread = vz_thread_enter(&caller);                                                           \
        if (thread && old)                                                                                             \
            freeing(thread, VZ_KIND_REALLOC_RELEASE, old, caller);                                                     \
        void *block = VZ_REAL(name) arguments;                                                                         \
        if (thread && old)                                                                                             \
            reallocated(thread, old, block, bytes, caller);                                                            \
        else if (thread)                                                                                               \
            allocated(thread, VZ_KIND_REALLOC_NEW, block, bytes, caller);                                              \
        return block;                                                                                                  \
    }

/* A libc without C23's sized frees has plain free to do their work. */
#define VZ_FREE(kind, name, parameters, arguments)                                                                     \
    VZ_EXPORT void name parameters                                                                                     \
    {                                                                                                                  \
        const struct vz_context caller = vz_context_of_caller();                                                       \
        if (!block)                                                                                                    \
            return;                                                                                                    \
        struct vz_thread *thread = vz_thread_enter(&caller);                                                           \
        if (thread)                                                                                                    \
            freeing(thread, VZ_KIND_##kind, block, caller);                                                            \
        if (VZ_REAL(name))                                                                                             \
            vz_real.name arguments;                                                                                    \
        else                                                                                                           \
            VZ_REAL(free)(block);                                                                                      \
        if (thread)                                                                                                    \
            vz_thread_leave(thread);                                                                                   \
    }

#include "hooks.def"

VZ_EXPORT int posix_memalign(void **result, size_t alignment, size_t size)
{
    const struct vz_context caller = vz_context_of_caller();
    struct vz_thread *thread = vz_thread_enter(&caller);
    const int status = VZ_REAL(posix_memalign)(result, alignment, size);
    if (thread)
        allocated(thread, VZ_KIND_POSIX_MEMALIGN, status == 0 ? *result : NULL, size, caller);
    return status;
}
