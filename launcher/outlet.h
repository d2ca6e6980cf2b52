/* Where the bytes of a trace go: a file, or a receiver over TCP. */
#ifndef VZ_OUTLET_H
#define VZ_OUTLET_H

#include <stdbool.h>
#include <stddef.h>

#include "stream.h"

struct vz_outlet {
    const char *name;         /* for messages */
    int fd;                   /* of the file; -1: it is a stream */
    struct vz_stream *stream; /* NULL: it is a file */
};

/* Opens a file, which must not be a directory. Prints what fails. Returns 0 or -errno. */
int vz_outlet_open_file(const char *path, struct vz_outlet *outlet);

/* Connects to a receiver. Prints what fails. Returns 0 or -errno. */
int vz_outlet_open_stream(const struct vz_stream_target *target, struct vz_outlet *outlet);

/* Takes n bytes after those before. Returns 0 or -errno. */
int vz_outlet_write(struct vz_outlet *outlet, const void *bytes, size_t n);

/* Whether events should be given to it now: a stream's spool may be full. */
bool vz_outlet_has_room(const struct vz_outlet *outlet);

/* Closes it; a stream waits for what is not acknowledged, and says what was lost. Returns 0 or -errno. */
int vz_outlet_close(struct vz_outlet *outlet);

#endif
