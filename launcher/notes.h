/* The log of an image: modules that came and went, execs, and what could not be followed. */
#ifndef VZ_NOTES_H
#define VZ_NOTES_H

#include "collector.h"

/* Reads what is new in the image's log, and writes it to the trace. */
void vz_notes_read(struct vz_collector *collector, struct vz_image *image);

/* What the image says it runs, if it does: the executable's path, and the arguments, each ended by a zero byte; both to be
 * freed. Reads ahead only. False: it doesn't. */
bool vz_notes_tell_command(const struct vz_image *image, char **exe, char **args, size_t *args_bytes);

#endif
