/* What vizzytrace was started with and changes for itself, so that COMMAND gets it exactly as it was. */
#ifndef VZ_INHERITED_H
#define VZ_INHERITED_H

#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>

#define VZ_N_OWN_SIGNALS 3

struct vz_inherited {
    sigset_t mask;
    struct sigaction own[VZ_N_OWN_SIGNALS]; /* dispositions of the signals that vizzytrace sets for itself */
    struct rlimit limits[RLIM_NLIMITS];
    int *descriptors; /* beyond stderr */
    size_t n_descriptors;
};

/* Saves everything, then blocks all signals that can be forwarded, ignores those that a failing write sends, and raises
 * the soft limits. Before any descriptor is opened. */
void vz_inherited_take(struct vz_inherited *inherited);

/* Puts everything back: in the child, before exec. */
void vz_inherited_restore(const struct vz_inherited *inherited);

/* Lets go of what only COMMAND needs: in the parent, after the child was made. A pipe that vizzytrace kept open would
 * not end when COMMAND closes it. stderr stays, for messages. */
void vz_inherited_close(struct vz_inherited *inherited);

#endif
