/* Steps by .ARM.exidx and .ARM.extab: in place of unwind_step.c and all that reads .eh_frame. libgcc's unwinder takes the
 * loader's lock, which the interrupted code may hold. Source: EHABI (IHI 0038) sections 6 and 10.
 */
#define _GNU_SOURCE
#include <link.h>
#include <string.h>

#include "record/modules.h"
#include "record/unwind_code.h"
#include "record/unwind_step.h"

#define CANT_UNWIND 1u
#define IN_PLACE 0x80000000u /* set: the instructions themselves, by one of the ABI's own personality routines */

enum { FINISH = 0xb0 };
enum { ENTRY_BYTES = 128 };  /* of a module's entry routine, at most */
enum { FIRST_BYTES = 2048 }; /* from the start of a thread's stack to its own data: glibc's is 1.2 KiB */

/* The instructions of one function: big-endian bytes of words. */
struct program {
    const uint32_t *words;
    unsigned at, n_bytes; /* next byte, and how many there are, from the first word on */
};

static uint32_t load_word(uintptr_t address) { return *(const uint32_t *)address; }

static bool holds(const struct vz_module *module, uintptr_t address)
{
    return address >= module->start && address <= module->end - sizeof(uint32_t) && address % sizeof(uint32_t) == 0;
}

/* The address that a 31-bit distance at `address` leads to. */
static uintptr_t follow(uintptr_t address)
{
    const int32_t distance = (int32_t)(load_word(address) << 1) >> 1;
    return address + (uintptr_t)(intptr_t)distance;
}

/* The index entry of the function that holds pc, or 0. */
static uintptr_t find_entry(const struct vz_module *module, uintptr_t pc)
{
    const uintptr_t table = (uintptr_t)module->unwind_table;
    size_t low = 0, high = module->unwind_table_bytes / 8; /* the entry is in [low, high) if there is one */
    if (high == 0 || !holds(module, table) || !holds(module, table + high * 8 - 4) || follow(table) > pc)
        return 0;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (follow(table + middle * 8) <= pc)
            low = middle;
        else
            high = middle;
    }
    return table + low * 8;
}

/* The instructions that `word`, in an index entry or at the start of a table entry, leads to. */
static bool read_program(const struct vz_module *module, uintptr_t word, bool in_index, struct program *program)
{
    if (!holds(module, word))
        return false;
    const uint32_t value = load_word(word);
    *program = (struct program){.words = (const uint32_t *)word, .at = 1, .n_bytes = 4};
    if (value & IN_PLACE) {
        const uint32_t routine = value >> 24 & 0xf;
        if (routine == 0)
            return true;
        if (routine > 2 || in_index)
            return false;
        program->at = 2;
        program->n_bytes += 4 * (value >> 16 & 0xff);
    } else { /* another's personality routine: all of them let this follow */
        if (!holds(module, word + 4))
            return false;
        program->words++;
        program->n_bytes += 4 * (load_word(word + 4) >> 24);
    }
    return holds(module, (uintptr_t)program->words + program->n_bytes - 4);
}

static bool find_program(const struct vz_module *module, uintptr_t pc, struct program *program, bool *cant_unwind)
{
    const uintptr_t entry = find_entry(module, pc);
    *cant_unwind = entry && load_word(entry + 4) == CANT_UNWIND;
    if (!entry || *cant_unwind)
        return false;
    const bool in_place = load_word(entry + 4) & IN_PLACE;
    return read_program(module, in_place ? entry + 4 : follow(entry + 4), in_place, program);
}

static uint8_t next_byte(struct program *program)
{
    if (program->at >= program->n_bytes)
        return FINISH;
    const unsigned at = program->at++;
    return (uint8_t)(program->words[at / 4] >> (24 - 8 * (at % 4)));
}

static uint32_t next_uleb(struct program *program)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 32; shift += 7) {
        const uint8_t byte = next_byte(program);
        value |= (uint32_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            break;
    }
    return value;
}

/* Load the registers of a mask from the stack, lowest first. */
static bool pop(uintptr_t *value, uint32_t mask, struct vz_stack *stack)
{
    uintptr_t at = value[VZ_COLUMN_SP];
    for (unsigned i = 0; i < VZ_CFI_COLUMNS; i++)
        if (mask & 1u << i) {
            if (!vz_stack_load(stack, at, &value[i]))
                return false;
            at += 4;
        }
    if (!(mask & 1u << VZ_COLUMN_SP))
        value[VZ_COLUMN_SP] = at;
    return true;
}

/* Registers that no walk needs: only their size counts. */
static uint32_t skipped_bytes(uint8_t operation, struct program *program)
{
    if (operation >= 0xb8 && operation <= 0xbf) /* d8 to d8+n, with a word of format */
        return (operation & 7u) * 8 + 12;
    if (operation >= 0xd0 && operation <= 0xd7) /* d8 to d8+n */
        return (operation & 7u) * 8 + 8;
    if (operation >= 0xc0 && operation <= 0xc5) /* iWMMXt */
        return (operation & 7u) * 8 + 8;
    const uint32_t n = next_byte(program) & 0xf;
    switch (operation) {
    case 0xb3:
        return n * 8 + 12;
    case 0xc6:
    case 0xc8:
    case 0xc9:
        return n * 8 + 8;
    case 0xc7:
        return 4u * (uint32_t)__builtin_popcount(n);
    default:
        return 0;
    }
}

/* One instruction. False: it can't be done. *popped_pc: it loaded pc. */
static bool execute(uint8_t operation, struct program *program, uintptr_t *value, struct vz_stack *stack,
                    bool *popped_pc)
{
    uintptr_t *sp = &value[VZ_COLUMN_SP];
    uint32_t mask;
    switch (operation >> 4) {
    case 0x0:
    case 0x1:
    case 0x2:
    case 0x3:
        *sp += (operation & 0x3fu) * 4 + 4;
        return true;
    case 0x4:
    case 0x5:
    case 0x6:
    case 0x7:
        *sp -= (operation & 0x3fu) * 4 + 4;
        return true;
    case 0x8:
        mask = ((operation & 0xfu) << 8 | next_byte(program)) << 4;
        *popped_pc |= mask >> VZ_COLUMN_PC;
        return mask && pop(value, mask, stack); /* no register at all: refuses to be unwound */
    case 0x9:
        *sp = value[operation & 0xf];
        return (operation & 0xf) != 13 && (operation & 0xf) != 15;
    case 0xa:
        mask = (2u << (4 + (operation & 7u))) - 0x10;
        return pop(value, operation & 8 ? mask | 1u << VZ_COLUMN_RETURN : mask, stack);
    default:
        break;
    }
    if (operation == 0xb1)
        return pop(value, next_byte(program) & 0xf, stack);
    if (operation == 0xb2)
        *sp += 0x204 + 4 * next_uleb(program);
    else if (operation == 0xb4) /* the code that authenticates the return address */
        *sp += 4;
    else {
        const uint32_t bytes = skipped_bytes(operation, program);
        *sp += bytes;
        return bytes > 0;
    }
    return true;
}

static bool run(struct program *program, uintptr_t *value, struct vz_stack *stack)
{
    bool popped_pc = false;
    for (uint8_t operation; (operation = next_byte(program)) != FINISH;)
        if (!execute(operation, program, value, stack, &popped_pc))
            return false;
    if (!popped_pc)
        value[VZ_COLUMN_PC] = value[VZ_COLUMN_RETURN];
    value[VZ_COLUMN_PC] = vz_machine_code_address(value[VZ_COLUMN_PC]);
    return true;
}

/* Linkers write CANT_UNWIND for functions without unwind data too. A stack begins in the entry routine or at the end of
 * clone, or near below the thread's own data, where its stack was laid out. */
static bool is_first(const struct vz_module *module, uintptr_t pc, uintptr_t sp)
{
    const uintptr_t thread = (uintptr_t)__builtin_thread_pointer();
    const ElfW(Ehdr) *header = (const void *)module->start;
    const bool in_entry =
        memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && pc - (module->bias + (header->e_entry & ~1u)) < ENTRY_BYTES;
    return in_entry || vz_machine_exits(module, pc) || (sp < thread && thread - sp < FIRST_BYTES);
}

enum vz_step vz_registers_step(struct vz_registers *registers, struct vz_stack *stack, bool *fixed)
{
    const uintptr_t at = registers->value[VZ_COLUMN_PC], sp = registers->value[VZ_COLUMN_SP];
    const uintptr_t pc = at - !registers->interrupted;
    const struct vz_module *module = vz_modules_find(pc);
    struct program program;
    bool cant_unwind = false;
    *fixed = module && module->fixed;
    if (!registers->interrupted && vz_machine_is_sigreturn(module, at)) {
        registers->interrupted = true;
        return vz_machine_leave_signal(registers->value, stack) ? VZ_STEP_CALLER : VZ_STEP_GAP;
    }
    if (module && !registers->interrupted && !vz_machine_follows_call(module, at))
        return VZ_STEP_OUTERMOST; /* put there by hand, to start a stack (makecontext) */
    if (!module || !find_program(module, pc, &program, &cant_unwind))
        return cant_unwind && is_first(module, at, sp) ? VZ_STEP_OUTERMOST : VZ_STEP_GAP;
    if (!run(&program, registers->value, stack))
        return VZ_STEP_GAP;
    registers->interrupted = false;
    if (registers->value[VZ_COLUMN_PC] == at && registers->value[VZ_COLUMN_SP] == sp)
        return VZ_STEP_GAP; /* goes nowhere: its return address was not saved */
    return registers->value[VZ_COLUMN_PC] ? VZ_STEP_CALLER : VZ_STEP_OUTERMOST;
}

uint32_t vz_rule_compile(const struct vz_module *module, uintptr_t pc)
{
    (void)pc;
    return VZ_RULE_FULL | (module && module->fixed ? (uint32_t)VZ_RULE_FIXED : 0);
}

bool vz_rule_step_chain(struct vz_context *frame, struct vz_stack *stack)
{
    (void)frame;
    (void)stack;
    return false;
}
