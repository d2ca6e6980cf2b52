/* Walking, remembering the last walk, and interning what is new of it.
 *
 * The memo keeps a thread's last walk as frames from the root end up to the leaf, and as *checks*: the stack words that
 * led from each frame to its caller, with their values. A new walk steps by rules until it meets a remembered frame in
 * equal state all of whose checks, down to the root end, still hold. The rest of the stack is then what it was: a
 * rule's inputs are exactly the frame's pc, sp, fp and the checked words. fp takes part only where a rule looks at it,
 * in this frame or in an older one that it is handed on to.
 *
 * Of deep stacks only a window at the leaf end is kept, placed by the depth counted from the root. Below the window
 * nothing is checked: were the frames below exchanged for others that fill the same stack space, only the place of the
 * cut would be off; every frame reported has been checked.
 *
 * A signal handler may leave by siglongjmp at any instruction. So the memo is void (no leaf, no frames) while it is
 * being changed. It must not be used by two callers at once: each nesting level has its own.
 */
#include "unwind.h"

#include <stdatomic.h>
#include <string.h>

#include "arena.h"
#include "modules.h"
#include "region.h"
#include "stacks.h"
#include "unwind_check.h"
#include "unwind_memo.h"
#include "unwind_paths.h"
#include "unwind_rules.h"
#include "unwind_step.h"

enum {
    WINDOW_MARGIN = 256,  /* frames kept beyond max_depth: two steps between cuts, so that it moves seldom */
    CHECKS_PER_FRAME = 3, /* at most */
    /* Limits for stacks that go round in circles. */
    MOST_FRAMES = 1 << 22,
    MOST_FULL_FRAMES = 1 << 17
};

/* A walk in progress. */
struct walk {
    uint32_t epoch;
    uint32_t n_fresh;    /* frames passed; the first `capacity` of them are in vz_memo.fresh */
    uint32_t candidates; /* remembered frames that may still be met */
    uint32_t n_kept;     /* remembered frames that stand */
    uint32_t root;
    bool full;    /* met a frame that needs all registers */
    bool guessed; /* passed a frame by VZ_RULE_CHAIN */
    bool stable;  /* the outcome depends on nothing that the checks don't cover */
};

static uint32_t current_epoch(void) { return atomic_load_explicit(&vz_region->code_epoch, memory_order_acquire); }

/* ---- the memo's life --------------------------------------------------------------------------------------------- */

struct vz_memo *vz_memo_new(uint32_t max_depth)
{
    struct vz_memo *memo = vz_rules_start() ? vz_arena_alloc(sizeof *memo) : NULL;
    if (!memo || max_depth == 0)
        return NULL;
    memo->max_depth = max_depth;
    memo->capacity = max_depth + WINDOW_MARGIN;
    memo->checks = vz_arena_alloc(memo->capacity * CHECKS_PER_FRAME * sizeof *memo->checks);
    memo->frames = vz_arena_alloc(memo->capacity * sizeof *memo->frames);
    memo->fresh = vz_arena_alloc((memo->capacity + 1) * sizeof *memo->fresh);
    return memo->checks && memo->frames && memo->fresh ? memo : NULL;
}

/* From here until the next leaf is set the memo holds nothing. */
static void void_frames(struct vz_memo *memo)
{
    memo->leaf.pc = 0;
    memo->n_frames = 0;
    atomic_signal_fence(memory_order_seq_cst);
}

static void forget(struct vz_memo *memo)
{
    void_frames(memo);
    if (memo->has_known)
        memset(memo->known, 0, sizeof memo->known);
    memo->has_known = false;
    vz_paths_forget(memo);
}

/* The program has unmapped something: it may have been a stack. */
static void forget_unmapped(struct vz_memo *memo)
{
    memo->unmaps = atomic_load_explicit(&vz_stack_unmaps, memory_order_relaxed);
    memset(&memo->stack, 0, sizeof memo->stack);
    if (memo->guessed)
        void_frames(memo);
}

void vz_memo_reset(struct vz_memo *memo)
{
    forget(memo);
    memset(&memo->stack, 0, sizeof memo->stack);
}

/* ---- meeting remembered frames ----------------------------------------------------------------------------------- */

/* Whether the walk stands at a remembered frame whose callers are all as they were. */
static inline bool meets(const struct vz_memo *memo, struct walk *walk, struct vz_context at)
{
    const struct vz_frame *frames = memo->frames;
    while (walk->candidates > 0 && frames[walk->candidates - 1].at.sp < at.sp)
        walk->candidates--;
    if (walk->candidates == 0)
        return false;
    const struct vz_frame *frame = &frames[walk->candidates - 1];
    if (frame->at.sp != at.sp || frame->at.pc != at.pc || (frame->fp_matters && frame->at.fp != at.fp))
        return false;
    const uint32_t broken = vz_memo_broken(memo, frame->n_checks);
    if (!broken)
        return true;
    /* The callers of the frame that the broken check belongs to have changed; those are still to be met. */
    while (walk->candidates > 0 && frames[walk->candidates - 1].n_checks >= broken)
        walk->candidates--;
    return false;
}

/* ---- stepping ---------------------------------------------------------------------------------------------------- */

static inline void note_fresh(struct vz_memo *memo, struct walk *walk, struct vz_context at, uint32_t rule,
                              uint32_t generation)
{
    if (walk->n_fresh < memo->capacity)
        memo->fresh[walk->n_fresh] = (struct vz_fresh){at, rule, generation};
    walk->n_fresh++;
}

static bool step_chain(struct vz_memo *memo, struct vz_context *at)
{
    struct vz_context frame = *at; /* so that *at can live in registers */
    const bool stepped = vz_rule_step_chain(&frame, &memo->stack);
    *at = frame;
    return stepped;
}

/* Pass the frame *at. False: the walk ends here. */
static inline bool pass_frame(struct vz_memo *memo, struct walk *walk, struct vz_context *at)
{
    const uint32_t rule = vz_rules_find(at->pc, walk->epoch);
    const enum vz_rule_kind kind = vz_rule_kind(rule);
    note_fresh(memo, walk, *at, rule, vz_rule_is_fixed(rule) ? 0 : walk->epoch);
    walk->root = kind == VZ_RULE_OUTERMOST ? VZ_NODE_ROOT : VZ_NODE_GAP;
    walk->full = kind == VZ_RULE_FULL;
    walk->guessed |= kind == VZ_RULE_CHAIN;
    if (!vz_rule_steps(rule))
        return false;
    walk->stable = walk->n_fresh < MOST_FRAMES &&
                   (kind == VZ_RULE_CHAIN ? step_chain(memo, at) : vz_rule_step(rule, at, &memo->stack));
    if (walk->stable && !at->pc)
        walk->root = VZ_NODE_ROOT;
    return walk->stable && at->pc;
}

/* The walk has met a remembered frame. If the window no longer reaches down to the cut, pass the frames down to there
 * after all: the window then starts anew. False: they are not as many as they were. */
static bool widen_window(struct vz_memo *memo, struct walk *walk, struct vz_context *at)
{
    const uint32_t depth = memo->base + walk->n_kept + walk->n_fresh;
    const uint32_t cut = vz_unwind_cut(memo->max_depth, depth);
    if (memo->base <= cut)
        return true;
    bool more = true;
    while (more && walk->n_fresh < depth - cut)
        more = pass_frame(memo, walk, at);
    if (walk->full || walk->n_fresh != depth - cut || more != (cut > 0))
        return false;
    walk->n_kept = 0;
    memo->base = cut;
    if (cut == 0)
        memo->root = walk->root;
    return true;
}

/* ---- remembering ------------------------------------------------------------------------------------------------- */

static void add_check(struct vz_memo *memo, uintptr_t address, uintptr_t value)
{
    memo->checks[memo->n_checks++] = (struct vz_check){address, value};
}

/* Put a frame on top of those remembered. caller: its state; NULL: unknown, below the window. */
static void remember(struct vz_memo *memo, const struct vz_fresh *fresh, const struct vz_context *caller,
                     bool caller_fp_matters)
{
    const uint32_t rule = fresh->rule;
    struct vz_frame *frame = &memo->frames[memo->n_frames++];
    frame->at = fresh->at;
    frame->generation = fresh->generation;
    frame->fp_matters = !caller || vz_rule_uses_fp(rule);
    if (caller && vz_rule_steps(rule)) {
        const uintptr_t slot = vz_rule_pc_slot(rule, caller->sp);
        add_check(memo, slot, vz_machine_saved_pc(slot, caller->pc));
        if (vz_rule_kind(rule) == VZ_RULE_FP_LOAD)
            add_check(memo, vz_rule_cfa_slot(rule, &fresh->at), caller->sp);
        if (caller_fp_matters && vz_rule_fp_words(rule))
            add_check(memo, vz_rule_fp_slot(rule, &fresh->at, caller->sp), caller->fp);
        else
            frame->fp_matters |= caller_fp_matters;
    }
    frame->n_checks = memo->n_checks;
}

/* Drop the n frames of the window that are nearest to the root. */
static void drop_frames(struct vz_memo *memo, uint32_t n)
{
    const uint32_t n_checks = memo->frames[n - 1].n_checks;
    memo->n_frames -= n;
    memo->n_checks -= n_checks;
    memo->base += n;
    memmove(memo->frames, memo->frames + n, memo->n_frames * sizeof *memo->frames);
    memmove(memo->checks, memo->checks + n_checks, memo->n_checks * sizeof *memo->checks);
    for (uint32_t i = 0; i < memo->n_frames; i++)
        memo->frames[i].n_checks -= n_checks;
}

/* Near those of its parent's siblings, so that programs with few stacks touch few pages. */
static struct vz_known *known_place(struct vz_memo *memo, uint32_t parent, uint64_t pc)
{
    return &memo->known[(parent + (pc * 0x9e3779b97f4a7c15u >> 59)) & ((1u << VZ_KNOWN_BITS) - 1)];
}

static uint32_t intern(struct vz_memo *memo, uint32_t parent, uint64_t pc, uint32_t generation)
{
    /* The generation need not be compared: in one code epoch it follows from the pc, and so does whether pc was
     * interrupted, since those come here only by full walks, which bypass this. */
    struct vz_known *known = known_place(memo, parent, pc);
    if (known->pc == pc && known->parent == parent)
        return known->id;
    const uint32_t id = vz_stacks_intern(parent, pc, generation);
    if (id == VZ_NODE_GAP) {      /* there is no room for it, which may change: remember nothing of this walk */
        memo->epoch = UINT32_MAX; /* no epoch is that */
        return id;
    }
    memo->has_known = true;
    known->pc = 0;
    atomic_signal_fence(memory_order_seq_cst);
    known->parent = parent;
    known->id = id;
    atomic_signal_fence(memory_order_seq_cst);
    known->pc = pc;
    return id;
}

/* Give the frames from the window's `first` on their ids. */
static void intern_from(struct vz_memo *memo, uint32_t first, uint32_t cut)
{
    if (cut != memo->cut || first + memo->base < cut)
        first = cut - memo->base;
    memo->cut = cut;
    for (uint32_t i = first; i < memo->n_frames; i++) {
        struct vz_frame *frame = &memo->frames[i];
        const uint32_t lowest = cut > 0 ? VZ_NODE_CUT : memo->root;
        const uint32_t parent = i + memo->base > cut ? memo->frames[i - 1].id : lowest;
        frame->id = intern(memo, parent, frame->at.pc, frame->generation);
    }
}

/* Make the finished walk the one that is remembered; the id of its leaf. */
static uint32_t commit(struct vz_memo *memo, const struct walk *walk, struct vz_context end)
{
    const uint32_t n_stored = walk->n_fresh < memo->capacity ? walk->n_fresh : memo->capacity;
    uint32_t n_kept = walk->n_kept;
    void_frames(memo);
    memo->guessed = walk->guessed || (n_kept && memo->guessed);
    memo->n_frames = n_kept;
    memo->n_checks = n_kept ? memo->frames[n_kept - 1].n_checks : 0;
    if (n_kept + n_stored > memo->capacity) {
        const uint32_t excess = n_kept + n_stored - memo->capacity + WINDOW_MARGIN / 2;
        drop_frames(memo, excess < n_kept ? excess : n_kept);
        n_kept = memo->n_frames;
    }
    if (n_stored < walk->n_fresh)
        memo->base += walk->n_fresh - n_stored;
    memo->fresh[n_stored].at = end; /* of the oldest stored frame's caller, if it was stepped to */
    for (uint32_t i = n_stored; i-- > 0;) {
        const struct vz_frame *below = memo->n_frames ? &memo->frames[memo->n_frames - 1] : NULL;
        const struct vz_context *caller = below || memo->base == 0 ? &memo->fresh[i + 1].at : NULL;
        remember(memo, &memo->fresh[i], caller, below && below->fp_matters);
    }
    intern_from(memo, n_kept, vz_unwind_cut(memo->max_depth, memo->base + memo->n_frames));
    const struct vz_frame *leaf = &memo->frames[memo->n_frames - 1];
    const struct vz_context at = leaf->at;
    memo->leaf_id = leaf->id;
    memo->fp_mask = leaf->fp_matters ? ~(uintptr_t)0 : 0;
    memo->leaf.sp = at.sp;
    memo->leaf.fp = at.fp;
    atomic_signal_fence(memory_order_seq_cst);
    memo->leaf.pc = at.pc;
    if (!walk->stable)
        void_frames(memo);
    else if (memo->guessed)
        memo->leaf.pc = 0; /* to be walked again: only that looks for unmapped memory */
    else if (n_kept > 0)
        vz_paths_keep(memo, n_kept);
    return memo->leaf_id;
}

/* ---- full walks -------------------------------------------------------------------------------------------------- */

/* Walk with all registers, from this function on. What is found is interned, and not remembered. */
static __attribute__((noinline)) uint32_t walk_full(struct vz_memo *memo, struct vz_context from, uint32_t epoch)
{
    struct walk walk = {.epoch = epoch};
    struct vz_registers registers = {{0}, false};
    void_frames(memo);
    vz_registers_capture(&registers);
    if (!vz_registers_leave(&registers, from, &memo->stack))
        return VZ_NODE_GAP;
    enum vz_step step = VZ_STEP_CALLER;
    while (step == VZ_STEP_CALLER && walk.n_fresh < MOST_FULL_FRAMES) {
        const uint32_t interrupted = registers.interrupted ? VZ_NODE_INTERRUPTED : 0;
        bool fixed;
        const struct vz_context at = vz_registers_context(&registers);
        step = vz_registers_step(&registers, &memo->stack, &fixed);
        note_fresh(memo, &walk, at, 0, (fixed ? 0 : epoch) | interrupted);
    }
    const uint32_t cut = vz_unwind_cut(memo->max_depth, walk.n_fresh);
    uint32_t id = step == VZ_STEP_OUTERMOST ? VZ_NODE_ROOT : VZ_NODE_GAP;
    if (cut > 0)
        id = VZ_NODE_CUT;
    for (uint32_t i = walk.n_fresh - cut; i-- > 0;)
        id = vz_stacks_intern(id, memo->fresh[i].at.pc, memo->fresh[i].generation);
    return id;
}

/* ---- walks ------------------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) uint32_t walk_from(struct vz_memo *memo, struct vz_context from)
{
    struct walk walk = {.epoch = current_epoch(), .stable = true};
    struct vz_context at = from;
    if (memo->epoch != walk.epoch) {
        forget(memo);
        memo->epoch = walk.epoch;
    }
    if (memo->unmaps != atomic_load_explicit(&vz_stack_unmaps, memory_order_relaxed))
        forget_unmapped(memo);
    walk.candidates = memo->n_frames;
    bool met;
    while (!(met = meets(memo, &walk, at)) && pass_frame(memo, &walk, &at))
        ;
    walk.n_kept = met ? walk.candidates : 0;
    if (met && memo->base > 0 && !widen_window(memo, &walk, &at)) {
        void_frames(memo);
        return walk_from(memo, from);
    }
    if (walk.full)
        return walk_full(memo, from, walk.epoch);
    if (!met) {
        memo->base = 0;
        memo->root = walk.root;
    }
    return commit(memo, &walk, at);
}

static inline uint32_t unwind(struct vz_memo *memo, struct vz_context from)
{
    if (memo->leaf.pc == from.pc && memo->leaf.sp == from.sp && ((memo->leaf.fp ^ from.fp) & memo->fp_mask) == 0 &&
        memo->epoch == current_epoch() && vz_memo_broken(memo, memo->n_checks) == 0)
        return memo->leaf_id;
    const struct vz_path *path = memo->guessed ? NULL : vz_paths_find(memo, &from, current_epoch());
    if (path)
        return path->id;
    if (vz_stack_is_short())
        return VZ_NODE_GAP;
    const uint32_t id = walk_from(memo, from);
    /* A module met for the first time may have begun a new epoch: its nodes must carry that one. */
    return __builtin_expect(memo->epoch == current_epoch(), 1) ? id : walk_from(memo, from);
}

#ifdef VZ_CHECK_UNWIND
uint32_t vz_unwind(struct vz_memo *memo, struct vz_context from)
{
    const uint32_t id = unwind(memo, from);
    vz_unwind_check(from, id, memo->max_depth);
    return id;
}
#else
uint32_t vz_unwind(struct vz_memo *memo, struct vz_context from) { return unwind(memo, from); }
#endif
