/* Where the bytes of a trace go: a file, or a receiver over TCP. */
#ifndef VZ_OUTLET_H
#define VZ_OUTLET_H

#include <stdbool.h>
#include <stddef.h>

struct vz_outlet;

struct vz_outlet_ops {
    /* Takes n bytes after those before. Returns 0 or -errno. */
    int (*write)(struct vz_outlet *outlet, const void *bytes, size_t n);
    /* Whether events should be given to it now: a stream's spool may be full. */
    bool (*has_room)(const struct vz_outlet *outlet);
    /* Closes it. Returns 0 or -errno: something was lost, and nobody has said so yet. */
    int (*close)(struct vz_outlet *outlet);
};

struct vz_outlet {
    const struct vz_outlet_ops *ops;
    const char *name; /* for messages */
};

#endif
