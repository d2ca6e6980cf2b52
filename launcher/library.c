/* The carried library: see library.h. */
#define _GNU_SOURCE
#include "library.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf_file.h"
#include "io.h"
#include "record/shm.h"

extern const char vz_library_start[], vz_library_end[]; /* embed.S */

static struct vz_config *find_config(char *image, size_t bytes)
{
    size_t section_bytes = 0;
    const size_t offset = vz_elf_find_section(image, bytes, VZ_CONFIG_SECTION, &section_bytes);
    struct vz_config *config = (struct vz_config *)(image + offset);
    if (!offset || offset % 8 || section_bytes < sizeof(*config) || config->magic != VZ_CONFIG_MAGIC ||
        config->size != sizeof(*config) || config->shm_version != VZ_SHM_VERSION)
        return NULL;
    return config;
}

int vz_library_copy(char **image, size_t *bytes, struct vz_config **config)
{
    *bytes = (size_t)(vz_library_end - vz_library_start);
    *image = malloc(*bytes);
    if (!*image)
        return -ENOMEM;
    memcpy(*image, vz_library_start, *bytes);
    *config = find_config(*image, *bytes);
    if (*config)
        return 0;
    free(*image);
    return -ENOEXEC;
}

int vz_library_write(const char *path, const char *image, size_t bytes, bool is_secret)
{
    const mode_t mode = is_secret ? 0700 : 0755;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return -errno;
    int error = vz_io_write_all(fd, image, bytes);
    if (!error && fchmod(fd, mode) != 0) /* whatever the umask is */
        error = -errno;
    if (close(fd) != 0 && !error)
        error = -errno;
    return error;
}
