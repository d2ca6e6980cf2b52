/* The recorder's own private memory: bump allocation from anonymous mmap, never from the program's heap.
 *
 * Nothing is ever freed; callers keep and reuse what they got. A forked child owns a copy-on-write copy.
 * May be called in a hook, a signal handler, before main, after fork; lock-free.
 */
#ifndef VZ_ARENA_H
#define VZ_ARENA_H

#include <stddef.h>

/* Zeroed memory, 64-byte aligned, or NULL when the kernel gives none. */
void *vz_arena_alloc(size_t bytes);

#endif
