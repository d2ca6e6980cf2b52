/* Streams of this image's region: claiming one for a thread, and the chunks they grow by. Lock-free; in a hook. */
#ifndef VZ_STREAMS_H
#define VZ_STREAMS_H

#include <stdint.h>

#include "thread.h"

/* A stream for the calling thread at this nesting level, with no chunk yet: one that a dead thread left, or a new one.
 * NULL when the region or the arena is used up. */
struct vz_thread *vz_streams_claim(uint32_t tid, uint32_t level);

/* In a forked child, with its own region entered: give every level of the one surviving thread (may be NULL) a new
 * stream, and forget the parent's. False: no memory. */
bool vz_streams_fork(struct vz_thread *survivor);

#endif
