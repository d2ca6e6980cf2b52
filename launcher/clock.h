/* Ticks of the session's clock -> ns since its start.
 *
 * Each round of the collector reads the clock and CLOCK_MONOTONIC together. Between two such pairs time is
 * interpolated, so no calibration is needed, a change of the counter's rate (a migrated machine) is followed, and after
 * a round the last pair is exact. What becomes known later is told by the pairs of its time: those of now would put it
 * some microseconds before or after events that were written then, and a fork on the wrong side of them.
 */
#ifndef VZ_COLLECTOR_CLOCK_H
#define VZ_COLLECTOR_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define VZ_TIMEBASE_PAST 4096u /* pairs remembered: several seconds of short rounds */

struct vz_clock_pair {
    uint64_t ticks, ns;
};

struct vz_timebase {
    bool is_counter;              /* ticks are the processor's counter, else ns */
    uint64_t start_ticks;         /* the clock's value at the start: both scales count from it */
    uint64_t start_ns;            /* CLOCK_MONOTONIC then */
    uint64_t start_wall_ns;       /* CLOCK_REALTIME then */
    uint64_t ticks, ns;           /* the pair that the line goes through: start of the last round's span */
    uint64_t rate;                /* ns per tick, 32 fractional bits */
    uint64_t next_ticks, next_ns; /* the pair that ends the span */
    uint64_t n_past;              /* how many pairs came before (ticks, ns) */
    struct vz_clock_pair past[VZ_TIMEBASE_PAST]; /* the last of them, by number modulo VZ_TIMEBASE_PAST */
};

/* Chooses the clock and starts it. */
void vz_timebase_start(struct vz_timebase *base);

/* Begins a round: reads the clock, and makes conversions follow the span that ends now. Returns the ticks now. No load
 * that comes after it in the program is done before the clock is read. */
uint64_t vz_timebase_advance(struct vz_timebase *base);

/* ns since the start, read now. */
uint64_t vz_timebase_read_ns(const struct vz_timebase *base);

/* The length in ns of a span of ticks. */
static inline uint64_t vz_timebase_ns_between(const struct vz_timebase *base, uint64_t from, uint64_t to)
{
    return (uint64_t)(((unsigned __int128)(to - from) * base->rate) >> 32);
}

/* For vz_timebase_ns: a tick before the last round's span. */
uint64_t vz_timebase_ns_past(const struct vz_timebase *base, uint64_t ticks);

/* ns since the start at that tick: the same in whichever round it is asked for, but for a tick beyond the last pair. */
static inline uint64_t vz_timebase_ns(const struct vz_timebase *base, uint64_t ticks)
{
    if (__builtin_expect(ticks < base->ticks, 0))
        return vz_timebase_ns_past(base, ticks);
    return base->ns + vz_timebase_ns_between(base, base->ticks, ticks);
}

#endif
