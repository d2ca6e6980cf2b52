/* The checking mode: a build with VZ_CHECK_UNWIND compares each call stack with what libgcc's _Unwind_Backtrace finds.
 *
 * At exit each process writes one line to stderr, or appends it to the file that VIZZY_CHECK_LOG names:
 *   vizzy-check pid=N walks=N mismatches=N skipped=N (unready=N gap=N ended_early=N) cut=N frames=N
 * and the first mismatch in full as soon as it is met. Skipped are walks that started before libgcc was loaded, and
 * those of which only a part could be compared: a gap at which both stopped, or frames beyond the place where libgcc
 * did (JIT).
 */
#ifndef VZ_UNWIND_CHECK_H
#define VZ_UNWIND_CHECK_H

#include <stdint.h>

#include "unwind.h"

/* Compare the stack `id`, which was found for `from`. In a hook, of a checking build only: slow, uses 2 KiB of stack.
 */
void vz_unwind_check(struct vz_context from, uint32_t id, uint32_t max_depth);

#endif
