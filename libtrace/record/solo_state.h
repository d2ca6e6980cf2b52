/* What the files of solo.h share. All of it is touched with its lock held, but for what is atomic. */
#ifndef VZ_SOLO_STATE_H
#define VZ_SOLO_STATE_H

#include "collect/sink_trace.h"
#include "collect/source.h"
#include "config.h"
#include "solo_place.h"

#define VZ_SOLO_POOL_STEP (128u << 10) /* how much a file's pool grows by */

struct vz_solo {
    const struct vz_config_solo *config;
    const struct vz_solo_place *place;
    struct vz_source source;
    struct vz_trace_sink trace;
    struct vz_timebase time;
    struct vz_batch batch;
    uint64_t mapped;               /* how much of the region lies in the file */
    char *stack_top;               /* of the stack to write on; it lies below the rest of our memory */
    _Atomic uint64_t due_ticks;    /* when to write, however little there is */
    uint64_t swept_ticks;          /* when threads were last looked for that have ended */
    uint64_t n_dropped, looked_ns; /* events whose loss was written, and when that was looked for */
    bool has_end;                  /* behind the trace as it is kept lies an end, which tells how the process ended */
    uint32_t fate, fate_value;
};

extern struct vz_solo vz_solo;

/* ---- solo_write.c: on the own stack ------------------------------------------------------------------------------- */

/* Takes up what time it is, and when to write next. */
void vz_solo_begin_time(void);

/* Writes what all threads have published up to now. */
void vz_solo_write_window(void);

/* Writes the trace's end behind what is kept of it; and goes back to before that. cut: for good. */
void vz_solo_write_end(void);
void vz_solo_take_end_back(bool cut);

/* Notes an error of the trace (0: none), and stops recording if there ever was one. Returns whether it goes on. */
bool vz_solo_check(int error);

/* For now there is no descriptor: the pool has to do a little longer. */
bool vz_solo_is_passing(int error);

/* Makes a piece of the file of [vz_solo.mapped, to) of the region. Returns 0 or -errno. */
int vz_solo_map_more(struct vz_region *region, uint64_t to);

/* ---- solo_source.c ------------------------------------------------------------------------------------------------ */

extern const struct vz_source_ops vz_solo_source_ops;

/* Zeroed memory, mapped for itself, NULL: there is none; and back. */
void *vz_solo_allocate(size_t bytes);
void vz_solo_release(void *memory);

#endif
