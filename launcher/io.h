/* Whole reads and writes of small things. */
#ifndef VZ_IO_H
#define VZ_IO_H

#include <stddef.h>
#include <sys/types.h>

/* Writes all n bytes, however many calls it takes. Returns 0 or -errno; -ENOSPC when the kernel takes no more. */
int vz_io_write_all(int fd, const void *bytes, size_t n);

/* Reads a small file, as /proc has them, into buffer[0, capacity), ended by a zero byte; longer ones are cut. The path
 * is relative to directory_fd (AT_FDCWD: the working directory). Returns the bytes read or -errno. */
ssize_t vz_io_read_file(int directory_fd, const char *path, char *buffer, size_t capacity);

#endif
