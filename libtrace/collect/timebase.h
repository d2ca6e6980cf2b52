/* Ticks of the session's clock -> ns since its start.
 *
 * Who collects reads the clock and CLOCK_MONOTONIC together, once a round. Between two such pairs time is interpolated, so no
 * calibration is needed, a change of the counter's rate (a migrated machine) is followed, and after a round the last pair is
 * exact. What becomes known later is told by the pairs of its time: those of now would put it some microseconds before or
 * after events that were written then, and a fork on the wrong side of them.
 */
#ifndef VZ_TIMEBASE_H
#define VZ_TIMEBASE_H

#include <stdbool.h>
#include <stdint.h>

#define VZ_TIMEBASE_PAST 4096u    /* pairs remembered: several seconds of short rounds */
#define VZ_TIMEBASE_UNIT_SHIFT 32 /* a rate of 1 << this: ticks are ns */

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

/* Ends the last round's span: the clock was read as these, both since the start. Conversions follow the span that ends now. */
void vz_timebase_add(struct vz_timebase *base, uint64_t ticks, uint64_t ns);

/* The length in ns of a span of ticks, at this rate. Where the machine has no 128-bit product, in halves: exact but for the
 * carry out of the lowest bits, as long as the result fits. */
static inline uint64_t vz_timebase_scale(uint64_t ticks, uint64_t rate)
{
#ifdef __SIZEOF_INT128__
    return (uint64_t)(((unsigned __int128)ticks * rate) >> VZ_TIMEBASE_UNIT_SHIFT);
#else
    const uint64_t high = ticks >> 32, low = ticks & UINT32_MAX;
    return high * rate + low * (rate >> 32) + (low * (rate & UINT32_MAX) >> 32);
#endif
}

static inline uint64_t vz_timebase_ns_between(const struct vz_timebase *base, uint64_t from, uint64_t to)
{
    return vz_timebase_scale(to - from, base->rate);
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
