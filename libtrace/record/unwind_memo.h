/* What a thread remembers of its walks: private to unwind*.c. How it is kept true is said in unwind.c. */
#ifndef VZ_UNWIND_MEMO_H
#define VZ_UNWIND_MEMO_H

#include <stdbool.h>
#include <stdint.h>

#include "unwind.h"
#include "unwind_stack.h"

enum { VZ_KNOWN_BITS = 12, VZ_PATH_BITS = 10, VZ_PATH_CHECKS = 6, VZ_GUESS_BITS = 12 };

/* A word of the stack that led from a frame to its caller. */
struct vz_check {
    uintptr_t address, value;
};

/* A remembered frame. */
struct vz_frame {
    struct vz_context at;
    uint32_t id;         /* of the stack whose leaf it is; valid from vz_memo.cut on */
    uint32_t n_checks;   /* its own and those of all frames nearer to the root */
    uint32_t generation; /* as in its node */
    bool fp_matters;
};

/* A frame of the walk in progress. */
struct vz_fresh {
    struct vz_context at;
    uint32_t rule;
    uint32_t generation;
};

/* A private cache of the shared tables. pc is 0 while an entry is being changed. */
struct vz_known {
    uint64_t pc;
    uint32_t parent;
    uint32_t id;
};

/* A way from a leaf down to a remembered frame, as it was once walked (unwind_paths.h). Two cache lines. */
struct vz_path {
    _Alignas(64) uintptr_t pc; /* of the leaf; 0 while the entry is being changed */
    uintptr_t sp, fp;
    uint32_t id;      /* of the whole stack */
    uint32_t join_id; /* the remembered frame at its end, and where that stood in vz_memo.frames */
    uint32_t join_index;
    uint16_t n_checks;
    bool fp_matters; /* the leaf's */
    uintptr_t join_sp, join_fp;
    uint16_t words[VZ_PATH_CHECKS];   /* where each check lies: words above sp */
    uintptr_t values[VZ_PATH_CHECKS]; /* leaf end first */
};

_Static_assert(sizeof(struct vz_path) <= 128, "two cache lines");

struct vz_memo {
    struct vz_context leaf; /* leaf.pc is 0: void */
    uintptr_t fp_mask;      /* ~0 if the leaf's fp matters, else 0 */
    uint32_t leaf_id;
    uint32_t n_checks;
    uint32_t epoch; /* code epoch of everything here */
    uint32_t n_frames;
    struct vz_check *checks; /* [capacity * CHECKS_PER_FRAME] */
    struct vz_frame *frames; /* [capacity], root end first */
    struct vz_fresh *fresh;  /* [capacity + 1], leaf first: scratch */
    uint32_t base;           /* how many frames lie below frames[0] */
    uint32_t root;           /* the root id of the whole stack */
    uint32_t cut;            /* frames cut off when the ids were made */
    uint32_t max_depth, capacity;
    struct vz_stack stack;
    uint32_t unmaps;    /* vz_stack_unmaps when the frames were walked */
    bool guessed;       /* a frame may have been passed by VZ_RULE_CHAIN: what its checks read may be unmapped by now */
    uint32_t last_path; /* index of the path used last */
    uint16_t guesses[1 << VZ_GUESS_BITS]; /* index of the path that followed last time */
    bool has_known, has_paths;            /* else their pages are untouched */
    struct vz_known known[1 << VZ_KNOWN_BITS];
    struct vz_path paths[1 << VZ_PATH_BITS];
};

/* Of the first n checks, the last one that no longer holds: its number from 1, or 0. Reads the stack without asking
 * whether it can be read: each word is where the live frame above it, just checked, has its caller. */
static inline uint32_t vz_memo_broken(const struct vz_memo *memo, uint32_t n)
{
    const struct vz_check *first = memo->checks, *check = first + n;
    while (check > first && *(const uintptr_t *)check[-1].address == check[-1].value)
        check--;
    return (uint32_t)(check - first);
}

#endif
