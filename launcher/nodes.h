/* Call-stack nodes: written to the trace when the first event that uses them is. */
#ifndef VZ_NODES_H
#define VZ_NODES_H

#include "collector.h"

/* Writes those of the nodes ids[0, n) and their ancestors that are not in the trace yet, parents first. An id that the image
 * has not published, which only memory damaged by the program can hold, becomes VZ_NODE_GAP. */
void vz_nodes_write(struct vz_collector *collector, struct vz_image *image, uint32_t *ids, uint32_t n, uint64_t time);

/* The addresses to look up for all nodes that were written, in no order: *addresses, to be freed, has *n. Returns 0 or -ENOMEM. */
int vz_nodes_addresses(const struct vz_image *image, uint64_t **addresses, size_t *n);

void vz_nodes_free(struct vz_image *image);

#endif
