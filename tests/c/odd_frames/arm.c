/* Odd frames of 32-bit ARM, which calls no register a frame pointer. */
#include "../odd_frames.h"

__asm__(".text\n.syntax unified\n.arm\n.balign 4\n.type call_on_another, %function\n.globl call_on_another\n"
        "call_on_another:\n.fnstart\n"
        "push {r8, lr}\n.save {r8, lr}\n"
        "mov r8, sp\n.setfp r8, sp\n"
        "sub sp, sp, #64\n"
        "bic sp, sp, #63\n"
        "blx r0\n"
        "mov sp, r8\n"
        "pop {r8, pc}\n.fnend\n.size call_on_another, . - call_on_another\n");

__asm__(".text\n.syntax unified\n.arm\n.balign 4\n.type call_on_stack, %function\n.globl call_on_stack\n"
        "call_on_stack:\n.fnstart\n"
        "push {r11, lr}\n.save {r11, lr}\n"
        "mov r11, sp\n.setfp r11, sp\n"
        "mov sp, r1\n"
        "blx r0\n"
        "mov sp, r11\n"
        "pop {r11, pc}\n.fnend\n.size call_on_stack, . - call_on_stack\n");

const unsigned char framed[ODD_CODE_BYTES], frameless[ODD_CODE_BYTES];
