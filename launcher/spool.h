/* The bytes of a stream that its receiver has not acknowledged: a ring in memory, or in a file that has no name.
 *
 * Positions are offsets in the stream. Not synchronised: see stream.c.
 */
#ifndef VZ_SPOOL_H
#define VZ_SPOOL_H

#include <stddef.h>
#include <stdint.h>

struct vz_spool {
    uint8_t *ring;
    size_t capacity;
    uint64_t begin, end; /* what is kept; end - begin <= capacity */
};

/* Makes an empty spool: in memory if `directory` is NULL, else in a file there. Memory is taken as it is used. Returns 0 or
 * -errno. */
int vz_spool_open(const char *directory, size_t capacity, struct vz_spool *spool);

void vz_spool_close(struct vz_spool *spool);

/* Adds n bytes at the end. Returns 0, or -ENOSPC if there is not enough room for all. */
int vz_spool_add(struct vz_spool *spool, const void *bytes, size_t n);

/* The longest run of bytes from `offset`, which lies in [begin, end], that the ring holds in one piece. */
size_t vz_spool_view(const struct vz_spool *spool, uint64_t offset, const void **bytes);

/* Forgets what comes before `offset`; one outside of [begin, end] changes nothing. */
void vz_spool_release(struct vz_spool *spool, uint64_t offset);

#endif
