/* Code of 64-bit ARM. Sources: Arm's architecture reference manual (DDI 0487), C4.1; the kernel's
 * arch/arm64/include/uapi/asm/sigcontext.h and arch/arm64/kernel/signal.c. */
#include "record/unwind_code.h"

#include "record/lookup.h"
#include "record/modules.h"
#include "record/sys.h"
#include "record/unwind_stack.h"
#include "unwind_machine.h"

enum { SIGRETURN_MOV = 0xd2801168 /* mov x8, #139 */ };
#define SIGRETURN_SVC 0xd4000001u /* svc #0 */
#define NOP 0xd503201fu
#define BL 0x94000000u /* the distance stands in the low 26 bits */

/* struct rt_sigframe: x0 to x30, sp and pc of uc_mcontext. */
enum { FRAME_REGISTERS = 312 };

static uint32_t instruction(uintptr_t pc) { return *(const uint32_t *)pc; }

/* bl, blr, and the forms of blr that authenticate. */
bool vz_machine_follows_call(const struct vz_module *module, uintptr_t pc)
{
    if (pc - module->start < 4 || pc % 4)
        return true;
    const uint32_t before = instruction(pc - 4);
    return (before & 0xfc000000u) == BL || (before & 0xfefff000u) == 0xd63f0000u;
}

/* bl exit, or pthread_exit: the result of what returns here is where their argument goes. */
bool vz_machine_exits(const struct vz_module *module, uintptr_t pc)
{
    (void)module; /* it may have gaps */
    if (pc % 4 || !vz_sys_readable(pc) || (instruction(pc) & 0xfc000000u) != BL)
        return false;
    const intptr_t words = (int32_t)(instruction(pc) << 6) >> 6;
    const void *called = (const void *)(pc + (uintptr_t)(words * 4));
    return called == vz_lookup_any("exit") || called == vz_lookup_any("pthread_exit");
}

bool vz_machine_follows_nop(uintptr_t pc) { return pc % 4 == 0 && instruction(pc - 4) == NOP; }

/* In the vDSO, in musl, or on a page of an emulator's. */
bool vz_machine_is_sigreturn(const struct vz_module *module, uintptr_t pc)
{
    (void)module; /* it may have gaps */
    return pc % 4 == 0 && vz_sys_readable(pc) && vz_sys_readable(pc + 4) &&
           instruction(pc) == (uint32_t)SIGRETURN_MOV && instruction(pc + 4) == SIGRETURN_SVC;
}

bool vz_machine_leave_signal(uintptr_t *value, struct vz_stack *stack)
{
    const uintptr_t frame = value[VZ_COLUMN_SP] + FRAME_REGISTERS;
    for (unsigned i = 0; i < VZ_CFI_COLUMNS; i++)
        if (!vz_stack_load(stack, frame + i * sizeof(uintptr_t), &value[i]))
            return false;
    return true;
}
