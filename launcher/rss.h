/* Samples of how much memory the recorded processes have. */
#ifndef VZ_RSS_H
#define VZ_RSS_H

#include "collector.h"

/* Takes a sample of each image when it is time to, and writes them when enough have come together. */
void vz_rss_sample(struct vz_collector *collector);

/* Writes the samples of this image that wait. */
void vz_rss_flush(struct vz_collector *collector, struct vz_image *image);

#endif
