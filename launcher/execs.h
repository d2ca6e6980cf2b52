/* What an image's log tells of its processes: what it runs, execs, and what could not be followed. */
#ifndef VZ_EXECS_H
#define VZ_EXECS_H

#include "collector.h"

/* Reads what is new in the image's log, and writes it to the trace. */
void vz_execs_read(struct vz_collector *collector, struct vz_image *image);

/* Takes a note of it that is none of modules: what vz_execs_read meets, and what else reads the log. */
void vz_execs_take_note(struct vz_collector *collector, struct vz_image *image, uint32_t kind,
                        const struct vz_note *note);

/* What the image says it runs, if it does: the executable's path, and the arguments, each ended by a zero byte; both to be
 * freed. Reads ahead only. False: it doesn't. */
bool vz_execs_tell_command(const struct vz_image *image, char **exe, char **args, size_t *args_bytes);

#endif
