/* Code of x86-64. Sources: Intel's manual, volume 2; the kernel's arch/x86/include/uapi/asm/sigcontext.h. */
#include "record/unwind_code.h"

#include <string.h>

#include "record/lookup.h"
#include "record/modules.h"
#include "record/unwind_stack.h"
#include "unwind_machine.h"

enum { NOP = 0x90, CALL = 0xe8 };

/* A signal frame: struct rt_sigframe without the return address, which the handler has popped. */
enum { FRAME_REGISTERS = 40 }; /* of ucontext.uc_mcontext: r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip */

/* E8 with a 32-bit distance, or FF /2 with any operand. */
bool vz_machine_follows_call(const struct vz_module *module, uintptr_t pc)
{
    const uint8_t *code = (const uint8_t *)pc;
    if (pc - module->start < 7)
        return true;
    bool indirect = false;
    for (unsigned bytes = 2; bytes <= 7; bytes++)
        indirect |= code[-(int)bytes] == 0xff && (code[1 - (int)bytes] & 0x38) == 0x10;
    return indirect || code[-5] == CALL;
}

/* mov %eax, %edi, or all 64 bits of them; call exit, or pthread_exit. */
bool vz_machine_exits(const struct vz_module *module, uintptr_t pc)
{
    static const uint8_t handing_on[] = {0x48, 0x89, 0xc7, CALL};
    const uint8_t *code = (const uint8_t *)pc;
    int32_t distance;
    if (module->end - pc < sizeof handing_on + sizeof distance)
        return false;
    const size_t skipped = code[0] != handing_on[0], bytes = sizeof handing_on - skipped;
    if (memcmp(code, handing_on + skipped, bytes) != 0)
        return false;
    memcpy(&distance, code + bytes, sizeof distance);
    const void *called = code + bytes + sizeof distance + distance;
    return called == vz_lookup_any("exit") || called == vz_lookup_any("pthread_exit");
}

bool vz_machine_follows_nop(uintptr_t pc) { return *(const uint8_t *)(pc - 1) == NOP; }

/* musl's has no unwind data: mov $15, %rax (in either length); syscall. */
bool vz_machine_is_sigreturn(const struct vz_module *module, uintptr_t pc)
{
    static const uint8_t wide[] = {0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05},
                         narrow[] = {0xb8, 15, 0, 0, 0, 0x0f, 0x05};
    return module && pc + sizeof wide <= module->end &&
           (memcmp((const void *)pc, wide, sizeof wide) == 0 || memcmp((const void *)pc, narrow, sizeof narrow) == 0);
}

bool vz_machine_leave_signal(uintptr_t *value, struct vz_stack *stack)
{
    static const uint8_t columns[] = {8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, VZ_COLUMN_PC};
    const uintptr_t frame = value[VZ_COLUMN_SP] + FRAME_REGISTERS;
    for (unsigned i = 0; i < sizeof columns; i++)
        if (!vz_stack_load(stack, frame + i * sizeof(uintptr_t), &value[columns[i]]))
            return false;
    return true;
}
