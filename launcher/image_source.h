/* How an image's region is read: what collect/source.h leaves to who collects. */
#ifndef VZ_IMAGE_SOURCE_H
#define VZ_IMAGE_SOURCE_H

#include "collector.h"

/* Begins reading; image->collector is set. */
void vz_image_source_open(struct vz_image *image, struct vz_region *region);

#endif
