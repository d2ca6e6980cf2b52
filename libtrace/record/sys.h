/* Raw kernel calls and clocks: the only way by which the recorder reaches the kernel. sys_linux.c implements it.
 *
 * None of these touch errno, allocate, lock or are cancellation points. Calls return what the kernel returned: a
 * negative errno on failure. All may be called in a hook, in a signal handler, before main and in a forked child.
 */
#ifndef VZ_SYS_H
#define VZ_SYS_H

#include <stddef.h>
#include <stdint.h>

/* futex(2) FUTEX_WAIT on shared memory, at most timeout_ns. Returns 0 or -errno (-EAGAIN: the word differed). */
long vz_sys_futex_wait(const void *word, uint32_t expected, uint64_t timeout_ns);

/* mmap(2)/munmap(2)/mprotect(2). vz_sys_map returns NULL on failure. Anonymous private memory if fd is -1, else shared.
 */
void *vz_sys_map(size_t bytes, int protection, int fd, uint64_t file_offset);
/* Private memory in place of what is mapped at address: a copy of the file's, made as it is written to; zero if fd is -1. */
void vz_sys_map_private(void *address, size_t bytes, int fd, uint64_t file_offset);
long vz_sys_unmap(void *address, size_t bytes);
long vz_sys_protect(void *address, size_t bytes, int protection);
long vz_sys_advise(void *address, size_t bytes, int advice);

/* The limit on this process's address space; UINT64_MAX: none. */
uint64_t vz_sys_address_limit(void);

uint32_t vz_sys_gettid(void);
uint32_t vz_sys_getpid(void);
uint32_t vz_sys_getppid(void);
uint32_t vz_sys_getuid(void);
uint32_t vz_sys_getgid(void);
long vz_sys_open(const char *path, int flags);
long vz_sys_openat(int directory, const char *path, int flags);
long vz_sys_close(int fd);
long vz_sys_read(int fd, void *buffer, size_t bytes);
long vz_sys_pread(int fd, void *buffer, size_t bytes, uint64_t offset);
long vz_sys_readlink(const char *path, char *buffer, size_t bytes);
long vz_sys_access(const char *path, int mode);

/* Whether the 4 bytes at address (4-aligned) can be read: asked of the kernel by a futex wait that can't wait. */
int vz_sys_readable(uintptr_t address);

/* Whether reading the processor's counter ends this process (PR_SET_TSC), as its clock may do. */
int vz_sys_counter_is_forbidden(void);

/* CLOCK_MONOTONIC in ns, by the vDSO. */
uint64_t vz_sys_monotonic_ns(void);

#endif
