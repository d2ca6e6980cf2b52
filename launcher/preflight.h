/* Whether COMMAND can be found, run and recorded: asked before anything is started, so that the answer is clear. */
#ifndef VZ_PREFLIGHT_H
#define VZ_PREFLIGHT_H

#include <limits.h>

struct vz_program {
    char path[PATH_MAX]; /* what to execute */
    char **argv;         /* with which arguments: the caller's, or those of the shell that reads a script without #! */
};

/* Looks COMMAND up as a shell would and examines it, following #! lines to the interpreter. Fills *program. Prints what
 * is wrong. Returns 0, VZ_EXIT_NOT_FOUND, VZ_EXIT_NOT_RUNNABLE or VZ_EXIT_FAILED (no memory). */
int vz_preflight(char **command, struct vz_program *program);

#endif
