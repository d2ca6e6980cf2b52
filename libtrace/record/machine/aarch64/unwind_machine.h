/* What the unwinder knows of 64-bit ARM. Source: DWARF for the Arm 64-bit Architecture (IHI 0057), section 4.1. */
#ifndef VZ_UNWIND_MACHINE_H
#define VZ_UNWIND_MACHINE_H

#include <elf.h>
#include <stdint.h>

enum { VZ_CFI_COLUMNS = 33, VZ_COLUMN_FP = 29, VZ_COLUMN_SP = 31, VZ_COLUMN_PC = 32, VZ_COLUMN_RETURN = 30 };
enum { VZ_MACHINE_UNWIND_SEGMENT = PT_GNU_EH_FRAME };
enum { VZ_MACHINE_CHAIN_WORDS = 2 };    /* between fp and the caller's sp, at least */
enum { VZ_MACHINE_LEAST_STACK = 3328 }; /* what a walk may need (measured: 2.6 KiB) */

/* A return address without its signature (pointer authentication), which would stand in bits that addresses don't use. */
static inline uintptr_t vz_machine_code_address(uintptr_t pc)
{
    register uintptr_t x30 __asm__("x30") = pc;
    __asm__("hint #7" : "+r"(x30)); /* xpaclri; nothing on processors that sign nothing */
    return x30;
}

/* What stands in the slot from which this return address was read. */
static inline uintptr_t vz_machine_saved_pc(uintptr_t slot, uintptr_t pc)
{
    (void)pc;
    return *(const uintptr_t *)slot;
}

/* The registers that a callee preserves, lr, sp and pc, as they are here. */
static inline __attribute__((always_inline)) void vz_machine_capture(uintptr_t value[VZ_CFI_COLUMNS])
{
    __asm__ volatile("stp x19, x20, [%0, #152]\n\t"
                     "stp x21, x22, [%0, #168]\n\t"
                     "stp x23, x24, [%0, #184]\n\t"
                     "stp x25, x26, [%0, #200]\n\t"
                     "stp x27, x28, [%0, #216]\n\t"
                     "stp x29, x30, [%0, #232]\n\t"
                     "mov x17, sp\n\t"
                     "adr x16, 0f\n"
                     "0:\n\t"
                     "stp x17, x16, [%0, #248]"
                     :
                     : "r"(value)
                     : "x16", "x17", "memory");
}

#endif
