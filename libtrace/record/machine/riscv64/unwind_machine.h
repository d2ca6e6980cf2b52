/* What the unwinder knows of 64-bit RISC-V. Source: RISC-V ABIs specification 1.0, "DWARF register numbers". */
#ifndef VZ_UNWIND_MACHINE_H
#define VZ_UNWIND_MACHINE_H

#include <elf.h>
#include <stdint.h>

enum { VZ_CFI_COLUMNS = 33, VZ_COLUMN_FP = 8, VZ_COLUMN_SP = 2, VZ_COLUMN_PC = 32, VZ_COLUMN_RETURN = 1 };
enum { VZ_MACHINE_UNWIND_SEGMENT = PT_GNU_EH_FRAME };
enum { VZ_MACHINE_CHAIN_WORDS = 0 };    /* fp is the caller's sp */
enum { VZ_MACHINE_LEAST_STACK = 3328 }; /* what a walk may need (measured: 2.6 KiB) */

/* A return address without what a machine mixes into it. */
static inline uintptr_t vz_machine_code_address(uintptr_t pc) { return pc; }

/* What stands in the slot from which this return address was read. */
static inline uintptr_t vz_machine_saved_pc(uintptr_t slot, uintptr_t pc)
{
    (void)slot;
    return pc;
}

/* The registers that a callee preserves, ra, sp and pc, as they are here. */
static inline __attribute__((always_inline)) void vz_machine_capture(uintptr_t value[VZ_CFI_COLUMNS])
{
    __asm__ volatile("sd ra, 8(%0)\n\t"
                     "sd sp, 16(%0)\n\t"
                     "sd s0, 64(%0)\n\t"
                     "sd s1, 72(%0)\n\t"
                     "sd s2, 144(%0)\n\t"
                     "sd s3, 152(%0)\n\t"
                     "sd s4, 160(%0)\n\t"
                     "sd s5, 168(%0)\n\t"
                     "sd s6, 176(%0)\n\t"
                     "sd s7, 184(%0)\n\t"
                     "sd s8, 192(%0)\n\t"
                     "sd s9, 200(%0)\n\t"
                     "sd s10, 208(%0)\n\t"
                     "sd s11, 216(%0)\n\t"
                     "lla t0, 0f\n"
                     "0:\n\t"
                     "sd t0, 256(%0)"
                     :
                     : "r"(value)
                     : "t0", "memory");
}

#endif
