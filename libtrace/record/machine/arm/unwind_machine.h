/* What the unwinder knows of 32-bit ARM. Source: Exception Handling ABI for the Arm Architecture (EHABI, IHI 0038).
 *
 * There are no rules: each walk is made with all registers. r7 or r11 is the frame pointer, or neither.
 */
#ifndef VZ_UNWIND_MACHINE_H
#define VZ_UNWIND_MACHINE_H

#include <elf.h>
#include <stdint.h>

enum { VZ_CFI_COLUMNS = 16, VZ_COLUMN_FP = 11, VZ_COLUMN_SP = 13, VZ_COLUMN_RETURN = 14, VZ_COLUMN_PC = 15 };
enum { VZ_MACHINE_UNWIND_SEGMENT = PT_ARM_EXIDX };
enum { VZ_MACHINE_LEAST_STACK = 2048 }; /* what a walk may need */

/* A return address without the bit that says Thumb. */
static inline uintptr_t vz_machine_code_address(uintptr_t pc) { return pc & ~(uintptr_t)1; }

/* What stands in the slot from which this return address was read. */
static inline uintptr_t vz_machine_saved_pc(uintptr_t slot, uintptr_t pc)
{
    (void)pc;
    return *(const uintptr_t *)slot;
}

/* The registers that a callee preserves, lr, sp and pc, as they are here. */
static inline __attribute__((always_inline)) void vz_machine_capture(uintptr_t value[VZ_CFI_COLUMNS])
{
    __asm__ volatile("str r4, [%0, #16]\n\t"
                     "str r5, [%0, #20]\n\t"
                     "str r6, [%0, #24]\n\t"
                     "str r7, [%0, #28]\n\t"
                     "str r8, [%0, #32]\n\t"
                     "str r9, [%0, #36]\n\t"
                     "str r10, [%0, #40]\n\t"
                     "str r11, [%0, #44]\n\t"
                     "mov r12, sp\n\t"
                     "str r12, [%0, #52]\n\t"
                     "str lr, [%0, #56]\n\t"
                     "mov r12, pc\n\t"
                     "str r12, [%0, #60]"
                     :
                     : "r"(value)
                     : "r12", "memory");
}

#endif
