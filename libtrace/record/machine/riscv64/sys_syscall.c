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
        ".type syscall, @function\n"
        "syscall:\n\t"
        ".cfi_startproc\n\t"
        "li t0, 277\n\t"
        "bne a0, t0, 1f\n\t"
        "tail vz_sandbox_seccomp\n"
        "1:\n\t"
        "lla t0, vz_sandbox_syscall\n\t"
        "ld t0, 0(t0)\n\t"
        "beqz t0, 2f\n\t"
        "jr t0\n"
        "2:\n\t"
        "addi sp, sp, -64\n\t"
        ".cfi_adjust_cfa_offset 64\n\t"
        "sd ra, 56(sp)\n\t"
        ".cfi_rel_offset ra, 56\n\t"
        "sd a0, 0(sp)\n\t"
        "sd a1, 8(sp)\n\t"
        "sd a2, 16(sp)\n\t"
        "sd a3, 24(sp)\n\t"
        "sd a4, 32(sp)\n\t"
        "sd a5, 40(sp)\n\t"
        "sd a6, 48(sp)\n\t"
        "call vz_sandbox_find_syscall\n\t"
        "ld a0, 0(sp)\n\t"
        "ld a1, 8(sp)\n\t"
        "ld a2, 16(sp)\n\t"
        "ld a3, 24(sp)\n\t"
        "ld a4, 32(sp)\n\t"
        "ld a5, 40(sp)\n\t"
        "ld a6, 48(sp)\n\t"
        "ld ra, 56(sp)\n\t"
        ".cfi_restore ra\n\t"
        "addi sp, sp, 64\n\t"
        ".cfi_adjust_cfa_offset -64\n\t"
        "j 1b\n\t"
        ".cfi_endproc\n\t"
        ".size syscall, . - syscall\n");
