/* Loads that can't fault: which parts of the stacks that a walk reads are known to be mapped.
 *
 * A page is asked of the kernel once per stack (vz_sys_readable); then its address range is remembered, so that walks
 * on the same stack make no system call. Several ranges, for signal stacks and coroutines.
 */
#ifndef VZ_UNWIND_STACK_H
#define VZ_UNWIND_STACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { VZ_STACK_RANGES = 7 };

struct vz_stack_range {
    uintptr_t low, high; /* [low, high) is readable; page-aligned */
};

/* Zeroed is a valid start. */
struct vz_stack {
    struct vz_stack_range now; /* where the walk is */
    struct vz_stack_range others[VZ_STACK_RANGES];
    uint32_t n_replaced;
};

/* How often the program has unmapped memory: what was readable before may not be. Before each unmapping it is raised.
 */
extern _Atomic uint32_t vz_stack_unmaps;

/* This thread's alternate signal stack, as sigaltstack(2) set it; high is 0: none. */
extern __thread struct vz_stack_range vz_stack_signal __attribute__((tls_model("initial-exec")));

/* Whether so little is left of that stack, if this runs on it, that a walk which compiles rules or needs all registers
 * might not fit. (Measured: 1.5 KiB.) Not inlined, so that it sees about as much as is left to its caller. */
bool vz_stack_is_short(void);

/* Make the word at address (aligned) lie in stack->now. False: it can't be read. */
bool vz_stack_reach(struct vz_stack *stack, uintptr_t address);

/* The word at address. False: misaligned, or it can't be read. */
static inline bool vz_stack_load(struct vz_stack *stack, uintptr_t address, uintptr_t *value)
{
    if (address % sizeof(uintptr_t))
        return false;
    if (__builtin_expect(address - stack->now.low >= stack->now.high - stack->now.low, 0) &&
        !vz_stack_reach(stack, address))
        return false;
    *value = *(const uintptr_t *)address;
    return true;
}

#endif
