/* Code of RISC-V. Sources: the RISC-V instruction set manual, volume 1; the kernel's
 * arch/riscv/include/uapi/asm/ucontext.h and arch/riscv/kernel/signal.c. */
#include "record/unwind_code.h"

#include <string.h>

#include "record/modules.h"
#include "record/sys.h"
#include "record/unwind_stack.h"
#include "unwind_machine.h"

#define SIGRETURN_LI 0x08b00893u /* li a7, 139 */
#define SIGRETURN_ECALL 0x00000073u
#define NOP 0x00000013u
#define COMPRESSED_NOP 0x0001u

/* struct rt_sigframe: pc, then x1 to x31, of uc_mcontext. */
enum { FRAME_REGISTERS = 304, N_REGISTERS = 32 };

/* Instructions are aligned to 2 bytes only. */
static uint32_t instruction(uintptr_t pc)
{
    uint32_t value;
    memcpy(&value, (const void *)pc, sizeof value);
    return value;
}

/* jal or jalr that links to ra, or c.jalr. */
bool vz_machine_follows_call(const struct vz_module *module, uintptr_t pc)
{
    if (pc - module->start < 4 || pc % 2)
        return true;
    const uint32_t before = instruction(pc - 4), compressed = before >> 16;
    const uint32_t link = before & 0xfff;
    return link == 0x0ef || (link == 0x0e7 && (before & 0x7000) == 0) ||
           ((compressed & 0xf07f) == 0x9002 && (compressed & 0x0f80) != 0);
}

bool vz_machine_exits(const struct vz_module *module, uintptr_t pc)
{
    (void)module, (void)pc;
    return false;
}

bool vz_machine_follows_nop(uintptr_t pc)
{
    return pc % 2 == 0 && (instruction(pc - 4) == NOP || instruction(pc - 4) >> 16 == COMPRESSED_NOP);
}

/* In the vDSO, or on a page of an emulator's. */
bool vz_machine_is_sigreturn(const struct vz_module *module, uintptr_t pc)
{
    (void)module; /* it may have gaps */
    return pc % 4 == 0 && vz_sys_readable(pc) && vz_sys_readable(pc + 4) && instruction(pc) == SIGRETURN_LI &&
           instruction(pc + 4) == SIGRETURN_ECALL;
}

bool vz_machine_leave_signal(uintptr_t *value, struct vz_stack *stack)
{
    const uintptr_t frame = value[VZ_COLUMN_SP] + FRAME_REGISTERS;
    for (unsigned i = 1; i < N_REGISTERS; i++)
        if (!vz_stack_load(stack, frame + i * sizeof(uintptr_t), &value[i]))
            return false;
    return vz_stack_load(stack, frame, &value[VZ_COLUMN_PC]);
}
