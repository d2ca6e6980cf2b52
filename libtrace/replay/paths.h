/* The distinct paths of call stacks, and the distinct frames in them.
 *
 * Called by vizreport through ctypes, over its arrays. One walk over the nodes, which have their callers before them; memory
 * is malloc's, and grows with the nodes asked for. No system calls of its own. vizreport/kernels/paths.py does the same.
 */
#ifndef VZ_PATHS_H
#define VZ_PATHS_H

#include <stdint.h>

/* The nodes of an image, by row. */
struct vz_path_nodes {
    uint64_t n;            /* less than 2^31 */
    const int64_t *above;  /* row of the caller, less than the node's own; or -1 */
    const uint32_t *roots; /* how the stack ends, less than VZ_NODE_FIRST_ID: where above is -1; else any value */
    const uint64_t *pcs;
    const uint64_t *codes; /* generation * 2 + interrupted */
};

/* A node for each distinct path, in the order in which the rows have the first of its kind. Room for n values each. */
struct vz_paths {
    int64_t *parents; /* node, less than its own; or -1 */
    int64_t *rows;    /* the first that has this path */
    int64_t *frames;  /* number of the frame: 0, 1, ... as they come */
};

/* Number pairs of pc and code: equal numbers for equal pairs, 0, 1, ... as they come. firsts[k], with room for n, is the index
 * of the first pair with number k. Returns how many numbers there are, or -ENOMEM. */
int64_t vz_frames_number(uint64_t n, const uint64_t *pcs, const uint64_t *codes, int64_t *numbers, int64_t *firsts);

/* Find the paths from the root down to leaves; ends[i] is the last node of the path to the row leaves[i], -1 for a leaf of
 * -1. Returns how many nodes there are; -ENOMEM; -EINVAL: a row that is none. */
int64_t vz_paths_find(const struct vz_path_nodes *nodes, uint64_t n_leaves, const int64_t *leaves, int64_t *ends,
                      const struct vz_paths *paths);

#endif
