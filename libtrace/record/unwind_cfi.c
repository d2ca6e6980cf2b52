/* Executes the CFA program of an FDE up to one pc. Source: DWARF 5 section 6.4. */
#include "unwind_cfi.h"

#include "unwind_dwarf.h"

enum { SAVED_ROWS = 2 }; /* of DW_CFA_remember_state; compilers nest it once */

enum {
    CFA_ADVANCE = 0x40, /* the low six bits are the operand */
    CFA_OFFSET = 0x80,
    CFA_RESTORE = 0xc0,
    CFA_NOP = 0x00,
    CFA_SET_LOC = 0x01,
    CFA_ADVANCE1 = 0x02,
    CFA_ADVANCE2 = 0x03,
    CFA_ADVANCE4 = 0x04,
    CFA_OFFSET_EXTENDED = 0x05,
    CFA_RESTORE_EXTENDED = 0x06,
    CFA_UNDEFINED = 0x07,
    CFA_SAME_VALUE = 0x08,
    CFA_REGISTER = 0x09,
    CFA_REMEMBER_STATE = 0x0a,
    CFA_RESTORE_STATE = 0x0b,
    CFA_DEF_CFA = 0x0c,
    CFA_DEF_CFA_REGISTER = 0x0d,
    CFA_DEF_CFA_OFFSET = 0x0e,
    CFA_DEF_CFA_EXPRESSION = 0x0f,
    CFA_EXPRESSION = 0x10,
    CFA_OFFSET_EXTENDED_SF = 0x11,
    CFA_DEF_CFA_SF = 0x12,
    CFA_DEF_CFA_OFFSET_SF = 0x13,
    CFA_VAL_OFFSET = 0x14,
    CFA_VAL_OFFSET_SF = 0x15,
    CFA_VAL_EXPRESSION = 0x16,
    CFA_GNU_ARGS_SIZE = 0x2e,
    CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f
};

struct machine {
    const struct vz_module *module;
    const struct vz_fde *fde;
    struct vz_cfi_row *row;
    struct vz_cfi_row initial;
    struct vz_cfi_row saved[SAVED_ROWS];
    unsigned n_saved;
    uintptr_t location; /* code address from which on the row holds */
};

/* What fits into a row: 29 bits. */
static int32_t narrow(struct vz_cursor *cursor, int64_t value)
{
    if (value >= 1 << 28 || value < -(1 << 28))
        cursor->bad = true;
    return (int32_t)value;
}

static int32_t factored(struct machine *machine, struct vz_cursor *cursor, int64_t operand)
{
    int64_t product;
    if (__builtin_mul_overflow(operand, machine->fde->data_align, &product))
        cursor->bad = true;
    return narrow(cursor, product);
}

static void set(struct machine *machine, uint64_t column, enum vz_cfi_how how, int32_t value)
{
    if (column >= VZ_CFI_COLUMNS)
        return;
    machine->row->columns[column] = (uint32_t)value << 3 | (uint32_t)how;
}

static void restore(struct machine *machine, uint64_t column)
{
    if (column < VZ_CFI_COLUMNS)
        machine->row->columns[column] = machine->initial.columns[column];
}

static void set_cfa(struct machine *machine, struct vz_cursor *cursor, uint64_t column, int32_t offset)
{
    if (column >= VZ_CFI_COLUMNS)
        cursor->bad = true;
    machine->row->cfa_is_expression = false;
    machine->row->cfa_register = (uint16_t)column;
    machine->row->cfa_value = offset;
}

/* Step over an expression; where it stands. */
static int32_t expression_at(struct machine *machine, struct vz_cursor *cursor)
{
    const int64_t distance = cursor->at - (const uint8_t *)machine->module->start;
    vz_cursor_skip(cursor, vz_cursor_uleb(cursor));
    return narrow(cursor, distance);
}

static void save_state(struct machine *machine, struct vz_cursor *cursor)
{
    if (machine->n_saved == SAVED_ROWS)
        cursor->bad = true;
    else
        machine->saved[machine->n_saved++] = *machine->row;
}

static void restore_state(struct machine *machine, struct vz_cursor *cursor)
{
    if (machine->n_saved == 0)
        cursor->bad = true;
    else
        *machine->row = machine->saved[--machine->n_saved];
}

/* How the CFA is defined. Returns whether the operation was one of these. */
static bool define_cfa(struct machine *machine, struct vz_cursor *cursor, uint8_t operation)
{
    struct vz_cfi_row *row = machine->row;
    uint64_t column;
    switch (operation) {
    case CFA_DEF_CFA:
        column = vz_cursor_uleb(cursor);
        set_cfa(machine, cursor, column, narrow(cursor, (int64_t)vz_cursor_uleb(cursor)));
        return true;
    case CFA_DEF_CFA_SF:
        column = vz_cursor_uleb(cursor);
        set_cfa(machine, cursor, column, factored(machine, cursor, vz_cursor_sleb(cursor)));
        return true;
    case CFA_DEF_CFA_REGISTER:
        cursor->bad |= row->cfa_is_expression; /* only of a register and an offset can one be changed */
        set_cfa(machine, cursor, vz_cursor_uleb(cursor), row->cfa_value);
        return true;
    case CFA_DEF_CFA_OFFSET:
        cursor->bad |= row->cfa_is_expression;
        row->cfa_value = narrow(cursor, (int64_t)vz_cursor_uleb(cursor));
        return true;
    case CFA_DEF_CFA_OFFSET_SF:
        cursor->bad |= row->cfa_is_expression;
        row->cfa_value = factored(machine, cursor, vz_cursor_sleb(cursor));
        return true;
    case CFA_DEF_CFA_EXPRESSION:
        row->cfa_is_expression = true;
        row->cfa_value = expression_at(machine, cursor);
        return true;
    default:
        return false;
    }
}

/* How one register is found: the operations whose first operand is its column. */
static bool define_register(struct machine *machine, struct vz_cursor *cursor, uint8_t operation)
{
    struct vz_cursor operands = *cursor;
    const uint64_t column = vz_cursor_uleb(&operands);
    switch (operation) {
    case CFA_OFFSET_EXTENDED:
        set(machine, column, VZ_CFI_OFFSET, factored(machine, &operands, (int64_t)vz_cursor_uleb(&operands)));
        break;
    case CFA_OFFSET_EXTENDED_SF:
        set(machine, column, VZ_CFI_OFFSET, factored(machine, &operands, vz_cursor_sleb(&operands)));
        break;
    case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
        set(machine, column, VZ_CFI_OFFSET, factored(machine, &operands, -(int64_t)vz_cursor_uleb(&operands)));
        break;
    case CFA_VAL_OFFSET:
        set(machine, column, VZ_CFI_VALUE_OFFSET, factored(machine, &operands, (int64_t)vz_cursor_uleb(&operands)));
        break;
    case CFA_VAL_OFFSET_SF:
        set(machine, column, VZ_CFI_VALUE_OFFSET, factored(machine, &operands, vz_cursor_sleb(&operands)));
        break;
    case CFA_RESTORE_EXTENDED:
        restore(machine, column);
        break;
    case CFA_UNDEFINED:
        set(machine, column, VZ_CFI_UNDEFINED, 0);
        break;
    case CFA_SAME_VALUE:
        set(machine, column, VZ_CFI_SAME, 0);
        break;
    case CFA_REGISTER:
        set(machine, column, VZ_CFI_REGISTER, narrow(&operands, (int64_t)vz_cursor_uleb(&operands)));
        break;
    case CFA_EXPRESSION:
        set(machine, column, VZ_CFI_EXPRESSION, expression_at(machine, &operands));
        break;
    case CFA_VAL_EXPRESSION:
        set(machine, column, VZ_CFI_VALUE_EXPRESSION, expression_at(machine, &operands));
        break;
    default:
        return false;
    }
    *cursor = operands;
    return true;
}

static void execute_one(struct machine *machine, struct vz_cursor *cursor, uint8_t operation)
{
    const uintptr_t align = machine->fde->code_align;
    if (define_cfa(machine, cursor, operation) || define_register(machine, cursor, operation))
        return;
    switch (operation) {
    case CFA_NOP:
        return;
    case CFA_ADVANCE1:
        machine->location += (uintptr_t)vz_cursor_unsigned(cursor, 1) * align;
        return;
    case CFA_ADVANCE2:
        machine->location += (uintptr_t)vz_cursor_unsigned(cursor, 2) * align;
        return;
    case CFA_ADVANCE4:
        machine->location += (uintptr_t)vz_cursor_unsigned(cursor, 4) * align;
        return;
    case CFA_REMEMBER_STATE:
        save_state(machine, cursor);
        return;
    case CFA_RESTORE_STATE:
        restore_state(machine, cursor);
        return;
    case CFA_GNU_ARGS_SIZE:
        vz_cursor_uleb(cursor);
        return;
    default: /* DW_CFA_set_loc too: no compiler for our targets writes it */
        cursor->bad = true;
    }
}

/* Run instructions until they describe code beyond pc. */
static bool execute(struct machine *machine, const uint8_t *at, const uint8_t *end, uintptr_t pc)
{
    struct vz_cursor cursor = {at, end, false};
    while (cursor.at < cursor.end && machine->location <= pc && !cursor.bad) {
        const uint8_t byte = vz_cursor_byte(&cursor);
        const uint8_t operand = byte & 0x3f;
        switch (byte & 0xc0) {
        case CFA_ADVANCE:
            machine->location += operand * machine->fde->code_align;
            break;
        case CFA_OFFSET:
            set(machine, operand, VZ_CFI_OFFSET, factored(machine, &cursor, (int64_t)vz_cursor_uleb(&cursor)));
            break;
        case CFA_RESTORE:
            restore(machine, operand);
            break;
        default:
            execute_one(machine, &cursor, byte);
        }
    }
    return !cursor.bad;
}

bool vz_cfi_row_of(const struct vz_module *module, const struct vz_fde *fde, uintptr_t pc, struct vz_cfi_row *row)
{
    struct machine machine;
    machine.module = module;
    machine.fde = fde;
    machine.row = row;
    *row = machine.initial = (struct vz_cfi_row){0}; /* `initial` too: a CIE may restore */
    machine.n_saved = 0;
    machine.location = fde->start;
    if (!execute(&machine, fde->initial, fde->initial_end, UINTPTR_MAX))
        return false;
    machine.initial = *row;
    return execute(&machine, fde->program, fde->program_end, pc);
}
