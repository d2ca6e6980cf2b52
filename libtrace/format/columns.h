/* One column: integers -> differences -> byte planes -> zstd.
 *
 * No system calls; memory is the caller's (`struct vz_packer`).
 */
#ifndef VZ_COLUMNS_H
#define VZ_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

#include "format.h"

struct vz_packer {
    void *zstd;          /* ZSTD_CCtx; NULL: store */
    uint32_t max_values; /* of a column: a power of two */
    uint64_t *large;     /* columns that are made of others */
    uint32_t *small;
    uint8_t *planes;     /* 8 * max_values bytes */
    uint32_t *last_seen; /* 2 * max_values, open addressing by value: index + 1 of its last occurrence, 0: empty */
};

/* The scratch memory that a packer needs, 8-aligned. */
static inline size_t vz_packer_bytes(uint32_t max_values)
{
    return max_values * (sizeof(uint64_t) + sizeof(uint32_t) + 8u + 2u * sizeof(uint32_t));
}

/* 0, or -ENOMEM. memory: vz_packer_bytes of it. store: do not compress. */
int vz_packer_init(struct vz_packer *packer, void *memory, uint32_t max_values, int store);
void vz_packer_free(struct vz_packer *packer);

/* Compress n bytes if it makes them fewer. Returns the bytes stored at out, n if they were copied as they are; or 0 if
 * they do not fit in capacity. */
size_t vz_packer_compress(struct vz_packer *packer, const uint8_t *bytes, size_t n, uint8_t *out, size_t capacity);

/* A column's values: unsigned integers of `size` bytes each, which is 1, 4 or 8. */
struct vz_values {
    const void *data;
    size_t size;
};

/* Encode n values at out; fill in `column` but for its id. 0 or -ENOSPC. */
int vz_packer_column(struct vz_packer *packer, enum vz_encoding encoding, struct vz_values values, uint32_t n,
                     struct vz_column *column, uint8_t *out, size_t capacity);

/* Back references: packer->small[i] becomes the distance to the last earlier source[j] == source[i], or 0, and the
 * values that have none go to packer->large. Returns how many those are. */
uint32_t vz_packer_back(struct vz_packer *packer, const uint64_t *source, uint32_t n);

#endif
