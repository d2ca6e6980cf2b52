/* Keeping paths. A handler may leave by siglongjmp at any instruction, so an entry is void while it is being changed.
 */
#include "unwind_paths.h"

#include <stdatomic.h>
#include <string.h>

/* The checks of a walk from `sp`, into the path. False: it can't hold them. */
static bool keep_checks(struct vz_path *path, uintptr_t sp, const struct vz_check *checks, uint32_t n)
{
    if (n > VZ_PATH_CHECKS)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const struct vz_check *check = &checks[n - 1 - i];
        const uintptr_t word = (check->address - sp) / sizeof(uintptr_t);
        if (word > UINT16_MAX)
            return false;
        path->words[i] = (uint16_t)word;
        path->values[i] = check->value;
    }
    path->n_checks = (uint16_t)n;
    return true;
}

void vz_paths_keep(struct vz_memo *memo, uint32_t n_kept)
{
    const struct vz_frame *join = &memo->frames[n_kept - 1], *leaf = &memo->frames[memo->n_frames - 1];
    if (memo->base > 0) /* below a window, frames are less well known */
        return;
    /* Ids are given in sequence: so a program with few stacks touches few pages. */
    const uint32_t index = leaf->id & ((1u << VZ_PATH_BITS) - 1);
    struct vz_path *path = &memo->paths[index];
    path->pc = 0;
    atomic_signal_fence(memory_order_seq_cst);
    if (!keep_checks(path, leaf->at.sp, memo->checks + join->n_checks, memo->n_checks - join->n_checks))
        return;
    path->sp = leaf->at.sp;
    path->fp = leaf->at.fp;
    path->fp_matters = leaf->fp_matters;
    path->join_sp = join->at.sp;
    path->join_fp = join->at.fp;
    path->join_index = n_kept - 1;
    path->join_id = join->id;
    path->id = leaf->id;
    *vz_paths_guess(memo, &leaf->at) = (uint16_t)index;
    memo->last_path = index;
    memo->has_paths = true;
    atomic_signal_fence(memory_order_seq_cst);
    path->pc = leaf->at.pc;
}

void vz_paths_forget(struct vz_memo *memo)
{
    if (memo->has_paths)
        memset(memo->paths, 0, sizeof memo->paths);
    memo->has_paths = false;
}
