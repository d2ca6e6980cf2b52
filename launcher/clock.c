/* The session's clock, as the collector reads it: see clock.h. */
#define _GNU_SOURCE
#include "clock.h"

#include <stdatomic.h>
#include <time.h>

#include "sys.h"
#include "sys_counter.h"

static uint64_t read_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t read_ticks(const struct vz_timebase *base, uint64_t ns)
{
    return base->is_counter ? vz_sys_counter_after_loads() : ns;
}

/* Reads both clocks at one instant: again, if this thread lost the processor in between. */
static void read_pair(const struct vz_timebase *base, uint64_t *ticks, uint64_t *ns)
{
    uint64_t best = UINT64_MAX;
    for (int tries = 0; tries < 4 && best > 10000; tries++) {
        uint64_t before = base->is_counter ? vz_sys_counter_after_loads() : 0;
        uint64_t now = read_ns(CLOCK_MONOTONIC);
        uint64_t after = read_ticks(base, now);
        uint64_t taken = base->is_counter ? after - before : 0;
        if (taken < best) {
            best = taken;
            *ticks = base->is_counter ? before + taken / 2 : now;
            *ns = now;
        }
    }
}

void vz_timebase_start(struct vz_timebase *base)
{
    *base = (struct vz_timebase){.is_counter = VZ_SYS_HAS_COUNTER && vz_sys_counter_is_reliable()};
    base->start_wall_ns = read_ns(CLOCK_REALTIME);
    read_pair(base, &base->start_ticks, &base->start_ns);
    base->rate = 1ULL << 32;
}

uint64_t vz_timebase_advance(struct vz_timebase *base)
{
    uint64_t ticks = 0;
    uint64_t ns = 0;
    read_pair(base, &ticks, &ns);
    atomic_thread_fence(memory_order_seq_cst);
    ticks -= base->start_ticks;
    ns -= base->start_ns;
    vz_timebase_add(base, ticks, ns);
    return ticks;
}

uint64_t vz_timebase_read_ns(const struct vz_timebase *base) { return read_ns(CLOCK_MONOTONIC) - base->start_ns; }
