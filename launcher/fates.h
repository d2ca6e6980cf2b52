/* How the process of an image ended: from the kernel, or else from its parent, if that is recorded. */
#ifndef VZ_FATES_H
#define VZ_FATES_H

#include "collector.h"

/* Tries to learn the fate of an image whose process has ended. False: it may be known in a later round, so the image
 * should not be ended yet. */
bool vz_fates_learn(struct vz_collector *collector, struct vz_image *image);

/* Before a dead image's region is given back: what it was told of its children, whose end may not have been noticed
 * yet. */
void vz_fates_tell_children(struct vz_collector *collector, const struct vz_image *parent);

#endif
