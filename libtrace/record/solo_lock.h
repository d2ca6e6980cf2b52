/* The lock of a process that records itself. Whoever holds it runs with all signals held back and waits for nothing but
 * the kernel, so waiting for it is short; a holder that is never seen again (a vfork child that was killed) is given up on.
 */
#ifndef VZ_SOLO_LOCK_H
#define VZ_SOLO_LOCK_H

#include <stdbool.h>
#include <stdint.h>

/* mask: what vz_solo_unlock puts back. False: whoever has it does not come back, which was said. */
bool vz_solo_lock(uint64_t *mask);
/* Only if nobody has it. */
bool vz_solo_try_lock(uint64_t *mask);
void vz_solo_unlock(const uint64_t *mask);

/* In a forked child: nobody has it. */
void vz_solo_reset_lock(void);

#endif
