/* Odd frames of RISC-V. */
#include "../odd_frames.h"

__asm__(".text\n.balign 4\n.type call_on_another, @function\n.globl call_on_another\n"
        "call_on_another:\n.cfi_startproc\n"
        "addi sp, sp, -16\n.cfi_adjust_cfa_offset 16\n"
        "sd ra, 8(sp)\n.cfi_offset ra, -8\n"
        "sd s1, 0(sp)\n.cfi_offset s1, -16\n"
        "mv s1, sp\n.cfi_def_cfa_register s1\n"
        "addi sp, sp, -64\n"
        "andi sp, sp, -64\n"
        "jalr a0\n"
        "mv sp, s1\n.cfi_def_cfa_register sp\n"
        "ld ra, 8(sp)\n"
        "ld s1, 0(sp)\n"
        "addi sp, sp, 16\n.cfi_adjust_cfa_offset -16\n"
        "ret\n.cfi_endproc\n.size call_on_another, . - call_on_another\n");

__asm__(".text\n.balign 4\n.type call_on_stack, @function\n.globl call_on_stack\n"
        "call_on_stack:\n.cfi_startproc\n"
        "addi sp, sp, -16\n.cfi_adjust_cfa_offset 16\n"
        "sd ra, 8(sp)\n.cfi_offset ra, -8\n"
        "sd s0, 0(sp)\n.cfi_offset s0, -16\n"
        "addi s0, sp, 16\n.cfi_def_cfa s0, 0\n"
        "mv sp, a1\n"
        "jalr a0\n"
        "addi sp, s0, -16\n.cfi_def_cfa sp, 16\n"
        "ld ra, 8(sp)\n"
        "ld s0, 0(sp)\n"
        "addi sp, sp, 16\n.cfi_adjust_cfa_offset -16\n"
        "ret\n.cfi_endproc\n.size call_on_stack, . - call_on_stack\n");

/* addi sp, sp, -16; sd ra, 8(sp); sd s0, 0(sp); addi s0, sp, 16; jalr a0; ld ra, 8(sp); ld s0, 0(sp); addi sp, sp, 16; ret:
 * compressed where that is possible. */
const unsigned char framed[ODD_CODE_BYTES] = {0x41, 0x11, 0x06, 0xe4, 0x22, 0xe0, 0x00, 0x08, 0x02,
                                              0x95, 0xa2, 0x60, 0x02, 0x64, 0x41, 0x01, 0x82, 0x80};
/* The same with li s0, 7 for the addi s0, sp, 16. */
const unsigned char frameless[ODD_CODE_BYTES] = {0x41, 0x11, 0x06, 0xe4, 0x22, 0xe0, 0x1d, 0x44, 0x02,
                                                 0x95, 0xa2, 0x60, 0x02, 0x64, 0x41, 0x01, 0x82, 0x80};
