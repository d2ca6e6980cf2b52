/* A session and a region in private memory; see image.h. */
#define _GNU_SOURCE
#include "image.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "record/log.h"
#include "record/modules.h"
#include "record/region.h"

void image_start(void)
{
    static struct vz_session session = {.max_depth = 256, .state = VZ_SESSION_OPEN};
    struct vz_region *region =
        mmap(NULL, VZ_REGION_STRIDE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (region == MAP_FAILED || vz_region_enter(region, VZ_REGION_STRIDE, VZ_REGION_STEP, NULL) < 0) {
        fputs("image_start: no memory\n", stderr);
        exit(1);
    }
    atomic_store(&region->top, VZ_REGION_HEADER_BYTES);
    atomic_store(&region->n_nodes, VZ_NODE_FIRST);
    vz_session_shm = &session;
    vz_log_start();
    vz_modules_start();
}
