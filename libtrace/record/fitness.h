/* Whether this library can run in the program that a file starts. */
#ifndef VZ_FITNESS_H
#define VZ_FITNESS_H

#include <fcntl.h>

#include "shm.h"

/* How to open what is to be examined: a FIFO or a device, which exec refuses, must neither wait nor do anything else. */
#define VZ_FITNESS_OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/* Examine the file as the kernel would start it: #! lines lead to their interpreter. VZ_FIT also when the file can't be
 * read or is no program: then the exec itself will say so. Opens, reads and closes; for use just before an exec. */
enum vz_unfit vz_fitness_of_path(const char *path);
enum vz_unfit vz_fitness_of_fd(int fd);

#endif
