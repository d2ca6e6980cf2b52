/* The state of a frame as its callee's return will find it. */
#ifndef VZ_UNWIND_CONTEXT_H
#define VZ_UNWIND_CONTEXT_H

#include <stdint.h>

struct vz_context {
    uintptr_t pc; /* return address */
    uintptr_t sp; /* stack pointer after the return: the callee's CFA */
    uintptr_t fp; /* frame-pointer register: rbp, ebp, x29, s0 */
};

#endif
