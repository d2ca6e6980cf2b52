/* System calls with 64-bit arguments, and those that were widened later, on 32-bit machines. */
#ifndef VZ_SYS_WORD_H
#define VZ_SYS_WORD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "sys_call.h"

#define VZ_SYS_MMAP SYS_mmap2
#define VZ_SYS_GETUID SYS_getuid32
#define VZ_SYS_GETGID SYS_getgid32

enum { VZ_SYS_MMAP_UNIT = 4096 }; /* of mmap2's offset, whatever the page size */

static inline long vz_sys_call_mmap(void *address, size_t bytes, int protection, int flags, int fd, uint64_t offset)
{
    return vz_sys_call6(SYS_mmap2, (long)address, (long)bytes, protection, flags, fd,
                        (long)(offset / VZ_SYS_MMAP_UNIT));
}

static inline long vz_sys_call_pread(int fd, void *buffer, size_t bytes, uint64_t offset)
{
    const long low = (long)(uint32_t)offset, high = (long)(uint32_t)(offset >> 32);
#ifdef __arm__ /* a pair of registers begins with an even one */
    return vz_sys_call6(SYS_pread64, fd, (long)buffer, (long)bytes, 0, low, high);
#else
    return vz_sys_call6(SYS_pread64, fd, (long)buffer, (long)bytes, low, high, 0);
#endif
}

#endif
