/* Code of 32-bit ARM. Source: the kernel's arch/arm/include/uapi/asm/sigcontext.h and arch/arm/kernel/signal.c. */
#include "record/unwind_code.h"

#include <string.h>

#include "record/modules.h"
#include "record/sys.h"
#include "record/unwind_stack.h"
#include "unwind_machine.h"

/* Where handlers return to: mov r7, #number; svc, as ARM or Thumb. The number may stand in the svc too. */
#define ARM_MOV 0xe3a07000u
#define ARM_SVC 0xef000000u
#define THUMB_MOV_SVC 0xdf002700u
#define THUMB_WIDE_MOV 0x0700f04fu
#define THUMB_SVC 0xdf00u
#define ARM_NOP 0xe320f000u /* as Thumb it would be half a call */

enum { EXIT = 1, SIGRETURN = 119, RT_SIGRETURN = 173 };
enum { OLD_REGISTERS = 32, RT_REGISTERS = 160 }; /* r0 to pc, in struct sigframe and struct rt_sigframe */

static uint32_t word_at(uintptr_t pc)
{
    uint32_t value;
    memcpy(&value, (const void *)pc, sizeof value); /* Thumb code is aligned to 2 bytes only */
    return value;
}

/* bl or blx, as Thumb or ARM. */
bool vz_machine_follows_call(const struct vz_module *module, uintptr_t pc)
{
    if (pc - module->start < 4)
        return true;
    const uint32_t before = word_at(pc - 4), low = before & 0xffff, high = before >> 16;
    const bool thumb = ((low & 0xf800) == 0xf000 && (high & 0xc000) == 0xc000) || (high & 0xff87) == 0x4780;
    const bool arm = pc % 4 == 0 && ((before & 0x0f000000) == 0x0b000000 || (before & 0xfe000000) == 0xfa000000 ||
                                     (before & 0x0ffffff0) == 0x012fff30);
    return (thumb || arm) && before != ARM_NOP;
}

/* The number of the system call that the code at pc makes, or 0. */
static uint32_t call_number(const struct vz_module *module, uintptr_t pc)
{
    const uintptr_t last = (pc & ~(uintptr_t)3) + 4;
    const bool is_code = module ? module->end - pc > 8 : vz_sys_readable(last - 4) && vz_sys_readable(last);
    if (!is_code)
        return 0;
    const uint32_t first = word_at(pc);
    if ((first & 0xff00ff00u) == THUMB_MOV_SVC)
        return first & 0xff;
    if ((first & 0xff00ffffu) == THUMB_WIDE_MOV && (word_at(pc + 4) & 0xffff) == THUMB_SVC)
        return first >> 16 & 0xff;
    return (first & 0xffffff00u) == ARM_MOV && pc % 4 == 0 && (word_at(pc + 4) & 0xff000000u) == ARM_SVC ? first & 0xff
                                                                                                         : 0;
}

bool vz_machine_is_sigreturn(const struct vz_module *module, uintptr_t pc)
{
    const uint32_t number = call_number(module, pc);
    return number == SIGRETURN || number == RT_SIGRETURN;
}

/* As where a thread's function returns to, in clone. */
bool vz_machine_exits(const struct vz_module *module, uintptr_t pc) { return call_number(module, pc) == EXIT; }

bool vz_machine_leave_signal(uintptr_t *value, struct vz_stack *stack)
{
    const bool is_old = call_number(vz_modules_find(value[VZ_COLUMN_PC]), value[VZ_COLUMN_PC]) == SIGRETURN;
    const uintptr_t frame = value[VZ_COLUMN_SP] + (is_old ? OLD_REGISTERS : RT_REGISTERS);
    for (unsigned i = 0; i < VZ_CFI_COLUMNS; i++)
        if (!vz_stack_load(stack, frame + i * sizeof(uintptr_t), &value[i]))
            return false;
    return true;
}
