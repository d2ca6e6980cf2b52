/* The hook of syscall(2): a jump to the real one, but for seccomp(2). It may be a clone whose child goes on from here
 * on another stack, so nothing may lie on this one.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>

#include "record/sandbox.h"

_Static_assert(SYS_seccomp == 383, "as below");

__asm__(".text\n"
        ".syntax unified\n"
        ".arm\n"
        ".balign 4\n"
        ".globl syscall\n"
        ".type syscall, %function\n"
        "syscall:\n\t"
        ".fnstart\n\t"
        "ldr r12, 3f\n\t"
        "cmp r0, r12\n\t"
        "bne 1f\n\t"
        "b vz_sandbox_seccomp\n"
        "1:\n\t"
        "ldr r12, 4f\n"
        "2:\n\t"
        "ldr r12, [pc, r12]\n\t"
        "cmp r12, #0\n\t"
        "bxne r12\n\t"
        "push {r0, r1, r2, r3, r4, lr}\n\t"
        ".save {r0, r1, r2, r3, r4, lr}\n\t"
        "bl vz_sandbox_find_syscall\n\t"
        "pop {r0, r1, r2, r3, r4, lr}\n\t"
        "b 1b\n"
        "3:\n\t"
        ".word 383\n"
        "4:\n\t"
        ".word vz_sandbox_syscall - (2b + 8)\n\t"
        ".fnend\n\t"
        ".size syscall, . - syscall\n");
