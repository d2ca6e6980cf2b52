/* The library's reading of a program that is about to be executed: any bytes may stand there. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "record/config.h"
#include "record/fitness.h"

extern struct vz_config vz_config;

static int file = -1;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (file < 0) {
        strcpy(vz_config.library_path, "/dev/null"); /* what can't be reached is not examined */
        file = memfd_create("program", MFD_CLOEXEC);
        FUZZ_CHECK(file >= 0);
    }
    FUZZ_CHECK(ftruncate(file, 0) == 0 && pwrite(file, data, bytes, 0) == (ssize_t)bytes);
    const enum vz_unfit unfit = vz_fitness_of_fd(file);
    FUZZ_CHECK(unfit <= VZ_UNFIT_NOT_EXECUTABLE && unfit != VZ_UNFIT_UNREACHABLE);
    return 0;
}
