/* A system call on 32-bit x86. */
#ifndef VZ_SYS_CALL_H
#define VZ_SYS_CALL_H

#include <linux/audit.h>

#define VZ_AUDIT_ARCH AUDIT_ARCH_I386 /* as seccomp filters know it */

static inline long vz_sys_call6(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    /* The sixth goes into ebp, which no constraint can name: by way of the stack. */
    __asm__ volatile("pushl %7\n\t"
                     "pushl %%ebp\n\t"
                     "movl 4(%%esp), %%ebp\n\t"
                     "int $0x80\n\t"
                     "popl %%ebp\n\t"
                     "addl $4, %%esp"
                     : "=a"(result)
                     : "0"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), "g"(f)
                     : "memory");
    return result;
}

#endif
