/* Events that an image's threads dropped: how many, and when.
 *
 * The hooks only count (struct vz_stream, struct vz_region). Here the counts are looked at from time to time, so that the trace tells
 * when events were lost, and while the image runs. */
#ifndef VZ_LOSSES_H
#define VZ_LOSSES_H

#include "collector.h"

/* From time to time: looks what every image has dropped since, and writes it while the sink has room for more. */
void vz_losses_look(struct vz_collector *collector);

/* When an image ends: looks for the last time, and writes what was not written. */
void vz_losses_finish(struct vz_collector *collector, struct vz_image *image);

#endif
