/* Hooks of the calls that end a process without running its handlers: one that records itself writes its end before. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>

#include "format/format.h"
#include "hook.h"
#include "solo.h"

VZ_EXPORT void _exit(int status)
{
    vz_solo_end(VZ_FATE_EXIT, (uint32_t)status & 0xff);
    VZ_REAL(_exit)(status);
    __builtin_unreachable();
}

VZ_EXPORT void _Exit(int status)
{
    vz_solo_end(VZ_FATE_EXIT, (uint32_t)status & 0xff);
    VZ_REAL(_Exit)(status);
    __builtin_unreachable();
}
