/* The clock where it is CLOCK_MONOTONIC. Its ticks may be longer than a malloc: 52 ns on a Raspberry Pi, a microsecond on some
 * RISC-V boards, up to 10 ms with old kernels. What is taken within one is told apart by single nanoseconds, handed out in
 * order; so a free and the allocation that reuses its block never change places. The clock has passed them again long before
 * they add up: no process allocates each nanosecond.
 */
#include "clock.h"

uint64_t vz_clock_start;
bool vz_clock_is_counter;
static const char maybe_threaded = 0;
const char *vz_clock_single_threaded = &maybe_threaded;

uint64_t vz_clock_ticks_counted(void)
{
    static _Atomic uint64_t last;
    const uint64_t now = vz_sys_monotonic_ns() - vz_clock_start;
    uint64_t before = atomic_load_explicit(&last, memory_order_relaxed), ticks;
    do
        ticks = now > before ? now : before + 1;
    while (!atomic_compare_exchange_weak(&last, &before, ticks));
    return ticks;
}
