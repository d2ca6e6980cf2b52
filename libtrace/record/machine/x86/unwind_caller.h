/* Where x86 code finds the caller of a function. */
#ifndef VZ_UNWIND_CALLER_H
#define VZ_UNWIND_CALLER_H

#include "record/unwind_context.h"

/* The caller of the function that contains this, which must take a fixed number of parameters. That function gets a frame
 * pointer by it. */
static inline __attribute__((always_inline)) struct vz_context vz_context_of_caller(void)
{
    const uintptr_t *frame = __builtin_frame_address(0);
    return (struct vz_context){.pc = frame[1], .sp = (uintptr_t)(frame + 2), .fp = frame[0]};
}

#endif
