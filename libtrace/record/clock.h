/* The session's clock, in ticks since its start. In a hook: no system call. */
#ifndef VZ_CLOCK_H
#define VZ_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "region.h"
#include "sys.h"
#include "sys_counter.h"

/* Set once at attach; here so that the hot path inlines the read. */
extern uint64_t vz_clock_start;
extern bool vz_clock_is_counter;

/* Ticks of a clock that may stand still between two events: those of one process are distinct all the same, in the order
 * in which they were taken. */
uint64_t vz_clock_ticks_counted(void);

/* Ticks now. Not ordered against surrounding loads. */
static inline uint64_t vz_clock_ticks(void)
{
    return vz_clock_is_counter ? vz_sys_counter() - vz_clock_start : vz_clock_ticks_counted();
}

/* Whether other threads may exist. A libc that can't tell (before glibc 2.32) says yes. */
extern const char *vz_clock_single_threaded;

/* Ticks now, read after every load before it has completed: of an allocation, whose address may come from another
 * thread's free. Without this the counter may be read before the lock that ordered the two was taken. One thread needs
 * no order. */
static inline uint64_t vz_clock_ticks_ordered(void)
{
    if (vz_clock_is_counter && !*vz_clock_single_threaded)
        return vz_sys_counter_after_loads() - vz_clock_start;
    return vz_clock_ticks();
}

#endif
