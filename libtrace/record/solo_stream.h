/* Streaming the own trace to a receiver (docs/stream-protocol.md), without ever waiting here: what can't be sent now stays in
 * memory, and who may wait does so without the lock. A broken connection is opened again; so is one whose descriptor the
 * program has closed.
 *
 * Here is what a stream has besides being a place (solo_place.h). All are called with solo's lock held, but for
 * vz_solo_stream_wait.
 */
#ifndef VZ_SOLO_STREAM_H
#define VZ_SOLO_STREAM_H

#include <stdbool.h>
#include <stdint.h>

/* Goes on with what can be done at once: connecting, sending, taking acknowledgements. Returns 0; or -errno: nothing will ever be
 * sent any more. */
int vz_solo_stream_go_on(void);

/* Whether a receiver takes the stream now. */
bool vz_solo_stream_is_open(void);

/* How many bytes the receiver has not acknowledged. */
uint64_t vz_solo_stream_backlog(void);

/* Waits until there may be something to go on with, at most timeout_ns. */
void vz_solo_stream_wait(uint64_t timeout_ns);

#endif
