/* What the unwinder knows of 32-bit x86. Source: System V ABI, Intel386 supplement, version 1.1, section 2.4. */
#ifndef VZ_UNWIND_MACHINE_H
#define VZ_UNWIND_MACHINE_H

#include <elf.h>
#include <stdint.h>

enum { VZ_CFI_COLUMNS = 9, VZ_COLUMN_FP = 5, VZ_COLUMN_SP = 4, VZ_COLUMN_PC = 8, VZ_COLUMN_RETURN = 8 };
enum { VZ_MACHINE_UNWIND_SEGMENT = PT_GNU_EH_FRAME };
enum { VZ_MACHINE_CHAIN_WORDS = 2 };    /* between fp and the caller's sp */
enum { VZ_MACHINE_LEAST_STACK = 2048 }; /* what a walk may need */

/* A return address without what a machine mixes into it. */
static inline uintptr_t vz_machine_code_address(uintptr_t pc) { return pc; }

/* What stands in the slot from which this return address was read. */
static inline uintptr_t vz_machine_saved_pc(uintptr_t slot, uintptr_t pc)
{
    (void)slot;
    return pc;
}

/* The registers that a callee preserves, sp and pc, as they are here. */
static inline __attribute__((always_inline)) void vz_machine_capture(uintptr_t value[VZ_CFI_COLUMNS])
{
    __asm__ volatile("movl %%ebx, 12(%0)\n\t"
                     "movl %%esp, 16(%0)\n\t"
                     "movl %%ebp, 20(%0)\n\t"
                     "movl %%esi, 24(%0)\n\t"
                     "movl %%edi, 28(%0)\n\t"
                     "call 0f\n"
                     "0:\n\t"
                     "popl %%ecx\n\t"
                     "movl %%ecx, 32(%0)"
                     :
                     : "r"(value)
                     : "ecx", "memory");
}

#endif
