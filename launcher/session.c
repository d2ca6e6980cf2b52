/* The session's shared memory: see session.h. */
#define _GNU_SOURCE
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "message.h"
#include "sys.h"

static off_t region_offset(uint32_t index) { return (off_t)(VZ_SESSION_BYTES + VZ_REGION_STRIDE * index); }

/* Images wake every sleeper when the recording ends: none may wait for a collector that drains no more. */
static void wake_region(const struct vz_session_memory *memory, uint32_t index)
{
    struct vz_region *region = vz_session_map_region(memory, index);
    if (!region)
        return;
    atomic_fetch_add(&region->drain_sequence, 1);
    vz_sys_futex_wake_all(&region->drain_sequence);
    vz_session_unmap_region(region);
}

static void fill_header(struct vz_session *header, const struct vz_cli *cli, uint32_t clock, uint64_t clock_start)
{
    header->version = VZ_SHM_VERSION;
    header->options = (cli->free_stacks ? VZ_OPTION_FREE_STACKS : 0) |
                      (cli->drop_when_full && !cli->wait_while_room ? VZ_OPTION_DROP : 0) |
                      (cli->follow_children ? 0 : VZ_OPTION_NO_CHILDREN);
    header->max_depth = cli->max_depth;
    header->clock = clock;
    header->buffer_bytes = cli->buffer_bytes;
    header->clock_start = clock_start;
    atomic_store(&header->next_serial, 1);
    atomic_store(&header->state, VZ_SESSION_OPEN);
    vz_sys_hold_robust_futex(&header->owner);
    header->magic = VZ_SHM_MAGIC;
}

void vz_session_drop(const struct vz_session_memory *memory, bool drop)
{
    _Atomic uint32_t *options = &memory->header->options; /* in a line that all hooks read: written when it changes */
    if (drop != !!(atomic_load(options) & VZ_OPTION_DROP))
        atomic_fetch_xor(options, VZ_OPTION_DROP);
}

int vz_session_create(const struct vz_cli *cli, uint32_t clock, uint64_t clock_start, struct vz_session_memory *memory)
{
    memory->fd = vz_sys_memfd("vizzy");
    if (memory->fd < 0) {
        vz_message_error("can't make shared memory: %s", strerror(-memory->fd));
        return memory->fd;
    }
    if (ftruncate(memory->fd, (off_t)VZ_SESSION_FILE_BYTES) != 0) {
        int error = errno;
        vz_message_error("can't size the shared memory: %s%s", strerror(error),
                         error == EFBIG ? "; raise the hard limit on file sizes (ulimit -Hf)" : "");
        close(memory->fd);
        return -error;
    }
    void *header = mmap(NULL, VZ_SESSION_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
    if (header == MAP_FAILED) {
        int error = errno;
        vz_message_error("can't map the shared memory: %s", strerror(error));
        close(memory->fd);
        return -error;
    }
    /* No seal on writes: punching a released region out must stay possible. */
    fcntl(memory->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    memory->header = header;
    snprintf(memory->path, sizeof(memory->path), "/proc/%d/fd/%d", (int)getpid(), memory->fd);
    fill_header(memory->header, cli, clock, clock_start);
    return 0;
}

struct vz_region *vz_session_map_region(const struct vz_session_memory *memory, uint32_t index)
{
    void *region = mmap(NULL, VZ_REGION_STRIDE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory->fd,
                        region_offset(index));
    return region == MAP_FAILED ? NULL : region;
}

void vz_session_unmap_region(struct vz_region *region) { munmap(region, VZ_REGION_STRIDE); }

void vz_session_release_region(const struct vz_session_memory *memory, uint32_t index, struct vz_region *region)
{
    atomic_store(&memory->header->claims[index], VZ_CLAIM_GONE);
    vz_session_unmap_region(region);
    /* A region that can't be emptied stays out of use: fresh memory must be zero. */
    if (fallocate(memory->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, region_offset(index),
                  (off_t)VZ_REGION_STRIDE) == 0)
        atomic_store(&memory->header->claims[index], VZ_CLAIM_FREE);
}

void vz_session_give_up_region(const struct vz_session_memory *memory, uint32_t index)
{
    atomic_fetch_add(&memory->header->images_missed, 1);
    atomic_store(&memory->header->claims[index], VZ_CLAIM_GONE);
}

void vz_session_close(const struct vz_session_memory *memory)
{
    atomic_store(&memory->header->state, VZ_SESSION_CLOSED);
    for (uint32_t i = 0; i < VZ_MAX_REGIONS; i++) {
        if (atomic_load(&memory->header->claims[i]) == VZ_CLAIM_LIVE)
            wake_region(memory, i);
    }
}
