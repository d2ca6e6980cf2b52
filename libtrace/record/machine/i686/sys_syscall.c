/* The hook of syscall(2): a jump to the real one, but for seccomp(2). It may be a clone whose child goes on from here
 * on another stack, so nothing may lie on this one.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>

#include "record/sandbox.h"

_Static_assert(SYS_seccomp == 354, "as below");

__asm__(".text\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        "syscall:\n\t"
        ".cfi_startproc\n\t"
        "cmpl $354, 4(%esp)\n\t"
        "je vz_sandbox_seccomp\n\t"
        "call 1f\n"
        "1:\n\t"
        ".cfi_adjust_cfa_offset 4\n\t"
        "popl %eax\n\t"
        ".cfi_adjust_cfa_offset -4\n\t"
        "addl $_GLOBAL_OFFSET_TABLE_ + (. - 1b), %eax\n\t"
        "movl vz_sandbox_syscall@GOTOFF(%eax), %eax\n\t"
        "testl %eax, %eax\n\t"
        "je 2f\n\t"
        "jmp *%eax\n"
        "2:\n\t"
        "subl $12, %esp\n\t"
        ".cfi_adjust_cfa_offset 12\n\t"
        "call vz_sandbox_find_syscall\n\t"
        "addl $12, %esp\n\t"
        ".cfi_adjust_cfa_offset -12\n\t"
        "jmp syscall\n\t"
        ".cfi_endproc\n\t"
        ".size syscall, . - syscall\n");
