/* Call frame information: how the caller's registers are found at one pc, and DWARF expressions.
 *
 * Knows DWARF, not the machine: columns below VZ_CFI_COLUMNS are kept, rules of others (vector registers) are ignored.
 */
#ifndef VZ_UNWIND_CFI_H
#define VZ_UNWIND_CFI_H

#include <stdbool.h>
#include <stdint.h>

#include "unwind_dwarf.h"
#include "unwind_fde.h"
#include "unwind_machine.h"
#include "unwind_stack.h"

enum vz_cfi_how {
    VZ_CFI_SAME = 0,        /* not saved: as the callee has it */
    VZ_CFI_UNDEFINED,       /* lost; of the return address: the outermost frame */
    VZ_CFI_OFFSET,          /* at CFA + value */
    VZ_CFI_VALUE_OFFSET,    /* CFA + value itself */
    VZ_CFI_REGISTER,        /* in register `value` */
    VZ_CFI_EXPRESSION,      /* at the address that the expression gives */
    VZ_CFI_VALUE_EXPRESSION /* what the expression gives */
};

/* One row of the table that an FDE stands for. Expressions are given by their distance from the module's start. Packed,
 * since several lie on the stack of a hook. */
struct vz_cfi_row {
    uint32_t columns[VZ_CFI_COLUMNS]; /* value << 3 | enum vz_cfi_how */
    int32_t cfa_value;                /* offset from the register, or the expression */
    uint16_t cfa_register;
    bool cfa_is_expression;
};

static inline enum vz_cfi_how vz_cfi_how(const struct vz_cfi_row *row, unsigned column)
{
    return (enum vz_cfi_how)(row->columns[column] & 7);
}

static inline int32_t vz_cfi_value(const struct vz_cfi_row *row, unsigned column)
{
    return (int32_t)row->columns[column] >> 3;
}

/* The row of pc. False: instructions that can't be read or represented. In a hook. */
bool vz_cfi_row_of(const struct vz_module *module, const struct vz_fde *fde, uintptr_t pc, struct vz_cfi_row *row);

/* The operations of an expression: a ULEB128 length and its bytes follow `value` bytes after the module's start. */
struct vz_cursor vz_cfi_expression(const struct vz_module *module, int32_t value);

/* Evaluate an expression with these registers, `initial` (the CFA) on the stack unless it is the CFA's own. False: an
 * unknown operation, or memory that can't be read. In a hook; reads through `stack` only. */
bool vz_cfi_evaluate(struct vz_cursor expression, const uintptr_t registers[VZ_CFI_COLUMNS], const uintptr_t *initial,
                     struct vz_stack *stack, uintptr_t *result);

#endif
