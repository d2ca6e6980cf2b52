/* Call stacks that are equal, whatever their ids.
 *
 * Called by vizreport through ctypes, over its arrays. Memory is malloc's: 8 bytes for each node, and 4 to 8 for each stack.
 * No system calls of its own. vizreport/kernels/paths.py does the same.
 */
#ifndef VZ_STACK_GROUPS_H
#define VZ_STACK_GROUPS_H

#include <stdint.h>

#include "paths.h"

/* Call stacks. */
struct vz_stack_ends {
    uint64_t n;            /* less than 2^31 */
    const int64_t *leaves; /* rows of nodes; -1: a stack without frames */
    const int64_t *roots;  /* how a stack without frames ends; else any value */
};

/* Number stacks: equal numbers for equal paths that end equally, 0, 1, ... as they come. firsts[k], with room for n values,
 * is the index of the first stack with number k. Returns how many numbers there are; -ENOMEM; -EINVAL: a row that is none. */
int64_t vz_stacks_group(const struct vz_path_nodes *nodes, const struct vz_stack_ends *stacks, int64_t *groups,
                        int64_t *firsts);

#endif
