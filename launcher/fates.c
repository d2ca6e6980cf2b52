/* Learning fates: see fates.h.
 *
 * The kernel knows how a process ended that is still a zombie, and from Linux 6.15 on of any that we hold a descriptor
 * of. A short one may be gone before we have seen it: of 600 that lived half a millisecond, 514 were. Then its parent
 * was told, and has put that into its region (record/shm.h, waits) right after its wait returned.
 */
#define _GNU_SOURCE
#include "fates.h"

#include <sys/wait.h>

#include "process.h"

#define PATIENCE_ROUNDS 3 /* how long the parent is given from its wait's return to its note */

static void set_fate(struct vz_image *image, int wait_status)
{
    image->fate = WIFSIGNALED(wait_status) ? VZ_FATE_SIGNAL : VZ_FATE_EXIT;
    image->fate_value = (uint32_t)(WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
}

/* What the kernel knows. COMMAND is our own child. */
static bool ask_kernel(struct vz_collector *collector, const struct vz_image *image, int *status)
{
    if (image->outer_pid != collector->command)
        return image->outer_pid && vz_process_status(image->outer_pid, image->pidfd, status);
    if (!collector->command_ended)
        collector->command_ended = waitpid(collector->command, &collector->command_status, 0) == collector->command;
    *status = collector->command_status;
    return true;
}

/* The image's parent, if it is recorded. */
static const struct vz_image *find_parent(const struct vz_collector *collector, const struct vz_image *image)
{
    for (uint32_t i = 0; i < collector->images_end; i++) {
        const struct vz_image *parent = collector->images[i];
        if (parent && parent != image && (uint32_t)parent->pid == image->source.region->ppid)
            return parent;
    }
    return NULL;
}

/* What the parent was told. An entry serves once: pids are used again. */
static bool ask_parent(const struct vz_image *parent, const struct vz_image *image, int *status)
{
    uint64_t page = atomic_load_explicit(&parent->source.region->waits, memory_order_acquire);
    _Atomic uint64_t *waits = page ? vz_source_at(&parent->source, page * VZ_PAGE, VZ_PAGE) : NULL;
    uint32_t n = atomic_load(&parent->source.region->n_waits);
    for (uint32_t i = 1; waits && i <= VZ_N_WAITS; i++) { /* the latest first */
        _Atomic uint64_t *place = &waits[(n - i) % VZ_N_WAITS];
        uint64_t entry = atomic_load(place);
        if (entry >> 32 != (uint32_t)image->pid)
            continue;
        atomic_compare_exchange_strong(place, &entry, 0);
        *status = (int)(uint32_t)entry;
        return true;
    }
    return false;
}

bool vz_fates_learn(struct vz_collector *collector, struct vz_image *image)
{
    int status;
    if (image->fate != VZ_FATE_UNKNOWN)
        return true;
    const struct vz_image *parent = find_parent(collector, image);
    const bool is_told = parent && ask_parent(parent, image, &status);
    if (ask_kernel(collector, image, &status) || is_told) {
        set_fate(image, status);
        return true;
    }
    return !parent || parent->source.is_dead || image->n_fate_tries++ == PATIENCE_ROUNDS;
}

void vz_fates_tell_children(struct vz_collector *collector, const struct vz_image *parent)
{
    int status;
    for (uint32_t i = 0; atomic_load(&parent->source.region->waits) && i < collector->images_end; i++) {
        struct vz_image *child = collector->images[i];
        if (!child || child == parent || child->source.region->ppid != (uint32_t)parent->pid ||
            child->fate != VZ_FATE_UNKNOWN || !ask_parent(parent, child, &status))
            continue;
        set_fate(child, status);
        child->source.is_dead = true; /* its parent has waited for it */
    }
}
