/* Raw kernel calls that are the same on all machines. Inline system calls instead of libc's: those set errno, and some are
 * cancellation points or can themselves be interposed. */
#define _GNU_SOURCE
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "sys_call.h"
#include "sys_word.h"

static long call3(long number, long a, long b, long c) { return vz_sys_call6(number, a, b, c, 0, 0, 0); }

long vz_sys_futex_wait(const void *word, uint32_t expected, uint64_t timeout_ns)
{
    /* The kernel's old timespec: that of a 32-bit libc may have 64 bits for the seconds. */
    const long timeout[] = {(long)(timeout_ns / 1000000000u), (long)(timeout_ns % 1000000000u)};
    return vz_sys_call6(SYS_futex, (long)word, FUTEX_WAIT, (long)expected, (long)timeout, 0, 0);
}

void *vz_sys_map(size_t bytes, int protection, int fd, uint64_t file_offset)
{
    const int flags = (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED) | MAP_NORESERVE;
    const long result = vz_sys_call_mmap(NULL, bytes, protection, flags, fd, file_offset);
    return result < 0 && result > -4096 ? NULL : (void *)result;
}

void vz_sys_map_private(void *address, size_t bytes, int fd, uint64_t file_offset)
{
    const int flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0);
    vz_sys_call_mmap(address, bytes, PROT_READ | PROT_WRITE, flags, fd, file_offset);
}

long vz_sys_unmap(void *address, size_t bytes) { return call3(SYS_munmap, (long)address, (long)bytes, 0); }

long vz_sys_protect(void *address, size_t bytes, int protection)
{
    return call3(SYS_mprotect, (long)address, (long)bytes, protection);
}

long vz_sys_advise(void *address, size_t bytes, int advice)
{
    return call3(SYS_madvise, (long)address, (long)bytes, advice);
}

uint64_t vz_sys_address_limit(void)
{
    struct {
        uint64_t soft, hard;
    } limit = {.soft = UINT64_MAX};
    vz_sys_call6(SYS_prlimit64, 0, RLIMIT_AS, 0, (long)&limit, 0, 0);
    return limit.soft;
}

uint32_t vz_sys_gettid(void) { return (uint32_t)call3(SYS_gettid, 0, 0, 0); }
uint32_t vz_sys_getpid(void) { return (uint32_t)call3(SYS_getpid, 0, 0, 0); }
uint32_t vz_sys_getppid(void) { return (uint32_t)call3(SYS_getppid, 0, 0, 0); }
uint32_t vz_sys_getuid(void) { return (uint32_t)call3(VZ_SYS_GETUID, 0, 0, 0); }
uint32_t vz_sys_getgid(void) { return (uint32_t)call3(VZ_SYS_GETGID, 0, 0, 0); }

/* By openat and its kin, as libc does: sandboxes often know no open, nor do newer machines. */
long vz_sys_open(const char *path, int flags) { return vz_sys_openat(AT_FDCWD, path, flags); }
long vz_sys_openat(int directory, const char *path, int flags)
{
    return vz_sys_call6(SYS_openat, directory, (long)path, flags | O_LARGEFILE, 0, 0, 0);
}

long vz_sys_close(int fd) { return call3(SYS_close, fd, 0, 0); }

long vz_sys_read(int fd, void *buffer, size_t bytes) { return call3(SYS_read, fd, (long)buffer, (long)bytes); }

long vz_sys_pread(int fd, void *buffer, size_t bytes, uint64_t offset)
{
    return vz_sys_call_pread(fd, buffer, bytes, offset);
}

long vz_sys_readlink(const char *path, char *buffer, size_t bytes)
{
    return vz_sys_call6(SYS_readlinkat, AT_FDCWD, (long)path, (long)buffer, (long)bytes, 0, 0);
}

long vz_sys_access(const char *path, int mode) { return call3(SYS_faccessat, AT_FDCWD, (long)path, mode); }

int vz_sys_readable(uintptr_t address)
{
    /* The kernel reads the word before it compares: EFAULT if it can't; otherwise EAGAIN, or ETIMEDOUT at once.
     * FUTEX_PRIVATE, since a shared futex would look up the mapping's file. */
    const long none[] = {0, 0};
    return vz_sys_call6(SYS_futex, (long)address, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0x7a7a7276, (long)none, 0, 0) !=
           -EFAULT;
}

int vz_sys_counter_is_forbidden(void)
{
    int mode = PR_TSC_ENABLE;
    call3(SYS_prctl, PR_GET_TSC, (long)&mode, 0);
    return mode == PR_TSC_SIGSEGV;
}

uint64_t vz_sys_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* the vDSO: no system call, and it can't fail for this clock */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
