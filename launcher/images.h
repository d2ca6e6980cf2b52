/* The process images of a recording: noticed when they claim a region, ended when their process ends or execs.
 *
 * An image ends when its process does, or when another image of the same pid appears while the process lives: that is an exec.
 * The region is given back only when it is certain that nobody writes to it any more.
 */
#ifndef VZ_IMAGES_H
#define VZ_IMAGES_H

#include "collector.h"

/* Takes in the images that have appeared since. */
void vz_images_scan(struct vz_collector *collector);

/* Ends those whose process has ended. */
void vz_images_end_dead(struct vz_collector *collector);

/* From time to time: finds the processes of images that are not known by their pid, because they live in
 * another pid namespace. Those that have none are dead. */
void vz_images_look_up(struct vz_collector *collector);

/* Whether processes run that belong to the recording but have no image yet: they have been forked or executed just now. */
bool vz_images_expected(struct vz_collector *collector);

/* The recording ends: what still runs is written up to now. COMMAND gets a record even if it never had an image. */
void vz_images_end_all(struct vz_collector *collector);

#endif
