/* Images that stop recording by themselves: said on stderr while it can still be acted on. The trace has it in the
 * image's end. */
#ifndef VZ_STOPS_H
#define VZ_STOPS_H

#include "collector.h"

/* Says why the image has stopped, if it has: once for each reason in a recording. */
void vz_stops_tell(struct vz_collector *collector, const struct vz_image *image);

/* At the end of the recording: says that images found no room, if any did. */
void vz_stops_tell_missed(const struct vz_collector *collector);

#endif
