/* The start of a walk with all registers. */
#include "unwind_step.h"

enum { OWN_FRAMES = 32 }; /* between its start and the hook's caller, at most */

bool vz_registers_leave(struct vz_registers *registers, struct vz_context from, struct vz_stack *stack)
{
    bool fixed;
    for (unsigned n = 0; n < OWN_FRAMES; n++) {
        if (registers->value[VZ_COLUMN_SP] == from.sp && registers->value[VZ_COLUMN_PC] == from.pc)
            return true;
        if (vz_registers_step(registers, stack, &fixed) != VZ_STEP_CALLER)
            return false;
    }
    return false;
}
