/* Reading the session's clock, for the conversions of collect/timebase.h. */
#ifndef VZ_COLLECTOR_CLOCK_H
#define VZ_COLLECTOR_CLOCK_H

#include "collect/timebase.h"

/* Chooses the clock and starts it. */
void vz_timebase_start(struct vz_timebase *base);

/* Begins a round: reads the clock, and makes conversions follow the span that ends now. Returns the ticks now. No load
 * that comes after it in the program is done before the clock is read. */
uint64_t vz_timebase_advance(struct vz_timebase *base);

/* ns since the start, read now. */
uint64_t vz_timebase_read_ns(const struct vz_timebase *base);

#endif
