/* The log of an image: modules that came and went, execs, and what could not be followed. */
#ifndef VZ_NOTES_H
#define VZ_NOTES_H

#include "collector.h"

/* Reads what is new in the image's log, and writes it to the trace. */
void vz_notes_read(struct vz_collector *collector, struct vz_image *image);

/* Whether the log, as far as it wasn't read, says that the image is executing another program. Reads ahead only. */
bool vz_notes_tell_exec(const struct vz_image *image);

#endif
