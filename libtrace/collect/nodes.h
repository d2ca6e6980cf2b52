/* Call-stack nodes: written to the trace when the first event that uses them is. */
#ifndef VZ_NODES_H
#define VZ_NODES_H

#include "source.h"

/* Writes those of the nodes ids[0, n) and their ancestors that are not in the trace yet, parents first. An id that the image
 * has not published, which only memory damaged by the program can hold, becomes VZ_NODE_GAP. */
void vz_nodes_write(struct vz_source *source, uint32_t *ids, uint32_t n, uint64_t time);

/* The next node after *id that was written, and the address to look up for it. Begin with an id of 0. False: there is none. */
bool vz_nodes_next(const struct vz_source *source, uint32_t *id, uint64_t *address);

void vz_nodes_free(struct vz_source *source);

#endif
