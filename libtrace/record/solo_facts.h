/* What a process that records itself says of itself: texts from /proc and uname(2). */
#ifndef VZ_SOLO_FACTS_H
#define VZ_SOLO_FACTS_H

#include <sys/utsname.h>

#include "format/encode.h"

enum { VZ_FACTS_ARGS = 16384, VZ_FACTS_PATH = 4096 };

struct vz_solo_facts {
    struct utsname system;
    char system_text[3 * sizeof(((struct utsname *)0)->sysname)];
    char exe[VZ_FACTS_PATH], cwd[VZ_FACTS_PATH], args[VZ_FACTS_ARGS];
    uint32_t args_bytes, n_args;
};

/* Fills it in, as far as that can be learnt. facts: zeroed. */
void vz_solo_facts_read(struct vz_solo_facts *facts);

/* What the kernel calls a thread of this process; "": it is gone. */
void vz_solo_facts_thread_name(uint32_t tid, char name[16]);

#endif
