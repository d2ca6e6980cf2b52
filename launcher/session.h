/* The session's shared memory, as its maker sees it (layout and rules: libtrace/record/shm.h). */
#ifndef VZ_SESSION_H
#define VZ_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "cli.h"
#include "record/shm.h"

struct vz_session_memory {
    int fd;                    /* memfd, close-on-exec */
    char path[64];             /* under which others can open it, as long as this process lives */
    struct vz_session *header; /* mapped */
};

/* Makes and fills in the shared memory, and takes the owner futex. Prints what fails. Returns 0 or -errno. */
int vz_session_create(const struct vz_cli *cli, uint32_t clock, uint64_t clock_start, struct vz_session_memory *memory);

/* Whether threads drop what finds the pool full, from now on; else they wait. Those that wait see it within 50 ms. */
void vz_session_drop(const struct vz_session_memory *memory, bool drop);

/* Maps a region; NULL: no address space. */
struct vz_region *vz_session_map_region(const struct vz_session_memory *memory, uint32_t index);

void vz_session_unmap_region(struct vz_region *region);

/* Unmaps a region, gives its memory back and lets others claim it. */
void vz_session_release_region(const struct vz_session_memory *memory, uint32_t index, struct vz_region *region);

/* Lets go of a region that can't be taken in: its image is counted as missed and stops, rather than wait to be read. */
void vz_session_give_up_region(const struct vz_session_memory *memory, uint32_t index);

/* Ends the recording: images stop by themselves, and no longer wait. */
void vz_session_close(const struct vz_session_memory *memory);

#endif
