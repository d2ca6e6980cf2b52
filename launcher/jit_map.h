/* Names of code that a just-in-time compiler made: /tmp/perf-PID.map, which many runtimes write when asked to.
 *
 * The file is not there for long, so what names the image's call stacks goes into the trace.
 */
#ifndef VZ_JIT_MAP_H
#define VZ_JIT_MAP_H

#include "collector.h"

/* Writes those lines of the image's map that name one of its call-stack nodes, if there is a map that the process made since the
 * recording started. Its nodes must have been written. A map that can't be read is none. */
void vz_jit_map_write(struct vz_collector *collector, const struct vz_image *image);

#endif
