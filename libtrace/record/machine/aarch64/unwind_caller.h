/* Where 64-bit ARM code finds the caller of a function. */
#ifndef VZ_UNWIND_CALLER_H
#define VZ_UNWIND_CALLER_H

#include "record/unwind_context.h"

/* The caller of the function that contains this, which must take a fixed number of parameters. That function gets a frame
 * pointer by it. */
static inline __attribute__((always_inline)) struct vz_context vz_context_of_caller(void)
{
    const uintptr_t *frame = __builtin_frame_address(0); /* the pair of saved fp and pc */
#ifdef __clang__
    const uintptr_t *cfa = __builtin_sponentry(); /* clang's __builtin_dwarf_cfa is that of x86 */
#else
    const uintptr_t *cfa = __builtin_dwarf_cfa();
#endif
    const uintptr_t pc = (uintptr_t)__builtin_return_address(0); /* without its signature */
    return (struct vz_context){.pc = pc, .sp = (uintptr_t)cfa, .fp = frame[0]};
}

#endif
