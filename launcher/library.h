/* The library that vizzytrace carries inside, and its config section (record/config.h). */
#ifndef VZ_LIBRARY_H
#define VZ_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#include "record/config.h"

/* A copy of it, to be freed, and its config section, which is to be filled in there. Returns 0 or -errno. */
int vz_library_copy(char **image, size_t *bytes, struct vz_config **config);

/* Writes it to a new file that anyone may load; or, if it is secret, only its owner. Returns 0 or -errno. */
int vz_library_write(const char *path, const char *image, size_t bytes, bool is_secret);

#endif
