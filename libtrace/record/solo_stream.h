/* Streaming the own trace to a receiver (docs/stream-protocol.md). All but make_room are called with solo's lock held. */
#ifndef VZ_SOLO_STREAM_H
#define VZ_SOLO_STREAM_H

#include <stdbool.h>

#include "collect/outlet.h"
#include "config.h"

/* Begins a stream; the connection is made when there is something to send. Returns 0 or -errno. */
int vz_solo_stream_create(const struct vz_config_solo *config, struct vz_outlet **outlet);

/* In a forked child: lets go of the parent's connection. */
void vz_solo_stream_forget(void);

/* In a hook, without the lock. */
bool vz_solo_stream_make_room(void);

#endif
