/* vizzytrace's outlets: a file, a receiver over TCP, or both. */
#ifndef VZ_LAUNCHER_OUTLET_H
#define VZ_LAUNCHER_OUTLET_H

#include "collect/outlet.h"
#include "stream.h"

/* Opens a file, which must not be a directory. Prints what fails. Returns 0 or -errno. */
int vz_outlet_open_file(const char *path, struct vz_outlet **outlet);

/* Connects to a receiver. Prints what fails. Returns 0 or -errno. Closing it waits for what is not acknowledged, and says what
 * was lost. */
int vz_outlet_open_stream(const struct vz_stream_target *target, struct vz_outlet **outlet);

/* The same with a file, to which all bytes are written first and from which they are sent. The file is what counts: it goes on
 * whatever becomes of the stream. */
int vz_outlet_open_tee(const struct vz_stream_target *target, const char *path, struct vz_outlet **outlet);

#endif
