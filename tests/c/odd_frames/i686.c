/* Odd frames of 32-bit x86. */
#include "../odd_frames.h"

__asm__(".text\n.type call_on_another, @function\n.globl call_on_another\n"
        "call_on_another:\n.cfi_startproc\n"
        "push %ebx\n.cfi_adjust_cfa_offset 4\n.cfi_offset ebx, -8\n"
        "mov %esp, %ebx\n.cfi_def_cfa_register ebx\n"
        "and $-64, %esp\n"
        "call *8(%ebx)\n"
        "mov %ebx, %esp\n.cfi_def_cfa_register esp\n"
        "pop %ebx\n.cfi_adjust_cfa_offset -4\n"
        "ret\n.cfi_endproc\n.size call_on_another, . - call_on_another\n");

__asm__(".text\n.type call_on_stack, @function\n.globl call_on_stack\n"
        "call_on_stack:\n.cfi_startproc\n"
        "push %ebp\n.cfi_adjust_cfa_offset 4\n.cfi_offset ebp, -8\n"
        "mov %esp, %ebp\n.cfi_def_cfa_register ebp\n"
        "mov 12(%ebp), %esp\n"
        "call *8(%ebp)\n"
        "mov %ebp, %esp\n"
        "pop %ebp\n.cfi_def_cfa esp, 4\n"
        "ret\n.cfi_endproc\n.size call_on_stack, . - call_on_stack\n");

/* push ebp; mov ebp, esp; call [ebp + 8]; pop ebp; ret, with the stack aligned in between. */
const unsigned char framed[ODD_CODE_BYTES] = {0x55, 0x89, 0xe5, 0x83, 0xec, 8, 0xff, 0x55, 8, 0xc9, 0xc3};
/* push ebp; mov ebp, 7; sub esp, 8; call [esp + 16]; add esp, 8; pop ebp; ret. */
const unsigned char frameless[ODD_CODE_BYTES] = {0x55, 0xbd, 7,    0,  0,    0,    0x83, 0xec, 8,
                                                 0xff, 0x54, 0x24, 16, 0x83, 0xc4, 8,    0x5d, 0xc3};
