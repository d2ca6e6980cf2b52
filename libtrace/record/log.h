/* The region's log: rare facts about the image (modules, execs, warnings), as records of shm.h's vz_note kinds.
 *
 * May be called in a hook or signal handler; lock-free. When the region is full, notes are lost (recording stops too).
 */
#ifndef VZ_LOG_H
#define VZ_LOG_H

#include <stdint.h>

#include "shm.h"

/* A log for the region just entered: in attaching, and in a forked child. */
void vz_log_start(void);

/* Append a record of `kind` with `text` (may be NULL; cut at 4,096 bytes). */
void vz_log_note(enum vz_note_kind kind, uint64_t value, uint32_t generation, const char *text);

/* Append a module record: `fields` has everything but ticks, sizes and text, which are filled in here. */
void vz_log_module(const struct vz_module_note *fields, const char *path);

/* Say what this image runs: its process may be gone before anybody looks at /proc. In attaching, before the region is LIVE. */
void vz_log_command(void);

#endif
