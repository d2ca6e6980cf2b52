/* The streams of an image: which is whose, and what their threads are called. */
#ifndef VZ_READ_STREAMS_H
#define VZ_READ_STREAMS_H

#include "source.h"

/* Takes in streams that threads have claimed since, and writes the records of these threads. Returns how many streams there
 * are to look at: source->cursors has as many. */
uint32_t vz_streams_discover(struct vz_source *source);

/* Writes the names that threads have given themselves since they were last read. */
void vz_streams_read_names(struct vz_source *source);

#endif
