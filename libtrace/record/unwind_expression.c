/* A DWARF expression evaluator, as far as call frame information needs one. Source: DWARF 5 section 2.5. */
#include "unwind_cfi.h"
#include "unwind_dwarf.h"

enum { STACK_DEPTH = 8, MAX_OPERATIONS = 256, WORD_BITS = 8 * sizeof(uintptr_t) };

enum {
    OP_ADDR = 0x03,
    OP_DEREF = 0x06,
    OP_CONST1U = 0x08, /* to OP_CONST8S: unsigned and signed of 1, 2, 4, 8 bytes in turn */
    OP_CONST8S = 0x0f,
    OP_CONSTU = 0x10,
    OP_CONSTS = 0x11,
    OP_DUP = 0x12,
    OP_DROP = 0x13,
    OP_OVER = 0x14,
    OP_PICK = 0x15,
    OP_SWAP = 0x16,
    OP_ROT = 0x17,
    OP_ABS = 0x19,
    OP_AND = 0x1a,
    OP_MINUS = 0x1c,
    OP_MUL = 0x1e,
    OP_NEG = 0x1f,
    OP_NOT = 0x20,
    OP_OR = 0x21,
    OP_PLUS = 0x22,
    OP_PLUS_UCONST = 0x23,
    OP_SHL = 0x24,
    OP_SHR = 0x25,
    OP_SHRA = 0x26,
    OP_XOR = 0x27,
    OP_BRA = 0x28,
    OP_EQ = 0x29,
    OP_GE = 0x2a,
    OP_GT = 0x2b,
    OP_LE = 0x2c,
    OP_LT = 0x2d,
    OP_NE = 0x2e,
    OP_SKIP = 0x2f,
    OP_LIT0 = 0x30,
    OP_BREG0 = 0x70,
    OP_BREGX = 0x92,
    OP_NOP = 0x96
};

struct machine {
    struct vz_cursor code;
    const uint8_t *start;
    const uintptr_t *registers;
    struct vz_stack *memory;
    unsigned depth;
    uintptr_t stack[STACK_DEPTH];
};

static void push(struct machine *machine, uintptr_t value)
{
    if (machine->depth == STACK_DEPTH)
        machine->code.bad = true;
    else
        machine->stack[machine->depth++] = value;
}

static uintptr_t pick(struct machine *machine, unsigned from_top)
{
    if (from_top < machine->depth)
        return machine->stack[machine->depth - 1 - from_top];
    machine->code.bad = true;
    return 0;
}

static uintptr_t pop(struct machine *machine)
{
    const uintptr_t value = pick(machine, 0);
    machine->depth -= machine->depth > 0;
    return value;
}

static void push_register(struct machine *machine, uint64_t column)
{
    const uintptr_t offset = (uintptr_t)vz_cursor_sleb(&machine->code);
    if (column < VZ_CFI_COLUMNS)
        push(machine, machine->registers[column] + offset);
    else
        machine->code.bad = true;
}

static void jump(struct machine *machine, int64_t distance)
{
    const int64_t target = machine->code.at - machine->start + distance;
    if (target < 0 || target > machine->code.end - machine->start)
        machine->code.bad = true;
    else
        machine->code.at = machine->start + target;
}

static uintptr_t load(struct machine *machine, uintptr_t address)
{
    uintptr_t value = 0;
    if (!vz_stack_load(machine->memory, address, &value))
        machine->code.bad = true;
    return value;
}

static uintptr_t combine(struct machine *machine, uint8_t operation, uintptr_t a, uintptr_t b)
{
    const intptr_t signed_a = (intptr_t)a, signed_b = (intptr_t)b;
    switch (operation) {
    case OP_AND:
        return a & b;
    case OP_MINUS:
        return a - b;
    case OP_MUL:
        return a * b;
    case OP_OR:
        return a | b;
    case OP_PLUS:
        return a + b;
    case OP_SHL:
        return b < WORD_BITS ? a << b : 0;
    case OP_SHR:
        return b < WORD_BITS ? a >> b : 0;
    case OP_SHRA:
        return (uintptr_t)(signed_a >> (b < WORD_BITS ? b : WORD_BITS - 1));
    case OP_XOR:
        return a ^ b;
    case OP_EQ:
        return a == b;
    case OP_GE:
        return signed_a >= signed_b;
    case OP_GT:
        return signed_a > signed_b;
    case OP_LE:
        return signed_a <= signed_b;
    case OP_LT:
        return signed_a < signed_b;
    case OP_NE:
        return a != b;
    default: /* div and mod, which no compiler writes here */
        machine->code.bad = true;
        return 0;
    }
}

/* Operations on the two topmost values. */
static bool binary(struct machine *machine, uint8_t operation)
{
    if (operation < OP_AND || operation > OP_NE || operation == OP_NEG || operation == OP_NOT ||
        operation == OP_PLUS_UCONST || operation == OP_BRA)
        return false;
    const uintptr_t b = pop(machine), a = pop(machine);
    push(machine, combine(machine, operation, a, b));
    return true;
}

/* Operations that push a constant or a register's value. */
static bool constant(struct machine *machine, uint8_t operation)
{
    if (operation >= OP_LIT0 && operation < OP_LIT0 + 32)
        push(machine, operation - OP_LIT0);
    else if (operation >= OP_BREG0 && operation < OP_BREG0 + 32)
        push_register(machine, operation - OP_BREG0);
    else if (operation == OP_BREGX)
        push_register(machine, vz_cursor_uleb(&machine->code));
    else if (operation >= OP_CONST1U && operation <= OP_CONST8S && operation % 2 == 0)
        push(machine, (uintptr_t)vz_cursor_unsigned(&machine->code, (size_t)1 << (operation - OP_CONST1U) / 2));
    else if (operation >= OP_CONST1U && operation <= OP_CONST8S)
        push(machine, (uintptr_t)vz_cursor_signed(&machine->code, (size_t)1 << (operation - OP_CONST1U) / 2));
    else if (operation == OP_ADDR)
        push(machine, (uintptr_t)vz_cursor_unsigned(&machine->code, sizeof(uintptr_t)));
    else if (operation == OP_CONSTU)
        push(machine, (uintptr_t)vz_cursor_uleb(&machine->code));
    else if (operation == OP_CONSTS)
        push(machine, (uintptr_t)vz_cursor_sleb(&machine->code));
    else
        return false;
    return true;
}

static void rotate(struct machine *machine)
{
    const uintptr_t a = pop(machine), b = pop(machine), c = pop(machine);
    push(machine, a);
    push(machine, c);
    push(machine, b);
}

static void exchange(struct machine *machine)
{
    const uintptr_t a = pop(machine), b = pop(machine);
    push(machine, a);
    push(machine, b);
}

static void other(struct machine *machine, uint8_t operation)
{
    uintptr_t value;
    int64_t distance;
    switch (operation) {
    case OP_DEREF:
        push(machine, load(machine, pop(machine)));
        return;
    case OP_DUP:
        push(machine, pick(machine, 0));
        return;
    case OP_DROP:
        pop(machine);
        return;
    case OP_OVER:
        push(machine, pick(machine, 1));
        return;
    case OP_PICK:
        push(machine, pick(machine, vz_cursor_byte(&machine->code)));
        return;
    case OP_SWAP:
        exchange(machine);
        return;
    case OP_ROT:
        rotate(machine);
        return;
    case OP_ABS:
        value = pop(machine);
        push(machine, (intptr_t)value < 0 ? 0 - value : value);
        return;
    case OP_NEG:
        push(machine, 0 - pop(machine));
        return;
    case OP_NOT:
        push(machine, ~pop(machine));
        return;
    case OP_PLUS_UCONST:
        push(machine, pop(machine) + (uintptr_t)vz_cursor_uleb(&machine->code));
        return;
    case OP_BRA:
        distance = vz_cursor_signed(&machine->code, 2);
        jump(machine, pop(machine) ? distance : 0);
        return;
    case OP_SKIP:
        distance = vz_cursor_signed(&machine->code, 2);
        jump(machine, distance);
        return;
    case OP_NOP:
        return;
    default:
        machine->code.bad = true;
    }
}

struct vz_cursor vz_cfi_expression(const struct vz_module *module, int32_t value)
{
    struct vz_cursor cursor = {(const uint8_t *)module->start + value, (const uint8_t *)module->end, false};
    const uint64_t bytes = vz_cursor_uleb(&cursor);
    if (bytes > (size_t)(cursor.end - cursor.at))
        cursor.bad = true;
    else
        cursor.end = cursor.at + bytes;
    return cursor;
}

bool vz_cfi_evaluate(struct vz_cursor expression, const uintptr_t registers[VZ_CFI_COLUMNS], const uintptr_t *initial,
                     struct vz_stack *stack, uintptr_t *result)
{
    struct machine machine;
    machine.code = expression;
    machine.start = expression.at;
    machine.registers = registers;
    machine.memory = stack;
    machine.depth = 0;
    if (initial)
        push(&machine, *initial);
    for (unsigned n = 0; machine.code.at < machine.code.end && !machine.code.bad; n++) {
        const uint8_t operation = vz_cursor_byte(&machine.code);
        if (n == MAX_OPERATIONS)
            return false;
        if (!constant(&machine, operation) && !binary(&machine, operation))
            other(&machine, operation);
    }
    *result = pop(&machine);
    return !machine.code.bad;
}
