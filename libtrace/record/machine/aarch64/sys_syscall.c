/* The hook of syscall(2): a jump to the real one, but for seccomp(2). It may be a clone whose child goes on from here
 * on another stack, so nothing may lie on this one.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>

#include "record/sandbox.h"

_Static_assert(SYS_seccomp == 277, "as below");

__asm__(".text\n"
        ".balign 4\n"
        ".globl syscall\n"
        ".type syscall, %function\n"
        "syscall:\n\t"
        ".cfi_startproc\n\t"
        "cmp w0, #277\n\t"
        "b.ne 1f\n\t"
        "b vz_sandbox_seccomp\n"
        "1:\n\t"
        "adrp x16, vz_sandbox_syscall\n\t"
        "ldr x16, [x16, :lo12:vz_sandbox_syscall]\n\t"
        "cbz x16, 2f\n\t"
        "br x16\n"
        "2:\n\t"
        "stp x29, x30, [sp, #-80]!\n\t"
        ".cfi_adjust_cfa_offset 80\n\t"
        ".cfi_rel_offset x29, 0\n\t"
        ".cfi_rel_offset x30, 8\n\t"
        "stp x0, x1, [sp, #16]\n\t"
        "stp x2, x3, [sp, #32]\n\t"
        "stp x4, x5, [sp, #48]\n\t"
        "str x6, [sp, #64]\n\t"
        "bl vz_sandbox_find_syscall\n\t"
        "ldp x0, x1, [sp, #16]\n\t"
        "ldp x2, x3, [sp, #32]\n\t"
        "ldp x4, x5, [sp, #48]\n\t"
        "ldr x6, [sp, #64]\n\t"
        "ldp x29, x30, [sp], #80\n\t"
        ".cfi_adjust_cfa_offset -80\n\t"
        ".cfi_restore x29\n\t"
        ".cfi_restore x30\n\t"
        "b 1b\n\t"
        ".cfi_endproc\n\t"
        ".size syscall, . - syscall\n");
