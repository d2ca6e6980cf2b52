/* A system call on 32-bit ARM (EABI). */
#ifndef VZ_SYS_CALL_H
#define VZ_SYS_CALL_H

#include <linux/audit.h>

#define VZ_AUDIT_ARCH AUDIT_ARCH_ARM /* as seccomp filters know it */

static inline long vz_sys_call6(long number, long a, long b, long c, long d, long e, long f)
{
    register long r0 __asm__("r0") = a;
    register long r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c;
    register long r3 __asm__("r3") = d;
    register long r4 __asm__("r4") = e;
    register long r5 __asm__("r5") = f;
    long saved;
    /* The number goes into r7, which may be the frame pointer of Thumb code: compilers refuse to name it. */
    __asm__ volatile("mov %0, r7\n\t"
                     "mov r7, %2\n\t"
                     "svc 0\n\t"
                     "mov r7, %0"
                     : "=&r"(saved), "+r"(r0)
                     : "r"(number), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5)
                     : "memory");
    return r0;
}

#endif
