/* Code of 32-bit x86. Sources: Intel's manual, volume 2; the kernel's arch/x86/include/asm/sigframe.h. */
#include "record/unwind_code.h"

#include <string.h>

#include "record/modules.h"
#include "record/unwind_stack.h"
#include "unwind_machine.h"

enum { NOP = 0x90 };

/* Where handlers return to: popl %eax; movl $119, %eax; int $0x80, and movl $173, %eax; int $0x80. */
static const uint8_t OLD[] = {0x58, 0xb8, 119, 0, 0, 0, 0xcd, 0x80}, RT[] = {0xb8, 173, 0, 0, 0, 0xcd, 0x80};

/* struct sigcontext_32: words before edi, the first of the registers kept; and ucontext's before it. */
enum { OLD_CONTEXT = 4, RT_CONTEXT_POINTER = 8, UCONTEXT_HEAD = 20, CONTEXT_EDI = 16, CONTEXT_EIP = 56 };

/* E8 with a 32-bit distance, or FF /2 with any operand. */
bool vz_machine_follows_call(const struct vz_module *module, uintptr_t pc)
{
    const uint8_t *code = (const uint8_t *)pc;
    if (pc - module->start < 7)
        return true;
    bool indirect = false;
    for (unsigned bytes = 2; bytes <= 7; bytes++)
        indirect |= code[-(int)bytes] == 0xff && (code[1 - (int)bytes] & 0x38) == 0x10;
    return indirect || code[-5] == 0xe8;
}

bool vz_machine_exits(const struct vz_module *module, uintptr_t pc)
{
    (void)module, (void)pc;
    return false;
}

bool vz_machine_follows_nop(uintptr_t pc) { return *(const uint8_t *)(pc - 1) == NOP; }

static bool is_code(uintptr_t pc, const uint8_t *code, size_t bytes)
{
    return memcmp((const void *)pc, code, bytes) == 0;
}

/* glibc's own have no unwind data; those of the vDSO have, and need not be known here. */
bool vz_machine_is_sigreturn(const struct vz_module *module, uintptr_t pc)
{
    return module && pc + sizeof OLD <= module->end && (is_code(pc, OLD, sizeof OLD) || is_code(pc, RT, sizeof RT));
}

bool vz_machine_leave_signal(uintptr_t *value, struct vz_stack *stack)
{
    static const uint8_t columns[] = {7, 6, VZ_COLUMN_FP, VZ_COLUMN_SP, 3, 2,
                                      1, 0}; /* from edi on, as pusha has them */
    uintptr_t context = value[VZ_COLUMN_SP] + OLD_CONTEXT;
    if (is_code(value[VZ_COLUMN_PC], RT, sizeof RT)) {
        if (!vz_stack_load(stack, value[VZ_COLUMN_SP] + RT_CONTEXT_POINTER, &context))
            return false;
        context += UCONTEXT_HEAD;
    }
    for (unsigned i = 0; i < sizeof columns; i++)
        if (!vz_stack_load(stack, context + CONTEXT_EDI + i * sizeof(uintptr_t), &value[columns[i]]))
            return false;
    return vz_stack_load(stack, context + CONTEXT_EIP, &value[VZ_COLUMN_PC]);
}
