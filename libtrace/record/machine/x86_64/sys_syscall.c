/* The hook of syscall(2): a jump to the real one, but for seccomp(2). It may be a clone whose child goes on from here
 * on another stack, so nothing may lie on this one.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>

#include "record/sandbox.h"

_Static_assert(SYS_seccomp == 317, "as below");

__asm__(".text\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        "syscall:\n\t"
        ".cfi_startproc\n\t"
        "cmpl $317, %edi\n\t"
        "je vz_sandbox_seccomp\n\t"
        "movq vz_sandbox_syscall(%rip), %rax\n\t"
        "testq %rax, %rax\n\t"
        "je 1f\n\t"
        "jmp *%rax\n"
        "1:\n\t"
        "pushq %rdi\n\t"
        "pushq %rsi\n\t"
        "pushq %rdx\n\t"
        "pushq %rcx\n\t"
        "pushq %r8\n\t"
        "pushq %r9\n\t"
        "subq $8, %rsp\n\t"
        ".cfi_adjust_cfa_offset 56\n\t"
        "call vz_sandbox_find_syscall\n\t"
        "addq $8, %rsp\n\t"
        "popq %r9\n\t"
        "popq %r8\n\t"
        "popq %rcx\n\t"
        "popq %rdx\n\t"
        "popq %rsi\n\t"
        "popq %rdi\n\t"
        ".cfi_adjust_cfa_offset -56\n\t"
        "jmp syscall\n\t"
        ".cfi_endproc\n\t"
        ".size syscall, . - syscall\n");
