/* The processor's time-stamp counter. */
#ifndef VZ_SYS_CLOCK_H
#define VZ_SYS_CLOCK_H

#include <stdint.h>

#if defined(__x86_64__)
static inline uint64_t vz_sys_counter(void) { return __builtin_ia32_rdtsc(); }

static inline uint64_t vz_sys_counter_after_loads(void)
{
    __builtin_ia32_lfence(); /* rdtsc is no load: nothing else keeps it behind one */
    return __builtin_ia32_rdtsc();
}
#else
#error "no counter for this architecture yet: sys_clock.h"
#endif

#endif
