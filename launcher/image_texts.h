/* What an image runs, as texts: its executable, working directory and arguments. */
#ifndef VZ_IMAGE_TEXTS_H
#define VZ_IMAGE_TEXTS_H

#include "collector.h"

/* Fills in the texts of a new image. parent: the one that it was forked from; former: the one that it replaced by exec; NULL:
 * none, or gone. */
void vz_image_texts_read(const struct vz_collector *collector, struct vz_image *image, const struct vz_image *parent,
                         const struct vz_image *former);

/* Fills in COMMAND's own. */
void vz_image_texts_of_command(const struct vz_collector *collector, struct vz_image *image);

void vz_image_texts_free(struct vz_image *image);

#endif
