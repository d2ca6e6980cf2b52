/* The processor's time-stamp counter. */
#ifndef VZ_SYS_COUNTER_H
#define VZ_SYS_COUNTER_H

#include <stdint.h>

enum { VZ_SYS_HAS_COUNTER = 1 };

static inline uint64_t vz_sys_counter(void) { return __builtin_ia32_rdtsc(); }

static inline uint64_t vz_sys_counter_after_loads(void)
{
    __asm__ volatile("lfence" ::: "memory"); /* rdtsc is no load: nothing else keeps it behind one */
    return __builtin_ia32_rdtsc();
}

#endif
