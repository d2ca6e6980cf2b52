/* Whole reads and writes of small things: see io.h. */
#define _GNU_SOURCE
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int vz_io_write_all(int fd, const void *bytes, size_t n)
{
    const char *rest = bytes;
    while (n > 0) {
        ssize_t written = write(fd, rest, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -ENOSPC;
        rest += written;
        n -= (size_t)written;
    }
    return 0;
}

ssize_t vz_io_read_file(int directory_fd, const char *path, char *buffer, size_t capacity)
{
    int fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t n = 0;
    ssize_t got = 1;
    while (got > 0 && n < capacity - 1) {
        got = read(fd, buffer + n, capacity - 1 - n);
        if (got > 0)
            n += (size_t)got;
    }
    int error = got < 0 ? errno : 0;
    close(fd);
    buffer[n] = 0;
    return n || !error ? (ssize_t)n : -error;
}
