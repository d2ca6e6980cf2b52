/* Events on their way from the streams to the sink: collected in columns, written 65,536 at a time. */
#ifndef VZ_BATCH_H
#define VZ_BATCH_H

#include "collector.h"

/* The batch of this image, with room for at least one event. NULL: no memory. */
struct vz_batch *vz_batch_of(struct vz_collector *collector, struct vz_source *source);

/* Writes what has waited for longer than a second. */
void vz_batch_flush_old(struct vz_collector *collector);

void vz_batch_free_all(struct vz_collector *collector);

#endif
