/* Stepping from a frame to its caller: by a rule, or with all registers.
 *
 * A rule is what an FDE says at one return address, for frames that need no more than sp, fp and two or three words
 * of the stack: nearly all. Its inputs are exactly the frame's pc, sp and fp, and those words; the memo relies on it.
 * What differs between machines is in machine/: columns and captured registers, how a rule is packed, what a call looks like.
 */
#ifndef VZ_UNWIND_STEP_H
#define VZ_UNWIND_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "unwind.h"
#include "unwind_cfi.h"
#include "unwind_layout.h"
#include "unwind_machine.h"
#include "unwind_stack.h"

enum vz_rule_kind {
    VZ_RULE_OUTERMOST = 1, /* has no caller */
    VZ_RULE_SP,            /* CFA = sp + offset */
    VZ_RULE_FP,            /* CFA = fp + offset */
    VZ_RULE_FP_LOAD,       /* CFA = word at fp + offset (realigned frames of gcc on x86); fp saved where fp points */
    VZ_RULE_FULL,          /* needs other registers or an expression: vz_registers_step */
    VZ_RULE_CHAIN          /* no unwind data: guess that fp leads to the saved fp, as it does with frame pointers */
};

enum { VZ_WORD = sizeof(uintptr_t), VZ_RULE_FIXED = 8 };

static inline enum vz_rule_kind vz_rule_kind(uint32_t rule) { return (enum vz_rule_kind)(rule & 7); }
static inline bool vz_rule_is_fixed(uint32_t rule) { return rule & VZ_RULE_FIXED; }
static inline intptr_t vz_rule_offset(uint32_t rule) { return (intptr_t)vz_rule_offset_words(rule) * VZ_WORD; }

static inline bool vz_rule_steps(uint32_t rule)
{
    return vz_rule_kind(rule) >= VZ_RULE_SP && vz_rule_kind(rule) != VZ_RULE_FULL;
}

/* Where the caller's state lies: the caller's sp is the CFA. Only for rules that step. */
static inline uintptr_t vz_rule_pc_slot(uint32_t rule, uintptr_t cfa) { return cfa - VZ_WORD * vz_rule_pc_words(rule); }

static inline uintptr_t vz_rule_fp_slot(uint32_t rule, const struct vz_context *frame, uintptr_t cfa)
{
    return vz_rule_kind(rule) == VZ_RULE_FP_LOAD ? frame->fp : cfa - VZ_WORD * vz_rule_fp_words(rule);
}

static inline uintptr_t vz_rule_cfa_slot(uint32_t rule, const struct vz_context *frame)
{
    return frame->fp + (uintptr_t)vz_rule_offset(rule);
}

/* Whether the rule itself looks at fp. */
static inline bool vz_rule_uses_fp(uint32_t rule)
{
    return vz_rule_kind(rule) == VZ_RULE_FP || vz_rule_kind(rule) == VZ_RULE_FP_LOAD ||
           vz_rule_kind(rule) == VZ_RULE_CHAIN;
}

/* From a frame to its caller, by a rule that steps and is no VZ_RULE_CHAIN. The caller's sp may be lower, when
 * the frame switched stacks. False: a word can't be read. */
static inline bool vz_rule_step(uint32_t rule, struct vz_context *frame, struct vz_stack *stack)
{
    struct vz_context caller = {.fp = frame->fp};
    if (vz_rule_kind(rule) == VZ_RULE_SP)
        caller.sp = frame->sp + (uintptr_t)vz_rule_offset(rule);
    else if (vz_rule_kind(rule) != VZ_RULE_FP_LOAD)
        caller.sp = frame->fp + (uintptr_t)vz_rule_offset(rule);
    else if (!vz_stack_load(stack, vz_rule_cfa_slot(rule, frame), &caller.sp))
        return false;
    if (!vz_stack_load(stack, vz_rule_pc_slot(rule, caller.sp), &caller.pc))
        return false;
    caller.pc = vz_machine_code_address(caller.pc);
    if (vz_rule_fp_words(rule) && !vz_stack_load(stack, vz_rule_fp_slot(rule, frame, caller.sp), &caller.fp))
        return false;
    *frame = caller;
    return true;
}

/* The same by VZ_RULE_CHAIN, a guess that must look right: it leads to an address behind a call in a module, be it on
 * another stack; or else fp is near above sp, and the address is near this pc, or 0, which ends the stack. In a hook.
 */
bool vz_rule_step_chain(struct vz_context *frame, struct vz_stack *stack);

/* The rule of a return address in this module (NULL: in none). In a hook. */
uint32_t vz_rule_compile(const struct vz_module *module, uintptr_t pc);

/* All registers of a frame, by DWARF column; VZ_COLUMN_PC is its pc. Those that no walk needs may be missing. */
struct vz_registers {
    uintptr_t value[VZ_CFI_COLUMNS];
    bool interrupted; /* pc was interrupted: it is not a return address */
};

/* The registers as they are here: in the function that contains this, at this place. */
static inline __attribute__((always_inline)) void vz_registers_capture(struct vz_registers *registers)
{
    registers->interrupted = true; /* as good as */
    vz_machine_capture(registers->value);
}

static inline struct vz_context vz_registers_context(const struct vz_registers *registers)
{
    return (struct vz_context){.pc = registers->value[VZ_COLUMN_PC],
                               .sp = registers->value[VZ_COLUMN_SP],
                               .fp = registers->value[VZ_COLUMN_FP]};
}

enum vz_step { VZ_STEP_CALLER, VZ_STEP_OUTERMOST, VZ_STEP_GAP };

/* From a frame to its caller, whatever its CFI says. *fixed: whether the frame's module was loaded at start. In a hook;
 * slow: evaluates the FDE. */
enum vz_step vz_registers_step(struct vz_registers *registers, struct vz_stack *stack, bool *fixed);

/* From the registers of our own function to those of the hook's caller: the frame `from`. False: it isn't met. In a
 * hook. */
bool vz_registers_leave(struct vz_registers *registers, struct vz_context from, struct vz_stack *stack);

#endif
