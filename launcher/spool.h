/* The bytes of a stream that its receiver has not acknowledged: a ring in memory, or in a file that has no name; or the trace
 * file itself, where all of them are kept and there is always room.
 *
 * Positions are offsets in the stream. Not synchronised: see stream.c.
 */
#ifndef VZ_SPOOL_H
#define VZ_SPOOL_H

#include <stddef.h>
#include <stdint.h>

struct vz_spool {
    uint8_t *ring; /* of a file: what was read from it last */
    size_t capacity;
    uint64_t begin, end; /* what is kept; of a ring, end - begin <= capacity */
    int file;            /* readable; -1: it is a ring */
};

/* Makes an empty spool: in memory if `directory` is NULL, else in a file there. Memory is taken as it is used. Returns 0 or
 * -errno. */
int vz_spool_open(const char *directory, size_t capacity, struct vz_spool *spool);

/* Makes a spool of a file to which the bytes are written by whoever adds them here: at their offsets. The descriptor stays the
 * caller's. Returns 0 or -errno. */
int vz_spool_open_file(int file, struct vz_spool *spool);

void vz_spool_close(struct vz_spool *spool);

/* Adds n bytes at the end, those that a file has there already. Returns 0, or -ENOSPC if there is not enough room for all. */
int vz_spool_add(struct vz_spool *spool, const void *bytes, size_t n);

/* The longest run of bytes in [offset, end), all of it kept, that can be had in one piece; valid until the next call. Returns 0 if
 * there is none, or the file lacks what was in it. May be called without a lock: those who add at the end change nothing before it. */
size_t vz_spool_view(struct vz_spool *spool, uint64_t offset, uint64_t end, const void **bytes);

/* Forgets what comes before `offset`; one outside of [begin, end] changes nothing. */
void vz_spool_release(struct vz_spool *spool, uint64_t offset);

#endif
