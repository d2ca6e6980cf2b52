/* Where the trace of a process that records itself goes: what differs between a file and a stream. All are called with solo's lock
 * held, or by nobody else yet.
 */
#ifndef VZ_SOLO_PLACE_H
#define VZ_SOLO_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "collect/outlet.h"
#include "config.h"

struct vz_solo_place {
    bool holds_region; /* the region lies in the trace: POOL and POSITIONS blocks */

    /* Begins one. Returns 0 or -errno; the outlet in *outlet in any case. */
    int (*create)(const struct vz_config_solo *config, struct vz_outlet **outlet);
    /* In a forked child: lets go of the parent's. */
    void (*forget)(void);
    /* Around writes. open: 0 or -errno. */
    int (*open)(void);
    void (*close)(void);
    /* Where the next block goes; and going back to an earlier such place, what lies behind is cut off, or overwritten next. NULL: what was
     * written can't be taken back. */
    uint64_t (*end)(void);
    void (*rewind)(uint64_t end, bool cut);
};

extern const struct vz_solo_place vz_solo_file, vz_solo_stream;

#endif
