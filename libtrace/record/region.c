/* This image's region: the bump allocator, and making its memory accessible as it grows. */
#include "region.h"

#include <sys/mman.h>

#include "sys.h"

struct vz_session *vz_session_shm;
struct vz_region *vz_region;
size_t vz_region_bytes;

/* End of what this process has made accessible of its region: private, since each image has its own mapping. */
static _Atomic uint64_t accessible;

static uint64_t step_bytes;
static vz_region_grower grower;

static enum vz_growth unprotect(struct vz_region *region, uint64_t from, uint64_t to)
{
    return vz_sys_protect((char *)region + from, (size_t)(to - from), PROT_READ | PROT_WRITE) >= 0 ? VZ_GROWN
                                                                                                   : VZ_GROW_REFUSED;
}

int vz_region_enter(struct vz_region *region, size_t bytes, uint64_t step, vz_region_grower grow)
{
    grower = grow ? grow : unprotect;
    step_bytes = step;
    if (grower(region, 0, step) != VZ_GROWN)
        return -1;
    atomic_store(&accessible, step);
    vz_region_bytes = bytes;
    vz_region = region;
    return 0;
}

void vz_region_stop(enum vz_stop why)
{
    uint32_t none = VZ_STOP_NONE;
    if (vz_region)
        atomic_compare_exchange_strong(&vz_region->stopped, &none, (uint32_t)why);
}

static enum vz_growth make_accessible(uint64_t end)
{
    uint64_t from = atomic_load(&accessible);
    if (end <= from)
        return VZ_GROWN;
    const uint64_t to = (end + step_bytes - 1) / step_bytes * step_bytes;
    const enum vz_growth growth = grower(vz_region, from, to);
    if (growth != VZ_GROWN)
        return growth;
    while (from < to && !atomic_compare_exchange_weak(&accessible, &from, to))
        ;
    return VZ_GROWN;
}

uint64_t vz_region_alloc(uint64_t bytes)
{
    struct vz_region *region = vz_region;
    bytes = (bytes + VZ_PAGE - 1) / VZ_PAGE * VZ_PAGE;
    /* Overshooting `top` by a failed call is harmless as long as it can't wrap: it ends the image's recording. */
    if (atomic_load_explicit(&region->top, memory_order_relaxed) + bytes > vz_region_bytes) {
        vz_region_stop(VZ_STOP_REGION_FULL);
        return 0;
    }
    const uint64_t offset = atomic_fetch_add(&region->top, bytes);
    if (offset + bytes > vz_region_bytes) {
        vz_region_stop(VZ_STOP_REGION_FULL);
        return 0;
    }
    const enum vz_growth growth = make_accessible(offset + bytes);
    if (growth == VZ_GROWN)
        return offset;
    uint64_t end = offset + bytes;
    atomic_compare_exchange_strong(&region->top, &end, offset); /* unless somebody has taken more meanwhile */
    if (growth == VZ_GROW_REFUSED)
        vz_region_stop(VZ_STOP_REFUSED);
    return 0;
}
