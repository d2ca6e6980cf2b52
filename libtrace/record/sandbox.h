/* Whether the recorder could live under a seccomp filter that the program is about to put on itself. */
#ifndef VZ_SANDBOX_H
#define VZ_SANDBOX_H

#include <linux/filter.h>
#include <stdbool.h>

/* Whether the filter lets every system call that a hook may make pass, or refuses it by an error; false if it would end
 * the process, or ask somebody, for one of them. Reads the filter only. In a hook. */
bool vz_sandbox_tolerates(const struct sock_fprog *filter);

/* For sys_syscall_*: the real syscall(2), once it was looked for; how to look; and the hook of seccomp(2), which is
 * called as syscall(2). */
extern long (*vz_sandbox_syscall)(long number, ...);
void vz_sandbox_find_syscall(void);
long vz_sandbox_seccomp(long number, unsigned operation, unsigned flags, const struct sock_fprog *filter);

#endif
