/* Rules from FDEs, and the full-register step by them. Source: DWARF 5 section 6.4. */
#define _GNU_SOURCE /* link.h: ElfW */
#include "unwind_step.h"

#include <link.h>
#include <string.h>

#include "sys.h"
#include "unwind_code.h"

enum { OP_DEREF = 0x06, OP_BREG_FP = 0x70 + VZ_COLUMN_FP };

#define LARGEST_FRAME ((uintptr_t)1 << 20) /* of code without unwind data: plausible, no more */
/* What a direct call can span; on 32 bits half of all there is. */
#define JIT_REACH ((uintptr_t)1 << (sizeof(uintptr_t) > 4 ? 31 : 30))
#define ENTRY_BYTES 128 /* of a module's entry routine, at most */

/* The convention of frame pointers: where they point, in words below the caller's sp; the return address is next to it. */
static uint32_t chain_rule(void) { return VZ_RULE_CHAIN | vz_rule_pack(VZ_MACHINE_CHAIN_WORDS, 1, 2); }

/* Not inlined: what it needs is gone from the stack when expressions are evaluated. */
static __attribute__((noinline)) bool find_row(const struct vz_module *module, uintptr_t pc, struct vz_cfi_row *row,
                                               bool *signal_frame)
{
    struct vz_fde fde;
    if (!vz_fde_find(module, pc, &fde) || fde.return_column != VZ_COLUMN_RETURN ||
        !vz_cfi_row_of(module, &fde, pc, row))
        return false;
    *signal_frame = fde.signal_frame;
    return true;
}

/* ---- rules ------------------------------------------------------------------------------------------------------- */

/* The N of "fp + N", followed by a load if `loaded`: the forms in which gcc describes realigned frames. */
static bool is_fp_offset(struct vz_cursor expression, bool loaded, int64_t *offset)
{
    if (vz_cursor_byte(&expression) != OP_BREG_FP)
        return false;
    *offset = vz_cursor_sleb(&expression);
    if (loaded && vz_cursor_byte(&expression) != OP_DEREF)
        return false;
    return !expression.bad && expression.at == expression.end;
}

static uint32_t pack(enum vz_rule_kind kind, int64_t offset, int64_t pc_words, int64_t fp_words)
{
    const uint32_t packed = offset % VZ_WORD == 0 ? vz_rule_pack(offset / VZ_WORD, pc_words, fp_words) : 0;
    return packed ? (uint32_t)kind | packed : (uint32_t)VZ_RULE_FULL;
}

static uint32_t pack_realigned(const struct vz_module *module, const struct vz_cfi_row *row, int64_t pc_words)
{
    int64_t offset, fp_offset;
    if (vz_cfi_how(row, VZ_COLUMN_FP) != VZ_CFI_EXPRESSION ||
        !is_fp_offset(vz_cfi_expression(module, row->cfa_value), true, &offset) ||
        !is_fp_offset(vz_cfi_expression(module, vz_cfi_value(row, VZ_COLUMN_FP)), false, &fp_offset) || fp_offset != 0)
        return VZ_RULE_FULL;
    return pack(VZ_RULE_FP_LOAD, offset, pc_words, pc_words + 1);
}

/* How many words below the CFA a column is saved: 0 if it is kept or lost, -1 if it is elsewhere. */
static int64_t words_below_cfa(const struct vz_cfi_row *row, unsigned column)
{
    const enum vz_cfi_how how = vz_cfi_how(row, column);
    const int32_t value = vz_cfi_value(row, column);
    if (how == VZ_CFI_SAME || how == VZ_CFI_UNDEFINED)
        return 0;
    return how == VZ_CFI_OFFSET && value < 0 && value % VZ_WORD == 0 ? -value / VZ_WORD : -1;
}

static uint32_t pack_row(const struct vz_module *module, const struct vz_cfi_row *row)
{
    if (vz_cfi_how(row, VZ_COLUMN_RETURN) == VZ_CFI_UNDEFINED)
        return VZ_RULE_OUTERMOST;
    const int64_t pc_words = words_below_cfa(row, VZ_COLUMN_RETURN);
    if (pc_words <= 0 || vz_cfi_how(row, VZ_COLUMN_SP) != VZ_CFI_SAME)
        return VZ_RULE_FULL;
    if (row->cfa_is_expression)
        return pack_realigned(module, row, pc_words);
    const int64_t fp_words = words_below_cfa(row, VZ_COLUMN_FP);
    if (row->cfa_register == VZ_COLUMN_SP)
        return pack(VZ_RULE_SP, row->cfa_value, pc_words, fp_words);
    return row->cfa_register == VZ_COLUMN_FP ? pack(VZ_RULE_FP, row->cfa_value, pc_words, fp_words)
                                             : (uint32_t)VZ_RULE_FULL;
}

/* Whether pc lies in the routine at which the kernel starts the module. ld.so's calls the constructors of what is
 * loaded at start, and has no unwind data. */
static bool is_in_entry(const struct vz_module *module, uintptr_t pc)
{
    const ElfW(Ehdr) *header = (const void *)module->start;
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && pc - (module->bias + header->e_entry) < ENTRY_BYTES;
}

/* A module's code without an FDE has no caller in the entry routine, and where nothing can have been called from: such
 * a return address was put there by hand, as makecontext and its like do, to start a stack. Else it may keep a frame
 * pointer instead, as Go's and V8's own code does.
 */
static bool has_no_caller(const struct vz_module *module, uintptr_t pc)
{
    return is_in_entry(module, pc) || !vz_machine_follows_call(module, pc) || vz_machine_exits(module, pc);
}

uint32_t vz_rule_compile(const struct vz_module *module, uintptr_t pc)
{
    struct vz_cfi_row row;
    bool signal_frame;
    const uint32_t fixed = module && module->fixed ? VZ_RULE_FIXED : 0;
    if (module && find_row(module, pc - 1, &row, &signal_frame))
        return (signal_frame ? (uint32_t)VZ_RULE_FULL : pack_row(module, &row)) | fixed;
    if (vz_machine_is_sigreturn(module, pc))
        return VZ_RULE_FULL | fixed;
    return (module && has_no_caller(module, pc) ? (uint32_t)VZ_RULE_OUTERMOST : chain_rule()) | fixed;
}

/* ---- the full-register step
 * ------------------------------------------------------------------------------------------ */

static bool find_cfa(const struct vz_module *module, const struct vz_cfi_row *row, const uintptr_t *registers,
                     struct vz_stack *stack, uintptr_t *cfa)
{
    if (row->cfa_is_expression)
        return vz_cfi_evaluate(vz_cfi_expression(module, row->cfa_value), registers, NULL, stack, cfa);
    *cfa = registers[row->cfa_register] + (uintptr_t)(intptr_t)row->cfa_value;
    return true;
}

/* One column of the caller, from the callee's registers. */
static bool find_register(const struct vz_module *module, const struct vz_cfi_row *row, unsigned column,
                          const uintptr_t *registers, uintptr_t cfa, struct vz_stack *stack, uintptr_t *result)
{
    const uintptr_t offset = (uintptr_t)(intptr_t)vz_cfi_value(row, column);
    uintptr_t address;
    switch (vz_cfi_how(row, column)) {
    case VZ_CFI_OFFSET:
        return vz_stack_load(stack, cfa + offset, result);
    case VZ_CFI_VALUE_OFFSET:
        *result = cfa + offset;
        return true;
    case VZ_CFI_REGISTER:
        *result = offset < VZ_CFI_COLUMNS ? registers[offset] : 0;
        return offset < VZ_CFI_COLUMNS;
    case VZ_CFI_EXPRESSION:
        return vz_cfi_evaluate(vz_cfi_expression(module, vz_cfi_value(row, column)), registers, &cfa, stack,
                               &address) &&
               vz_stack_load(stack, address, result);
    case VZ_CFI_VALUE_EXPRESSION:
        return vz_cfi_evaluate(vz_cfi_expression(module, vz_cfi_value(row, column)), registers, &cfa, stack, result);
    default: /* same, and undefined: what is lost is not asked for again */
        *result = column == VZ_COLUMN_SP ? cfa : registers[column];
        return true;
    }
}

/* Whether pc, which is only a guess, is a return address of this module. */
static bool is_return_address(const struct vz_module *module, uintptr_t pc)
{
    return pc - module->start >= 8 && vz_sys_readable((pc - 8) & ~(uintptr_t)3) &&
           vz_sys_readable(pc & ~(uintptr_t)3) && !is_in_entry(module, pc) &&
           (vz_machine_follows_call(module, pc) || vz_machine_follows_nop(pc));
}

bool vz_rule_step_chain(struct vz_context *frame, struct vz_stack *stack)
{
    const uintptr_t pc = frame->pc;
    const bool is_near = frame->fp >= frame->sp && frame->fp - frame->sp <= LARGEST_FRAME;
    if (!vz_rule_step(chain_rule(), frame, stack))
        return false;
    const struct vz_module *module = frame->pc ? vz_modules_find(frame->pc - 1) : NULL;
    if (module)
        return is_return_address(module, frame->pc);
    return is_near && (!frame->pc || frame->pc - pc + JIT_REACH < 2 * JIT_REACH);
}

static enum vz_step step_by_chain(struct vz_registers *registers, struct vz_stack *stack)
{
    struct vz_context frame = {registers->value[VZ_COLUMN_PC], registers->value[VZ_COLUMN_SP],
                               registers->value[VZ_COLUMN_FP]};
    if (!vz_rule_step_chain(&frame, stack))
        return VZ_STEP_GAP;
    registers->value[VZ_COLUMN_PC] = frame.pc;
    registers->value[VZ_COLUMN_SP] = frame.sp;
    registers->value[VZ_COLUMN_FP] = frame.fp;
    registers->interrupted = false;
    return frame.pc ? VZ_STEP_CALLER : VZ_STEP_OUTERMOST;
}

/* By what is known without an FDE. */
static enum vz_step step_without(struct vz_registers *registers, const struct vz_module *module, struct vz_stack *stack)
{
    const uintptr_t pc = registers->value[VZ_COLUMN_PC];
    if (registers->interrupted)
        return VZ_STEP_GAP;
    if (vz_machine_is_sigreturn(module, pc)) {
        registers->interrupted = true;
        return vz_machine_leave_signal(registers->value, stack) ? VZ_STEP_CALLER : VZ_STEP_GAP;
    }
    return module && has_no_caller(module, pc) ? VZ_STEP_OUTERMOST : step_by_chain(registers, stack);
}

enum vz_step vz_registers_step(struct vz_registers *registers, struct vz_stack *stack, bool *fixed)
{
    const uintptr_t pc = registers->value[VZ_COLUMN_PC] - !registers->interrupted;
    const struct vz_module *module = vz_modules_find(pc);
    struct vz_cfi_row row;
    bool signal_frame;
    uintptr_t cfa;
    *fixed = module && module->fixed;
    if (!module || !find_row(module, pc, &row, &signal_frame))
        return step_without(registers, module, stack);
    if (vz_cfi_how(&row, VZ_COLUMN_RETURN) == VZ_CFI_UNDEFINED)
        return VZ_STEP_OUTERMOST;
    if (!find_cfa(module, &row, registers->value, stack, &cfa))
        return VZ_STEP_GAP;
    const struct vz_registers callee = *registers;
    for (unsigned i = 0; i < VZ_CFI_COLUMNS; i++)
        if (!find_register(module, &row, i, callee.value, cfa, stack, &registers->value[i]))
            return VZ_STEP_GAP;
    registers->value[VZ_COLUMN_PC] = vz_machine_code_address(registers->value[VZ_COLUMN_RETURN]);
    registers->interrupted = signal_frame;
    if (registers->value[VZ_COLUMN_PC] == callee.value[VZ_COLUMN_PC] && cfa == callee.value[VZ_COLUMN_SP])
        return VZ_STEP_GAP; /* goes nowhere: its return address was not saved */
    return registers->value[VZ_COLUMN_PC] ? VZ_STEP_CALLER : VZ_STEP_OUTERMOST;
}
