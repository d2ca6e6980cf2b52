/* Odd frames of x86-64. */
#include "../odd_frames.h"

__asm__(".text\n.type call_on_another, @function\n.globl call_on_another\n"
        "call_on_another:\n.cfi_startproc\n"
        "push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_offset rbx, -16\n"
        "mov %rsp, %rbx\n.cfi_def_cfa_register rbx\n"
        "and $-64, %rsp\n"
        "call *%rdi\n"
        "mov %rbx, %rsp\n.cfi_def_cfa_register rsp\n"
        "pop %rbx\n.cfi_adjust_cfa_offset -8\n"
        "ret\n.cfi_endproc\n.size call_on_another, . - call_on_another\n");

__asm__(".text\n.type call_on_stack, @function\n.globl call_on_stack\n"
        "call_on_stack:\n.cfi_startproc\n"
        "push %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_offset rbp, -16\n"
        "mov %rsp, %rbp\n.cfi_def_cfa_register rbp\n"
        "mov %rsi, %rsp\n"
        "call *%rdi\n"
        "mov %rbp, %rsp\n"
        "pop %rbp\n.cfi_def_cfa rsp, 8\n"
        "ret\n.cfi_endproc\n.size call_on_stack, . - call_on_stack\n");

/* push rbp; mov rbp, rsp; call rdi; pop rbp; ret. */
const unsigned char framed[ODD_CODE_BYTES] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
/* push rbp; mov ebp, 7; call rdi; pop rbp; ret. */
const unsigned char frameless[ODD_CODE_BYTES] = {0x55, 0xbd, 7, 0, 0, 0, 0xff, 0xd7, 0x5d, 0xc3};
