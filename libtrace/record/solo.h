/* A process that records itself: what a library does that `vizzytrace --emit-library` wrote, where no vizzytrace runs.
 *
 * The hooks are the same, and so is the region; but the process is its own collector. Whoever finds the pool full, or comes
 * by when it is time, takes a lock, and writes to the trace what all threads have published: by libtrace/collect, in a
 * window of drain.h, on a stack of its own, with all signals held back. So a holder is never interrupted by a handler that
 * could wait for it or jump away. It waits for nothing but the kernel, and for that only where a file is written; over TCP
 * what can't be sent at once stays in memory, and what can't be said at once is not said.
 *
 * To a file: the region lies in the trace itself (POOL blocks), so that a killed process has lost nothing; what was
 * written is given back only once it is in the file. No descriptor is kept. Over TCP: solo_stream.h.
 */
#ifndef VZ_SOLO_H
#define VZ_SOLO_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "shm.h"

/* Whether this process has begun to record itself. */
extern bool vz_solo_on;
static inline bool vz_solo_is_on(void) { return __builtin_expect(vz_solo_on, 0); }

/* In attaching, and in a forked child: makes session, region and trace of its own, as config says. region_bytes: of address
 * space that the region may take. False: it can't, and has said why. */
bool vz_solo_begin(const struct vz_config_solo *config, enum vz_origin origin, uint64_t start_ticks,
                   uint64_t region_bytes);

/* In a forked child whose hook has yet to be finished, with pointers into the parent's region: makes that private memory. */
void vz_solo_make_private(void);

/* In a hook: writes what there is if the pool is full. False: there is no room, and none to be waited for. */
bool vz_solo_make_room(void);

/* In a hook: writes what there is if that is due. now: ticks. */
void vz_solo_write_in_time(uint64_t now);

/* The process ends, or another program is about to take its place: writes everything, and an end, which the next events
 * overwrite should there be any. fate: enum vz_image_fate. */
void vz_solo_end(uint32_t fate, uint32_t fate_value);

/* Another program may be about to take its place, but that may well fail: over TCP, where an end can't be taken back, all is
 * written but that. */
void vz_solo_may_end(uint32_t fate);

/* It goes on after all. */
void vz_solo_go_on(void);

#endif
