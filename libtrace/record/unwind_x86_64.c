/* Rules from FDEs, and the full-register step. Source: System V ABI, AMD64 supplement, sections 3.6 and 3.7. */
#define _GNU_SOURCE /* link.h: ElfW */
#include "unwind_x86_64.h"

#include <link.h>
#include <string.h>

#include "sys.h"

enum { OWN_FRAMES = 32 }; /* between a full walk's start and the hook's caller, at most */

enum { OP_DEREF = 0x06, OP_BREG_FP = 0x70 + VZ_COLUMN_FP };

#define LARGEST_FRAME ((uintptr_t)1 << 20) /* of code without unwind data: plausible, no more */
#define JIT_REACH ((uintptr_t)1 << 31)     /* what a direct call can span */
#define NOP 0x90        /* stands before the address to which a stack's first function returns, in Go */
#define ENTRY_BYTES 128 /* of a module's entry routine, at most */

static const uint32_t CHAIN = VZ_RULE_CHAIN | 2u << VZ_RULE_SAVED_SHIFT | 2u << VZ_RULE_OFFSET_SHIFT;

/* Not inlined: what it needs is gone from the stack when expressions are evaluated. */
static __attribute__((noinline)) bool find_row(const struct vz_module *module, uintptr_t pc, struct vz_cfi_row *row,
                                               bool *signal_frame)
{
    struct vz_fde fde;
    if (!vz_fde_find(module, pc, &fde) || fde.return_column != VZ_COLUMN_PC || !vz_cfi_row_of(module, &fde, pc, row))
        return false;
    *signal_frame = fde.signal_frame;
    return true;
}

/* ---- rules ------------------------------------------------------------------------------------------------------- */

/* The N of "rbp + N", followed by a load if `loaded`: the forms in which gcc describes realigned frames. */
static bool is_fp_offset(struct vz_cursor expression, bool loaded, int64_t *offset)
{
    if (vz_cursor_byte(&expression) != OP_BREG_FP)
        return false;
    *offset = vz_cursor_sleb(&expression);
    if (loaded && vz_cursor_byte(&expression) != OP_DEREF)
        return false;
    return !expression.bad && expression.at == expression.end;
}

static uint32_t pack(enum vz_rule_kind kind, int64_t offset, int64_t fp_words)
{
    const int64_t words = offset / 8;
    if (offset % 8 || words != (int32_t)((uint32_t)words << VZ_RULE_OFFSET_SHIFT) >> VZ_RULE_OFFSET_SHIFT ||
        fp_words < 0 || fp_words > 0xff)
        return VZ_RULE_FULL;
    return (uint32_t)kind | (uint32_t)fp_words << VZ_RULE_SAVED_SHIFT | (uint32_t)words << VZ_RULE_OFFSET_SHIFT;
}

static uint32_t pack_realigned(const struct vz_module *module, const struct vz_cfi_row *row)
{
    int64_t offset, fp_offset;
    if (vz_cfi_how(row, VZ_COLUMN_FP) != VZ_CFI_EXPRESSION ||
        !is_fp_offset(vz_cfi_expression(module, row->cfa_value), true, &offset) ||
        !is_fp_offset(vz_cfi_expression(module, vz_cfi_value(row, VZ_COLUMN_FP)), false, &fp_offset) || fp_offset != 0)
        return VZ_RULE_FULL;
    return pack(VZ_RULE_FP_LOAD, offset, 1);
}

static uint32_t pack_row(const struct vz_module *module, const struct vz_cfi_row *row)
{
    if (vz_cfi_how(row, VZ_COLUMN_PC) == VZ_CFI_UNDEFINED)
        return VZ_RULE_OUTERMOST;
    if (vz_cfi_how(row, VZ_COLUMN_PC) != VZ_CFI_OFFSET || vz_cfi_value(row, VZ_COLUMN_PC) != -8 ||
        vz_cfi_how(row, VZ_COLUMN_SP) != VZ_CFI_SAME)
        return VZ_RULE_FULL;
    if (row->cfa_is_expression)
        return pack_realigned(module, row);
    int64_t fp_words = 0;
    if (vz_cfi_how(row, VZ_COLUMN_FP) == VZ_CFI_OFFSET && vz_cfi_value(row, VZ_COLUMN_FP) < 0 &&
        vz_cfi_value(row, VZ_COLUMN_FP) % 8 == 0)
        fp_words = -vz_cfi_value(row, VZ_COLUMN_FP) / 8;
    else if (vz_cfi_how(row, VZ_COLUMN_FP) != VZ_CFI_SAME && vz_cfi_how(row, VZ_COLUMN_FP) != VZ_CFI_UNDEFINED)
        return VZ_RULE_FULL;
    if (row->cfa_register == VZ_COLUMN_SP)
        return pack(VZ_RULE_SP, row->cfa_value, fp_words);
    return row->cfa_register == VZ_COLUMN_FP ? pack(VZ_RULE_FP, row->cfa_value, fp_words) : (uint32_t)VZ_RULE_FULL;
}

/* Whether the instruction before pc looks like a call: E8 with a 32-bit distance, or FF /2 with any operand. */
static bool follows_call(const struct vz_module *module, uintptr_t pc)
{
    const uint8_t *code = (const uint8_t *)pc;
    if (pc - module->start < 7)
        return true;
    bool indirect = false;
    for (unsigned bytes = 2; bytes <= 7; bytes++)
        indirect |= code[-(int)bytes] == 0xff && (code[1 - (int)bytes] & 0x38) == 0x10;
    return indirect || code[-5] == 0xe8;
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
    return is_in_entry(module, pc) || !follows_call(module, pc);
}

uint32_t vz_rule_compile(const struct vz_module *module, uintptr_t pc)
{
    struct vz_cfi_row row;
    bool signal_frame;
    if (!module)
        return CHAIN;
    const uint32_t fixed = module->fixed ? VZ_RULE_FIXED : 0;
    if (!find_row(module, pc - 1, &row, &signal_frame))
        return (has_no_caller(module, pc) ? (uint32_t)VZ_RULE_OUTERMOST : CHAIN) | fixed;
    return (signal_frame ? (uint32_t)VZ_RULE_FULL : pack_row(module, &row)) | fixed;
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
           (follows_call(module, pc) || *(const uint8_t *)(pc - 1) == NOP);
}

bool vz_rule_step_chain(struct vz_context *frame, struct vz_stack *stack)
{
    const uintptr_t pc = frame->pc;
    const bool is_near = frame->fp >= frame->sp && frame->fp - frame->sp <= LARGEST_FRAME;
    if (!vz_rule_step(CHAIN, frame, stack))
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

enum vz_step vz_registers_step(struct vz_registers *registers, struct vz_stack *stack, bool *fixed)
{
    const uintptr_t pc = registers->value[VZ_COLUMN_PC] - !registers->interrupted;
    const struct vz_module *module = vz_modules_find(pc);
    struct vz_cfi_row row;
    bool signal_frame;
    uintptr_t cfa;
    *fixed = module && module->fixed;
    if (!module)
        return step_by_chain(registers, stack);
    if (!find_row(module, pc, &row, &signal_frame)) {
        if (registers->interrupted)
            return VZ_STEP_GAP;
        return has_no_caller(module, pc + 1) ? VZ_STEP_OUTERMOST : step_by_chain(registers, stack);
    }
    if (vz_cfi_how(&row, VZ_COLUMN_PC) == VZ_CFI_UNDEFINED)
        return VZ_STEP_OUTERMOST;
    if (!find_cfa(module, &row, registers->value, stack, &cfa))
        return VZ_STEP_GAP;
    const struct vz_registers callee = *registers;
    for (unsigned i = 0; i < VZ_CFI_COLUMNS; i++)
        if (!find_register(module, &row, i, callee.value, cfa, stack, &registers->value[i]))
            return VZ_STEP_GAP;
    registers->interrupted = signal_frame;
    return registers->value[VZ_COLUMN_PC] ? VZ_STEP_CALLER : VZ_STEP_OUTERMOST;
}

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
