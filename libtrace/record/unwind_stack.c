/* Ranges of readable stack, grown page by page. A handler may leave by siglongjmp between any two stores, so each range
 * is valid after every one of them. */
#include "unwind_stack.h"

#include "sys.h"
#include "unwind_machine.h"

_Atomic uint32_t vz_stack_unmaps;
__thread struct vz_stack_range vz_stack_signal;

enum { PAGE = 4096, FAR_PAGES = 64 }; /* a frame larger than FAR_PAGES starts a range of its own */

static void set(struct vz_stack_range *range, uintptr_t low, uintptr_t high)
{
    range->high = 0;
    atomic_signal_fence(memory_order_seq_cst);
    range->low = low;
    atomic_signal_fence(memory_order_seq_cst);
    range->high = high;
}

static bool holds(const struct vz_stack_range *range, uintptr_t address)
{
    return address >= range->low && address < range->high;
}

__attribute__((noinline)) bool vz_stack_is_short(void)
{
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return holds(&vz_stack_signal, here) && here - vz_stack_signal.low < VZ_MACHINE_LEAST_STACK;
}

/* Grow the range so that it holds page, if it is near. */
static bool grow(struct vz_stack_range *range, uintptr_t page)
{
    if (range->high == 0)
        return false;
    if (page + PAGE == range->low && vz_sys_readable(page))
        range->low = page;
    while (page >= range->high && page - range->high < (uintptr_t)FAR_PAGES * PAGE && vz_sys_readable(range->high))
        range->high += PAGE;
    return holds(range, page);
}

/* Go on in this range, and remember the one left. */
static void enter(struct vz_stack *stack, struct vz_stack_range *place, uintptr_t low, uintptr_t high)
{
    set(place, stack->now.low, stack->now.high);
    set(&stack->now, low, high);
}

bool vz_stack_reach(struct vz_stack *stack, uintptr_t address)
{
    const uintptr_t page = address & ~(uintptr_t)(PAGE - 1);
    if (grow(&stack->now, page))
        return true;
    for (unsigned i = 0; i < VZ_STACK_RANGES; i++) {
        struct vz_stack_range *other = &stack->others[i];
        if (holds(other, page) || grow(other, page)) {
            enter(stack, other, other->low, other->high);
            return true;
        }
    }
    if (!vz_sys_readable(page))
        return false;
    enter(stack, &stack->others[stack->n_replaced++ % VZ_STACK_RANGES], page, page + PAGE);
    return true;
}
