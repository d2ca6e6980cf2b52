/* System calls with 64-bit arguments, where a register holds one. */
#ifndef VZ_SYS_WORD_H
#define VZ_SYS_WORD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "sys_call.h"

#define VZ_SYS_MMAP SYS_mmap
#define VZ_SYS_GETUID SYS_getuid
#define VZ_SYS_GETGID SYS_getgid

static inline long vz_sys_call_mmap(void *address, size_t bytes, int protection, int flags, int fd, uint64_t offset)
{
    return vz_sys_call6(SYS_mmap, (long)address, (long)bytes, protection, flags, fd, (long)offset);
}

static inline long vz_sys_call_pread(int fd, void *buffer, size_t bytes, uint64_t offset)
{
    return vz_sys_call6(SYS_pread64, fd, (long)buffer, (long)bytes, (long)offset, 0, 0);
}

#endif
