/* Starting COMMAND, and ending as it ended. */
#ifndef VZ_CHILD_H
#define VZ_CHILD_H

#include <sys/types.h>

#include "inherited.h"
#include "preflight.h"

/* Starts the program with the library preloaded before whatever LD_PRELOAD held. Prints what fails. Returns 0 once the
 * program is running in *pid; VZ_EXIT_NOT_FOUND or VZ_EXIT_NOT_RUNNABLE if exec failed; else VZ_EXIT_FAILED. */
int vz_child_start(const struct vz_program *program, const char *library_path, const struct vz_inherited *inherited,
                   pid_t *pid);

/* Ends this process as wait_status says that COMMAND ended: by its status, or by its signal without a core. */
_Noreturn void vz_child_end_as(int wait_status);

#endif
