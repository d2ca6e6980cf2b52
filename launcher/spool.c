/* The ring of unacknowledged bytes: see spool.h. */
#define _GNU_SOURCE
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)256 << 10) /* read from a file at once */

/* A file in the directory that nobody else sees, with all its blocks: a disk that fills up later would be SIGBUS. */
static int open_file(const char *directory, size_t capacity)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int error = posix_fallocate(fd, 0, (off_t)capacity);
    if (error)
        close(fd);
    return error ? -error : fd;
}

int vz_spool_open(const char *directory, size_t capacity, struct vz_spool *spool)
{
    int fd = directory ? open_file(directory, capacity) : -1;
    if (directory && fd < 0)
        return fd;
    int flags = directory ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *ring = mmap(NULL, capacity, PROT_READ | PROT_WRITE, flags, fd, 0);
    int error = ring == MAP_FAILED ? -errno : 0;
    if (fd >= 0)
        close(fd);
    if (!error)
        *spool = (struct vz_spool){.ring = ring, .capacity = capacity, .file = -1};
    return error;
}

int vz_spool_open_file(int file, struct vz_spool *spool)
{
    int error = vz_spool_open(NULL, PIECE_BYTES, spool);
    if (!error)
        spool->file = file;
    return error;
}

void vz_spool_close(struct vz_spool *spool)
{
    if (spool->ring)
        munmap(spool->ring, spool->capacity);
    spool->ring = NULL;
}

int vz_spool_add(struct vz_spool *spool, const void *bytes, size_t n)
{
    if (spool->file >= 0) {
        spool->end += n;
        return 0;
    }
    if (spool->capacity - (size_t)(spool->end - spool->begin) < n)
        return -ENOSPC;
    size_t at = (size_t)(spool->end % spool->capacity);
    size_t first = spool->capacity - at < n ? spool->capacity - at : n;
    memcpy(spool->ring + at, bytes, first);
    memcpy(spool->ring, (const uint8_t *)bytes + first, n - first);
    spool->end += n;
    return 0;
}

size_t vz_spool_view(struct vz_spool *spool, uint64_t offset, uint64_t end, const void **bytes)
{
    uint64_t rest = end - offset;
    *bytes = spool->ring;
    if (spool->file >= 0) {
        ssize_t got =
            pread(spool->file, spool->ring, rest < spool->capacity ? (size_t)rest : spool->capacity, (off_t)offset);
        return got > 0 ? (size_t)got : 0;
    }
    size_t at = (size_t)(offset % spool->capacity);
    size_t to_wrap = spool->capacity - at;
    *bytes = spool->ring + at;
    return rest < to_wrap ? (size_t)rest : to_wrap;
}

void vz_spool_release(struct vz_spool *spool, uint64_t offset)
{
    if (offset >= spool->begin && offset <= spool->end)
        spool->begin = offset;
}
