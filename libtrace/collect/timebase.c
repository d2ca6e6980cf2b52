/* Conversion of ticks: see timebase.h. */
#include "timebase.h"

/* ns per tick between two pairs, as 32 fractional bits. */
static uint64_t rate_between(struct vz_clock_pair from, struct vz_clock_pair to)
{
#ifdef __SIZEOF_INT128__
    return (uint64_t)(((unsigned __int128)(to.ns - from.ns) << VZ_TIMEBASE_UNIT_SHIFT) / (to.ticks - from.ticks));
#else
    const uint64_t ns = to.ns - from.ns, ticks = to.ticks - from.ticks;
    uint64_t rate = ns / ticks, rest = ns % ticks;
    for (int bit = 0; bit < VZ_TIMEBASE_UNIT_SHIFT; bit++) { /* by hand: there is no wider division */
        rest <<= 1;
        rate = rate << 1 | (rest >= ticks);
        rest -= rest >= ticks ? ticks : 0;
    }
    return rate;
#endif
}

void vz_timebase_add(struct vz_timebase *base, uint64_t ticks, uint64_t ns)
{
    base->past[base->n_past++ % VZ_TIMEBASE_PAST] = (struct vz_clock_pair){base->ticks, base->ns};
    base->ticks = base->next_ticks;
    base->ns = base->next_ns;
    base->next_ticks = ticks;
    base->next_ns = ns;
    if (ticks > base->ticks)
        base->rate = rate_between((struct vz_clock_pair){base->ticks, base->ns}, (struct vz_clock_pair){ticks, ns});
}

uint64_t vz_timebase_ns_past(const struct vz_timebase *base, uint64_t ticks)
{
    struct vz_clock_pair end = {base->ticks, base->ns};
    for (uint64_t i = 1; i <= base->n_past && i <= VZ_TIMEBASE_PAST; i++) {
        const struct vz_clock_pair begin = base->past[(base->n_past - i) % VZ_TIMEBASE_PAST];
        if (begin.ticks <= ticks)
            return begin.ns + vz_timebase_scale(ticks - begin.ticks, rate_between(begin, end));
        end = begin;
    }
    const uint64_t before = vz_timebase_ns_between(base, ticks, end.ticks); /* longer ago than is remembered */
    return end.ns > before ? end.ns - before : 0;
}
