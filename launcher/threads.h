/* The threads of an image: which stream is whose, what they are called, and which have ended. */
#ifndef VZ_THREADS_H
#define VZ_THREADS_H

#include "collector.h"

/* Takes in streams that threads have claimed since, and writes the records of these threads. Returns how many streams there
 * are to look at: image->cursors has as many. */
uint32_t vz_threads_discover(struct vz_collector *collector, struct vz_image *image);

/* From time to time: looks which threads have ended, gives their streams back, and reads the names. */
void vz_threads_sweep(struct vz_collector *collector, struct vz_image *image);

/* Writes the names that threads have given themselves since they were last read. */
void vz_threads_read_names(struct vz_collector *collector, struct vz_image *image);

#endif
