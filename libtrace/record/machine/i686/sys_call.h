/* A system call on 32-bit x86. Out of line: the sixth argument goes into ebp, and a handler that interrupts a call which waits
 * is unwound through it, so that there has to be unwind data for what lies on the stack meanwhile.
 */
#ifndef VZ_SYS_CALL_H
#define VZ_SYS_CALL_H

#include <linux/audit.h>

#define VZ_AUDIT_ARCH AUDIT_ARCH_I386 /* as seccomp filters know it */

__attribute__((visibility("hidden"))) long vz_sys_call6(long number, long a, long b, long c, long d, long e, long f);

#endif
