/* Hooks of the calls by which a program learns how its children ended: so that the trace can say it of children that
 * are gone before the collector has seen them. What such a call returned is put into the region's ring, nothing else.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "hook.h"

/* The ring, made when the first child has ended; NULL: no memory. */
static _Atomic uint64_t *ring(void)
{
    uint32_t page = atomic_load_explicit(&vz_region->waits, memory_order_acquire);
    if (!page) {
        const uint32_t fresh = (uint32_t)(vz_region_alloc(VZ_PAGE) / VZ_PAGE);
        if (fresh && atomic_compare_exchange_strong(&vz_region->waits, &page, fresh))
            page = fresh;
    }
    return page ? vz_region_page(page) : NULL;
}

static void note(pid_t pid, int status)
{
    if (!(WIFEXITED(status) || WIFSIGNALED(status)) || !vz_session_recording())
        return;
    _Atomic uint64_t *waits = ring();
    if (waits)
        atomic_store(&waits[atomic_fetch_add(&vz_region->n_waits, 1) % VZ_N_WAITS],
                     (uint64_t)(uint32_t)pid << 32 | (uint32_t)status);
}

/* A caller that does not ask for the status must not keep us from learning it. */
#define WAIT_HOOK(name, parameters, arguments)                                                                         \
    VZ_EXPORT pid_t name parameters                                                                                    \
    {                                                                                                                  \
        int own_status = 0;                                                                                            \
        status = status ? status : &own_status;                                                                        \
        const pid_t ended = VZ_REAL(name) arguments;                                                                   \
        if (ended > 0)                                                                                                 \
            note(ended, *status);                                                                                      \
        return ended;                                                                                                  \
    }

WAIT_HOOK(wait, (int *status), (status))
WAIT_HOOK(waitpid, (pid_t pid, int *status, int options), (pid, status, options))
WAIT_HOOK(wait3, (int *status, int options, struct rusage *usage), (status, options, usage))
WAIT_HOOK(wait4, (pid_t pid, int *status, int options, struct rusage *usage), (pid, status, options, usage))

VZ_EXPORT int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    const int result = VZ_REAL(waitid)(type, id, info, options);
    if (result == 0 && info && info->si_code == CLD_EXITED)
        note(info->si_pid, (info->si_status & 0xff) << 8);
    else if (result == 0 && info && (info->si_code == CLD_KILLED || info->si_code == CLD_DUMPED))
        note(info->si_pid, info->si_status & 0x7f);
    return result;
}
