/* For machines whose counter we do not read: it is no finer than CLOCK_MONOTONIC, which the vDSO makes of it, or can't be
 * read by programs. Their clock is CLOCK_MONOTONIC (enum vz_clock), and these are never called.
 */
#ifndef VZ_SYS_COUNTER_H
#define VZ_SYS_COUNTER_H

#include <stdint.h>

enum { VZ_SYS_HAS_COUNTER = 0 };

static inline uint64_t vz_sys_counter(void) { return 0; }
static inline uint64_t vz_sys_counter_after_loads(void) { return 0; }

#endif
