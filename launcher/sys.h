/* What the launcher asks of the kernel beyond POSIX. sys_linux.c implements it. */
#ifndef VZ_LAUNCHER_SYS_H
#define VZ_LAUNCHER_SYS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* An anonymous file that allows sealing, close-on-exec: its descriptor or -errno. */
int vz_sys_memfd(const char *name);

/* Writes this thread's id to *word; when the thread ends, however it does, the kernel sets FUTEX_OWNER_DIED there. One
 * word for each process. */
void vz_sys_hold_robust_futex(_Atomic uint32_t *word);

/* Wakes all that wait on a futex in shared memory. */
void vz_sys_futex_wake_all(const _Atomic uint32_t *word);

/* A descriptor that becomes readable when the process has ended, close-on-exec, or -errno. */
int vz_sys_pidfd_open(pid_t pid);

/* The wait status of an ended process that isn't our child, from the kernel's memory of it. False: this kernel has
 * none. */
bool vz_sys_pidfd_status(int pidfd, int *wait_status);

/* Whether the kernel itself keeps time by the processor's counter, so that it can be trusted. */
bool vz_sys_counter_is_reliable(void);

/* Closes all descriptors. */
void vz_sys_close_all(void);

#endif
