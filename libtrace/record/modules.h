/* Loaded ELF objects: which one holds a pc, where its unwind data is, and in which code epochs it was there.
 *
 * Modules loaded at start are listed once, when the image attaches. Later ones are found when a pc in them is first met
 * (dlopen is not wrapped: glibc resolves RUNPATH by the return address). Each is announced in the region's log.
 */
#ifndef VZ_MODULES_H
#define VZ_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vz_module {
    uintptr_t start, end;        /* mapped range [start, end) */
    uintptr_t bias;              /* runtime address minus ELF virtual address */
    const uint8_t *unwind_table; /* in memory: .eh_frame_hdr, on 32-bit ARM .ARM.exidx; NULL: no unwind data */
    size_t unwind_table_bytes;
    uint32_t generation; /* first code epoch that resolves it; 0 and `fixed`: loaded at start */
    uint32_t id;         /* from 1; the same in the log */
    bool fixed;          /* loaded at start: never unloaded, its nodes have generation 0 */
};

/* List and announce what is loaded now. When attaching, not in a hook of a running program (reads ELF headers). */
void vz_modules_start(void);

/* In a forked child that has claimed its region: announce again what the parent knew. */
void vz_modules_fork(void);

/* The module that holds pc, or NULL. In a hook; lock-free; takes no loader lock. The result stays valid for ever, its
 * memory only until dlclose. */
const struct vz_module *vz_modules_find(uintptr_t pc);

/* Before and after the real dlclose: the code epoch changes at both, and what is gone is announced. */
void vz_modules_closing(void);
void vz_modules_closed(void);

#endif
