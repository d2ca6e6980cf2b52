/* Hooks of C++'s operator new and delete, for allocators that bring their own (jemalloc, tcmalloc, mimalloc as shared
 * libraries). The standard library's call malloc and free, which are hooked: for them these hooks are one jump.
 *
 * No guard is held over the real operator new: it may call a new_handler, which allocates, or throw. So it records only
 * what no inner hook recorded. Built with -fexceptions, for bad_alloc passes through.
 */
#define _GNU_SOURCE
#include <link.h>
#include <stdlib.h>

#include "hook.h"

enum operators { OPERATORS_UNKNOWN, OPERATORS_PLAIN, OPERATORS_OWN };

/* Whose operator new it is: found out once, by whether it comes from the module that malloc comes from. */
static _Atomic int operators;

static bool find_operators(void)
{
    const struct link_map *of_malloc = NULL, *of_new = NULL;
    vz_lookup_next("malloc", &of_malloc);
    vz_lookup_next("_Znwm", &of_new);
    if (!of_new) /* no C++ library yet */
        return false;
    atomic_store(&operators, of_new == of_malloc ? OPERATORS_OWN : OPERATORS_PLAIN);
    return of_new == of_malloc;
}

static inline bool own_operators(void)
{
    const int known = atomic_load_explicit(&operators, memory_order_relaxed);
    return VZ_UNLIKELY(known != OPERATORS_PLAIN) && (known == OPERATORS_OWN || find_operators());
}

static void new_returned(struct vz_context caller, const struct vz_thread *before_thread, const struct vz_slot *before,
                         const void *block, size_t bytes)
{
    struct vz_thread *thread = block ? vz_thread_enter(&caller) : NULL;
    if (!thread)
        return;
    const bool inner_recorded = thread->position && (thread != before_thread || thread->position != before) &&
                                thread->position[-1].address == (uintptr_t)block;
    if (!inner_recorded) {
        const uint32_t stack = vz_thread_stack(thread, caller);
        vz_thread_append(thread, VZ_KIND_NEW, vz_clock_ticks_ordered(), (uintptr_t)block, bytes, stack);
    }
    vz_thread_leave(thread);
}

/* Without a real operator in any module (it can't have been called then) malloc and free stand in. */
#define VZ_NEW(name, parameters, arguments)                                                                            \
    static __attribute__((noinline)) void *name##_recorded parameters                                                  \
    {                                                                                                                  \
        const struct vz_context caller = vz_context_of_caller();                                                       \
        const struct vz_thread *thread = vz_thread_self;                                                               \
        const struct vz_slot *before = thread ? thread->position : NULL;                                               \
        void *block = vz_real.name arguments;                                                                          \
        new_returned(caller, thread, before, block, size);                                                             \
        return block;                                                                                                  \
    }                                                                                                                  \
    VZ_EXPORT void *name parameters;                                                                                   \
    void *name parameters                                                                                              \
    {                                                                                                                  \
        if (VZ_UNLIKELY(!VZ_REAL(name)))                                                                               \
            return malloc(size);                                                                                       \
        if (VZ_UNLIKELY(own_operators()))                                                                              \
            return name##_recorded arguments;                                                                          \
        return vz_real.name arguments;                                                                                 \
    }

#define VZ_DELETE(name, parameters, arguments)                                                                         \
    static __attribute__((noinline)) void name##_recorded parameters                                                   \
    {                                                                                                                  \
        const struct vz_context caller = vz_context_of_caller();                                                       \
        struct vz_thread *thread = block ? vz_thread_enter(&caller) : NULL;                                            \
        if (thread)                                                                                                    \
            vz_thread_append(thread, VZ_KIND_DELETE, vz_clock_ticks(), (uintptr_t)block, 0, VZ_NODE_ROOT);             \
        vz_real.name arguments;                                                                                        \
        if (thread)                                                                                                    \
            vz_thread_leave(thread);                                                                                   \
    }                                                                                                                  \
    VZ_EXPORT void name parameters;                                                                                    \
    void name parameters                                                                                               \
    {                                                                                                                  \
        if (VZ_UNLIKELY(!VZ_REAL(name)))                                                                               \
            free(block);                                                                                               \
        else if (VZ_UNLIKELY(own_operators()))                                                                         \
            name##_recorded arguments;                                                                                 \
        else                                                                                                           \
            vz_real.name arguments;                                                                                    \
    }

#include "hooks.def"
