/* The program's own mappings: which address ranges mmap gave and munmap did not take back, in whole pages.
 *
 * A sorted array: the kernel allows a process some 65,000 mappings. Memory is malloc's.
 */
#ifndef VZ_MAPPINGS_H
#define VZ_MAPPINGS_H

#include <stdint.h>

struct vz_range {
    uint64_t start, end; /* end exclusive */
};

struct vz_mappings {
    struct vz_range *ranges; /* disjoint, increasing */
    uint32_t n;
    uint32_t capacity;
    uint64_t mapped_bytes;
    uint64_t peak_bytes;
};

/* All zero: nothing is mapped. */
void vz_mappings_free(struct vz_mappings *mappings);

/* Make `copy` the same. 0, or -ENOMEM: to be freed all the same. */
int vz_mappings_copy(struct vz_mappings *copy, const struct vz_mappings *mappings);

/* Add a range; what was mapped there is replaced. 0, or -ENOMEM. */
int vz_mappings_map(struct vz_mappings *mappings, uint64_t address, uint64_t size);

/* Take a range away, as far as it was mapped. 0, or -ENOMEM: it may fall into two. */
int vz_mappings_unmap(struct vz_mappings *mappings, uint64_t address, uint64_t size);

#endif
