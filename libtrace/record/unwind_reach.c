/* Nested hooks: is an outer hook still in progress below this call? Rare, so without memo and with a range of stack
 * found anew each time.
 *
 * That a frame has the right stack pointer is not enough: when the hook was left by siglongjmp, its caller may be
 * calling something else from the very same place. The hook's own frame, with a pc of this library, must lie there.
 */
#define _GNU_SOURCE
#include <stdatomic.h>

#include "modules.h"
#include "real.h"
#include "region.h"
#include "unwind.h"
#include "unwind_rules.h"
#include "unwind_step.h"

enum { MOST_FRAMES = 1 << 16, NEAR_BYTES = 1 << 16 };

struct search {
    struct vz_stack stack;
    uintptr_t own_start, own_end; /* code of this library */
    uintptr_t caller_sp;
    uint32_t epoch;
};

/* Whether a frame was the hook's: from its pc, and the stack pointer of its caller. */
static bool is_hook(const struct search *search, uintptr_t pc, uintptr_t caller_sp)
{
    return caller_sp == search->caller_sp && pc >= search->own_start && pc < search->own_end;
}

/* Whether it can't be met any more: the walk has passed its place on the same stack. */
static bool is_passed(const struct search *search, uintptr_t sp)
{
    return sp > search->caller_sp && search->caller_sp >= search->stack.now.low && sp < search->stack.now.high;
}

/* Whether this frame is of an allocator without unwind data, near below the hook's place: then the hook's real function is
 * taken to be at work there, calling another hook as musl's posix_memalign does. Where its frame lies can't be told. */
static bool is_real_function(const struct search *search, uintptr_t pc, uintptr_t sp)
{
    const struct vz_module *module = vz_modules_find(pc - 1);
    return search->caller_sp - sp < NEAR_BYTES && module && module == vz_modules_find((uintptr_t)VZ_REAL(malloc)) &&
           vz_rule_kind(vz_rules_find(pc, search->epoch)) == VZ_RULE_CHAIN;
}

static __attribute__((noinline)) enum vz_reach search_full(struct search *search, struct vz_context from)
{
    struct vz_registers registers = {{0}, false};
    enum vz_reach reach = VZ_REACH_CALLED;
    bool fixed;
    vz_registers_capture(&registers);
    if (!vz_registers_leave(&registers, from, &search->stack))
        return VZ_REACH_NOT;
    for (unsigned n = 0; n < MOST_FRAMES; n++) {
        const uintptr_t pc = registers.value[VZ_COLUMN_PC], sp = registers.value[VZ_COLUMN_SP];
        if (is_real_function(search, pc, sp))
            return reach;
        if (vz_registers_step(&registers, &search->stack, &fixed) != VZ_STEP_CALLER)
            return VZ_REACH_NOT;
        if (is_hook(search, pc, registers.value[VZ_COLUMN_SP]))
            return reach;
        if (registers.interrupted)
            reach = VZ_REACH_INTERRUPTED;
    }
    return VZ_REACH_NOT;
}

enum vz_reach vz_unwind_reach(struct vz_context from, uintptr_t caller_sp)
{
    struct vz_context at = from;
    const uint32_t epoch = atomic_load_explicit(&vz_region->code_epoch, memory_order_acquire);
    struct search search = {.caller_sp = caller_sp, .epoch = epoch};
    const struct vz_module *own = vz_modules_find((uintptr_t)&vz_unwind_reach);
    if (!own || !vz_rules_start())
        return VZ_REACH_NOT;
    search.own_start = own->start;
    search.own_end = own->end;
    for (unsigned n = 0; n < MOST_FRAMES && !is_passed(&search, at.sp); n++) {
        const uintptr_t pc = at.pc, sp = at.sp;
        const uint32_t rule = vz_rules_find(pc, epoch);
        if (vz_rule_kind(rule) == VZ_RULE_FULL)
            return search_full(&search, from);
        const bool chain = vz_rule_kind(rule) == VZ_RULE_CHAIN;
        if (chain && is_real_function(&search, pc, sp))
            return VZ_REACH_CALLED;
        if (!vz_rule_steps(rule) ||
            !(chain ? vz_rule_step_chain(&at, &search.stack) : vz_rule_step(rule, &at, &search.stack)) || !at.pc)
            return VZ_REACH_NOT;
        /* Code without frame pointers leaves the hook's in place, which then leads past the hook. */
        if (is_hook(&search, pc, at.sp) || (chain && at.sp == caller_sp))
            return VZ_REACH_CALLED;
    }
    return VZ_REACH_NOT;
}
