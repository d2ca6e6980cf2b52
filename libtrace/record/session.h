/* An image's part in the recording session: attach, forked children, stopping.
 *
 * The life word is checked at the start of every hook. It lies in a page that the kernel wipes in a forked child
 * (MADV_WIPEONFORK), so that a child is noticed however it was made, without asking for the pid. vfork and posix_spawn
 * share the address space: until they exec, their events are the parent's.
 */
#ifndef VZ_SESSION_H
#define VZ_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "region.h"

enum vz_life {
    VZ_LIFE_FORKED = 0, /* a wiped page: this process was forked and has not attached yet */
    VZ_LIFE_RECORDING = 1,
    VZ_LIFE_STARTING = 2, /* attaching: what the loader and we ourselves do is not recorded */
    VZ_LIFE_OFF = 3,
    VZ_LIFE_UNSTARTED = 4
};

extern _Atomic uint32_t *vz_life;

/* Attach if that has not been tried yet, in this image or after a fork. Returns whether to record. In a hook. */
bool vz_session_wake(void);

static inline bool vz_session_recording(void)
{
    return __builtin_expect(atomic_load_explicit(vz_life, memory_order_relaxed) == VZ_LIFE_RECORDING, 1) ||
           vz_session_wake();
}

/* Record no more in this process; why goes to the region. In a hook. */
void vz_session_stop(enum vz_stop why);

/* The program confines itself so that no further system call may be made, here and in forked children: record no more. In a hook. */
void vz_session_confine(void);

/* Whether it has. */
bool vz_session_confined(void);

/* Whether the collector is there and the session open. Reads shared memory only. */
bool vz_session_open(void);

/* Whether, besides, it reads this image's region: it may have had no memory for that. */
bool vz_session_attended(void);

/* The path under which this library stands in LD_PRELOAD; "" if it was not configured. */
const char *vz_session_library(void);

#endif
