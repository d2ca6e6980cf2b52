/* What the unwinder knows of x86-64. Source: System V ABI, AMD64 supplement, sections 3.6 and 3.7. */
#ifndef VZ_UNWIND_MACHINE_H
#define VZ_UNWIND_MACHINE_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>

enum { VZ_CFI_COLUMNS = 17, VZ_COLUMN_FP = 6, VZ_COLUMN_SP = 7, VZ_COLUMN_PC = 16, VZ_COLUMN_RETURN = 16 };
enum { VZ_MACHINE_UNWIND_SEGMENT = PT_GNU_EH_FRAME };
enum { VZ_MACHINE_CHAIN_WORDS = 2 };    /* between fp and the caller's sp */
enum { VZ_MACHINE_LEAST_STACK = 2048 }; /* what a walk may need (measured: 1.5 KiB) */

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
    __asm__ volatile("movq %%rbx, 24(%0)\n\t"
                     "movq %%rbp, 48(%0)\n\t"
                     "movq %%rsp, 56(%0)\n\t"
                     "movq %%r12, 96(%0)\n\t"
                     "movq %%r13, 104(%0)\n\t"
                     "movq %%r14, 112(%0)\n\t"
                     "movq %%r15, 120(%0)\n\t"
                     "leaq 0f(%%rip), %%rax\n"
                     "0:\n\t"
                     "movq %%rax, 128(%0)"
                     :
                     : "r"(value)
                     : "rax", "memory");
}

#endif
