/* Call stacks: from a hook's caller to the id of an interned stack.
 *
 * unwind_fde.c finds the unwind data of a pc, unwind_cfi.c and unwind_expression.c evaluate it, unwind_step.c
 * compiles it into a tiny rule, unwind_rules.c keeps the rules; unwind.c walks by them, with all registers where a rule
 * needs more, remembers the thread's last walk and interns what is new. Never faults, and never allocates but from the
 * arena. Uses 256 bytes of stack where all rules are known, up to 1.75 KiB where one has to be compiled or all
 * registers are needed.
 *
 * A stack of more than max_depth frames is cut at its root end, at multiples of a step: 128 frames, or half of a
 * max_depth below 256. What is left hangs under VZ_NODE_CUT. So deep recursion shares its nodes.
 */
#ifndef VZ_UNWIND_H
#define VZ_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

#include "unwind_caller.h"

/* How many frames of a stack of `depth` frames are cut off at its root end. */
static inline uint32_t vz_unwind_cut(uint32_t max_depth, uint32_t depth)
{
    const uint32_t step = max_depth >= 256 ? 128 : (max_depth + 1) / 2;
    return depth > max_depth ? (depth - max_depth + step - 1) / step * step : 0;
}

struct vz_memo; /* one thread's last walk, at one nesting level: opaque, from the arena */

/* A new memo for stacks of at most max_depth frames, or NULL. */
struct vz_memo *vz_memo_new(uint32_t max_depth);

/* Forget everything: in a forked child (its node ids are the parent's), or for a stream's next thread. */
void vz_memo_reset(struct vz_memo *memo);

/* The interned id of the call stack whose leaf is `from` (shm.h, struct vz_node). One caller at a time for each memo.
 */
uint32_t vz_unwind(struct vz_memo *memo, struct vz_context from);

enum vz_reach { VZ_REACH_NOT, VZ_REACH_CALLED, VZ_REACH_INTERRUPTED };

/* Whether `from` was called, however indirectly, by the hook whose caller's stack pointer is caller_sp: not at all, by
 * calls only, or through a signal frame. The hook must hold a frame of this library. Uses and changes no memo. */
enum vz_reach vz_unwind_reach(struct vz_context from, uintptr_t caller_sp);

#endif
