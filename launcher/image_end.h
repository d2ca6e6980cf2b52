/* Ending images: everything they published is taken, their end is written, their memory is given back. */
#ifndef VZ_IMAGE_END_H
#define VZ_IMAGE_END_H

#include "collector.h"

/* Its process has ended. Frees the image. */
void vz_image_end_dead(struct vz_collector *collector, struct vz_image *image);

/* Its process has exec'd: it goes on in another image, and nobody writes to this one any more. Frees the image. */
void vz_image_end_replaced(struct vz_collector *collector, struct vz_image *image, uint64_t time);

/* It goes on, but the recording, which is closed, doesn't. Frees the image. */
void vz_image_end_running(struct vz_collector *collector, struct vz_image *image);

#endif
