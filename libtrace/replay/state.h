/* What a replay holds: shared by replay.c, which changes it, and results.c, which copies from it. */
#ifndef VZ_STATE_H
#define VZ_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "accounts.h"
#include "format/format.h"
#include "live.h"
#include "mappings.h"
#include "timeline.h"

struct vz_pending {        /* the first half of a reallocation */
    struct vz_block block; /* what it takes out of its slot; of VZ_HOLDER_NOBODY: nothing was live there */
    uint64_t allocs;       /* of the block's thread, at that time */
    uint32_t next;         /* the one around it in its thread, or the next free one; VZ_NONE: none */
    uint32_t stack;        /* id, where the trace has stacks of frees */
    bool temporary;
};

struct vz_replay {
    struct vz_live live;
    struct vz_accounts accounts;
    struct vz_timeline timeline;
    struct vz_mappings mappings;
    struct vz_pending *pending;
    uint32_t n_pending; /* entries that were ever used */
    uint32_t pending_room, free_pending;
    uint32_t n_under_way; /* of those that are not free */

    struct vz_level level;     /* own blocks that are live */
    struct vz_level inherited; /* inherited ones */
    struct vz_counts counts;
    struct vz_level peak;
    uint64_t peak_time;
    uint64_t peak_row; /* plus 1; 0: no bytes were ever live */
    bool rising;       /* the last change reached the peak: stacks need not save what they have live */
    uint64_t n_events, n_unmatched, n_duplicates, n_temporary;
    /* What follows means something only while a block is replayed. */
    uint32_t slots[VZ_MAX_EVENTS];      /* of the block's addresses */
    uint32_t stack_rows[VZ_MAX_EVENTS]; /* of its stacks */
};

#endif
