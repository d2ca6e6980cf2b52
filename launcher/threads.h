/* The threads of an image: what they are called, and which have ended. */
#ifndef VZ_THREADS_H
#define VZ_THREADS_H

#include "collector.h"

/* What the kernel calls a thread, or the program if it is the image's first and gone; "": not known. */
void vz_threads_name(const struct vz_image *image, uint32_t tid, char name[16]);

/* From time to time: looks which threads have ended, gives their streams back, and reads the names. */
void vz_threads_sweep(struct vz_collector *collector, struct vz_image *image);

#endif
