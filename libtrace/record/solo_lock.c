/* A futex: see solo_lock.h. */
#include "solo_lock.h"

#include <errno.h>
#include <stdatomic.h>

#include "solo_message.h"
#include "solo_state.h"
#include "sys.h"
#include "sys_files.h"

enum { FREE, HELD, WANTED };
enum { WAIT_NS = 50000000 };
#define PATIENCE_NS UINT64_C(10000000000)

static _Atomic uint32_t word;

bool vz_solo_try_lock(uint64_t *mask)
{
    uint32_t expected = FREE;
    if (atomic_load_explicit(&word, memory_order_relaxed) != FREE)
        return false;
    vz_sys_hold_signals(mask);
    if (atomic_compare_exchange_strong(&word, &expected, HELD))
        return true;
    vz_sys_release_signals(mask);
    return false;
}

bool vz_solo_lock(uint64_t *mask)
{
    if (vz_solo_try_lock(mask))
        return true;
    const uint64_t end = vz_sys_monotonic_ns() + PATIENCE_NS;
    vz_sys_hold_signals(mask);
    while (vz_sys_monotonic_ns() < end) {
        if (atomic_exchange(&word, WANTED) == FREE)
            return true;
        vz_sys_futex_wait(&word, WANTED, WAIT_NS);
    }
    vz_solo_message_stop(vz_solo.trace.sink.name, -ETIMEDOUT);
    vz_sys_release_signals(mask);
    return false;
}

void vz_solo_unlock(const uint64_t *mask)
{
    if (atomic_exchange(&word, FREE) == WANTED)
        vz_sys_futex_wake(&word, 1);
    vz_sys_release_signals(mask);
}

void vz_solo_reset_lock(void) { atomic_store(&word, FREE); }
