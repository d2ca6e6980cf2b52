/* Finding the unwind data of one function: the frame description entry (FDE) of a pc, with its CIE. */
#ifndef VZ_UNWIND_FDE_H
#define VZ_UNWIND_FDE_H

#include <stdbool.h>
#include <stdint.h>

#include "modules.h"

struct vz_fde {
    uintptr_t start, end;                 /* of the code it describes */
    const uint8_t *initial, *initial_end; /* the CIE's instructions */
    const uint8_t *program, *program_end; /* its own */
    uintptr_t code_align;
    int64_t data_align;
    uint64_t return_column;
    bool signal_frame; /* augmentation 'S': its caller was interrupted, it did not call */
};

/* Find the entry that covers pc in the module's .eh_frame_hdr. False: there is none, no search table, or it can't be
 * read. In a hook; reads only the module's memory. */
bool vz_fde_find(const struct vz_module *module, uintptr_t pc, struct vz_fde *fde);

#endif
