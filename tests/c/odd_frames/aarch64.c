/* Odd frames of 64-bit ARM. */
#include "../odd_frames.h"

__asm__(".text\n.balign 4\n.type call_on_another, %function\n.globl call_on_another\n"
        "call_on_another:\n.cfi_startproc\n"
        "stp x19, x30, [sp, #-16]!\n.cfi_adjust_cfa_offset 16\n.cfi_offset x19, -16\n.cfi_offset x30, -8\n"
        "mov x19, sp\n.cfi_def_cfa_register x19\n"
        "sub x9, sp, #64\n"
        "and sp, x9, #-64\n"
        "blr x0\n"
        "mov sp, x19\n.cfi_def_cfa_register sp\n"
        "ldp x19, x30, [sp], #16\n.cfi_adjust_cfa_offset -16\n"
        "ret\n.cfi_endproc\n.size call_on_another, . - call_on_another\n");

__asm__(".text\n.balign 4\n.type call_on_stack, %function\n.globl call_on_stack\n"
        "call_on_stack:\n.cfi_startproc\n"
        "stp x29, x30, [sp, #-16]!\n.cfi_adjust_cfa_offset 16\n.cfi_offset x29, -16\n.cfi_offset x30, -8\n"
        "mov x29, sp\n.cfi_def_cfa_register x29\n"
        "mov sp, x1\n"
        "blr x0\n"
        "mov sp, x29\n.cfi_def_cfa_register sp\n"
        "ldp x29, x30, [sp], #16\n.cfi_adjust_cfa_offset -16\n"
        "ret\n.cfi_endproc\n.size call_on_stack, . - call_on_stack\n");

/* stp x29, x30, [sp, #-16]!; mov x29, sp; blr x0; ldp x29, x30, [sp], #16; ret. */
const unsigned char framed[ODD_CODE_BYTES] = {0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91, 0x00, 0x00,
                                              0x3f, 0xd6, 0xfd, 0x7b, 0xc1, 0xa8, 0xc0, 0x03, 0x5f, 0xd6};
/* stp x29, x30, [sp, #-16]!; mov x29, #7; blr x0; ldp x29, x30, [sp], #16; ret. */
const unsigned char frameless[ODD_CODE_BYTES] = {0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x00, 0x80, 0xd2, 0x00, 0x00,
                                                 0x3f, 0xd6, 0xfd, 0x7b, 0xc1, 0xa8, 0xc0, 0x03, 0x5f, 0xd6};
