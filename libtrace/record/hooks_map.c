/* Hooks of the program's own mappings, kept apart from the heap: what allocators map for themselves does not come here.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <sys/mman.h>

#include "hook.h"
#include "unwind_stack.h"

static void append_map(struct vz_thread *thread, enum vz_kind kind, const void *address, size_t bytes,
                       struct vz_context caller)
{
    vz_thread_append(thread, kind, vz_clock_ticks_ordered(), (uintptr_t)address, bytes,
                     vz_thread_stack(thread, caller));
}

static void append_unmap(struct vz_thread *thread, enum vz_kind kind, const void *address, size_t bytes)
{
    vz_thread_append(thread, kind, vz_clock_ticks(), (uintptr_t)address, bytes, VZ_NODE_ROOT);
}

#define MAP_HOOK(name, offset_type)                                                                                    \
    VZ_EXPORT void *name(void *address, size_t bytes, int protection, int flags, int fd, offset_type offset)           \
    {                                                                                                                  \
        const struct vz_context caller = vz_context_of_caller();                                                       \
        struct vz_thread *thread = vz_thread_enter(&caller);                                                           \
        void *mapped = VZ_REAL(name)(address, bytes, protection, flags, fd, offset);                                   \
        if (thread && mapped != MAP_FAILED)                                                                            \
            append_map(thread, VZ_KIND_MMAP, mapped, bytes, caller);                                                   \
        if (thread)                                                                                                    \
            vz_thread_leave(thread);                                                                                   \
        return mapped;                                                                                                 \
    }

MAP_HOOK(mmap, off_t)
MAP_HOOK(mmap64, int64_t)

/* Whether the kernel would refuse to unmap this for its arguments alone. */
static bool cannot_unmap(const void *address, size_t bytes) { return bytes == 0 || (uintptr_t)address % VZ_PAGE != 0; }

VZ_EXPORT int munmap(void *address, size_t bytes)
{
    const struct vz_context caller = vz_context_of_caller();
    struct vz_thread *thread = cannot_unmap(address, bytes) ? NULL : vz_thread_enter(&caller);
    atomic_fetch_add(&vz_stack_unmaps, 1);
    /* Before the call, as every end of a range that another thread may be given at once. One that fails all the same (too
     * many mappings) is put back. */
    if (thread)
        append_unmap(thread, VZ_KIND_MUNMAP, address, bytes);
    const int status = VZ_REAL(munmap)(address, bytes);
    if (thread && status != 0)
        append_map(thread, VZ_KIND_MMAP, address, bytes, caller);
    if (thread)
        vz_thread_leave(thread);
    return status;
}

VZ_EXPORT void *mremap(void *address, size_t bytes, size_t new_bytes, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    void *wanted = flags & MREMAP_FIXED ? va_arg(rest, void *) : NULL;
    va_end(rest);
    const struct vz_context caller = vz_context_of_caller();
    struct vz_thread *thread = vz_thread_enter(&caller);
    atomic_fetch_add(&vz_stack_unmaps, 1);
    if (thread)
        append_unmap(thread, VZ_KIND_MREMAP_FROM, address, bytes);
    void *mapped = VZ_REAL(mremap)(address, bytes, new_bytes, flags, wanted);
    if (thread && mapped != MAP_FAILED)
        append_map(thread, VZ_KIND_MREMAP_TO, mapped, new_bytes, caller);
    else if (thread)
        append_map(thread, VZ_KIND_MREMAP_TO, address, bytes, caller);
    if (thread)
        vz_thread_leave(thread);
    return mapped;
}
