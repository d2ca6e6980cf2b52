/* Keeping paths. A handler may leave by siglongjmp at any instruction, so an entry is void while it is being changed.
 */
#include "unwind_paths.h"

#include <stdatomic.h>
#include <string.h>

void vz_paths_keep(struct vz_memo *memo, uint32_t n_kept)
{
    const struct vz_frame *join = &memo->frames[n_kept - 1], *leaf = &memo->frames[memo->n_frames - 1];
    const uint32_t n_checks = memo->n_checks - join->n_checks;
    if (n_checks > VZ_PATH_CHECKS || memo->base > 0) /* below a window, frames are less well known */
        return;
    const uint32_t index = leaf->id * 0x9e3779b9u >> (32 - VZ_PATH_BITS);
    struct vz_path *path = &memo->paths[index];
    *vz_paths_guess(memo, &leaf->at) = (uint16_t)index;
    memo->last_path = index;
    path->from.pc = 0;
    atomic_signal_fence(memory_order_seq_cst);
    path->from.sp = leaf->at.sp;
    path->from.fp = leaf->at.fp;
    path->fp_mask = leaf->fp_matters ? ~(uintptr_t)0 : 0;
    path->join = join->at;
    path->join_index = n_kept - 1;
    path->join_id = join->id;
    path->epoch = memo->epoch;
    path->n_checks = n_checks;
    path->id = leaf->id;
    memcpy(path->checks, memo->checks + join->n_checks, n_checks * sizeof *path->checks);
    atomic_signal_fence(memory_order_seq_cst);
    path->from.pc = leaf->at.pc;
    memo->has_paths = true;
}

void vz_paths_forget(struct vz_memo *memo)
{
    if (memo->has_paths) /* else the pages stay untouched */
        memset(memo->paths, 0, sizeof memo->paths);
    memo->has_paths = false;
}
