/* From the streams of an image to one sequence of events in order.
 *
 * Order. The streams are merged by the ticks of their events, one window at a time: a window ends at `limit`, a clock read
 * made before the streams are looked at. Of two events on one address, e1 and then e2 by another thread, e1 was published
 * before whatever handed the address over, and so before e2's clock was read. If e2 < limit, then e1 was published before
 * `limit` was read, hence is seen in this window or was seen in an earlier one: what is written is closed under "happened
 * before", and within a window the ticks put e1 first. An event that a thread stamped before `limit` and published after we
 * looked comes in the next window; nothing that depends on it can be in this one. Its time is raised to the last one
 * written, so that the times of an image never decrease.
 *
 * Within a stream, the order of the slots is the order of the program; ticks that run backwards there are raised likewise.
 */
#ifndef VZ_DRAIN_H
#define VZ_DRAIN_H

#include "source.h"

/* Takes all events published by the image with ticks below limit into its batch, gives read chunks back, and writes what
 * fills up. Of a dead image everything is taken. Returns how many events were taken. */
uint64_t vz_drain(struct vz_source *source, uint64_t limit);

/* With keeps_chunks: gives back the chunks that were read and left. */
void vz_drain_give_back(struct vz_source *source);

/* Once the thread of a stream is dead and all it published was read: gives back the last chunk, and lets another thread have
 * the stream. False: something is left to read. */
bool vz_drain_retire(struct vz_source *source, uint32_t stream_index);

/* The stream of that index, or NULL if there is none yet. */
struct vz_stream *vz_drain_stream(const struct vz_source *source, uint32_t index);

#endif
