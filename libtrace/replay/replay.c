/* Replay: the loop over events. */
#include "replay.h"

#include <errno.h>
#include <stdlib.h>

#include "export.h"
#include "format/kinds.h"
#include "state.h"

#define AHEAD 16u        /* addresses and events that are prefetched */
#define LARGE (1u << 18) /* bytes of blocks and sums from which on it is worth while */

/* Where the loop is. */
struct cursor {
    const struct vz_event_block *block;
    struct vz_ended *ended;
    uint64_t time;
    uint64_t row; /* in the image */
    uint32_t thread_id;
    uint32_t thread; /* its row */
    uint32_t size_at, stack_at;
};

VZ_EXPORT struct vz_replay *vz_replay_new(const uint64_t *edges, uint32_t n_bins)
{
    struct vz_replay *replay = calloc(1, sizeof *replay);

    if (!replay)
        return NULL;
    replay->free_pending = VZ_NONE;
    if (vz_live_init(&replay->live) != 0 || vz_accounts_init(&replay->accounts) != 0 ||
        vz_timeline_init(&replay->timeline, edges, n_bins) != 0) {
        vz_replay_free(replay);
        return NULL;
    }
    return replay;
}

VZ_EXPORT void vz_replay_free(struct vz_replay *replay)
{
    if (!replay)
        return;
    vz_live_free(&replay->live);
    vz_accounts_free(&replay->accounts);
    vz_timeline_free(&replay->timeline);
    vz_mappings_free(&replay->mappings);
    free(replay->pending);
    free(replay);
}

VZ_EXPORT int vz_replay_inherit(struct vz_replay *replay, uint32_t n, const uint64_t *addresses, const uint64_t *sizes,
                                const uint64_t *start_times)
{
    struct vz_live *live = &replay->live;

    if (vz_live_reserve(live, n, n) != 0)
        return -ENOMEM;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t index = vz_live_take(live);
        live->blocks[index] = (struct vz_block){
            .address = addresses[k], .size = sizes[k], .start_time = start_times[k], .thread = VZ_THREAD_INHERITED};
        live->slots[vz_live_find(live, addresses[k])].block = index;
    }
    return 0;
}

/* ---- sums ------------------------------------------------------------------------------------------------------- */

/* Before anything changes with an event that leaves so many bytes live. */
static inline void prepare(struct vz_replay *replay, uint64_t bytes)
{
    if (replay->rising && bytes <= replay->peak.bytes) {
        replay->rising = false;
        replay->accounts.peak++;
    }
}

/* After everything has changed. */
static inline void settle(struct vz_replay *replay, const struct cursor *cursor, struct vz_level level)
{
    replay->level = level;
    vz_timeline_note(&replay->timeline, level);
    if (level.bytes > replay->peak.bytes) {
        replay->peak = level;
        replay->peak_time = cursor->time;
        replay->peak_row = cursor->row + 1;
        replay->rising = true;
    }
}

static inline bool is_own(const struct vz_block *block) { return block->thread != VZ_THREAD_INHERITED; }

static void append_ended(const struct vz_replay *replay, const struct cursor *cursor, const struct vz_block *block,
                         bool temporary, uint32_t stack)
{
    struct vz_ended *ended = cursor->ended;
    uint64_t n = ended->n++;
    bool own = is_own(block);

    ended->addresses[n] = block->address;
    ended->sizes[n] = block->size;
    ended->start_times[n] = block->start_time;
    ended->end_times[n] = cursor->time;
    ended->start_stacks[n] = own ? replay->accounts.more[block->stack].id : 0;
    ended->end_stacks[n] = stack;
    ended->start_threads[n] = own ? replay->accounts.threads[block->thread].id : 0;
    ended->end_threads[n] = cursor->thread_id;
    ended->temporary[n] = temporary;
    ended->inherited[n] = !own;
}

static inline void count_end(struct vz_replay *replay, const struct vz_block *block)
{
    if (!replay->rising)
        vz_accounts_save(&replay->accounts, block->stack);
    struct vz_stack_sums *sums = &replay->accounts.stacks[block->stack];
    sums->gone_blocks++;
    sums->gone_bytes += block->size;
}

/* A block is freed or reallocated: everything but the level. 0, or -ENOMEM. */
static inline int end_freed(struct vz_replay *replay, const struct cursor *cursor, uint32_t index, bool temporary,
                            uint32_t stack)
{
    struct vz_accounts *accounts = &replay->accounts;
    const struct vz_block *block = &replay->live.blocks[index];
    int error = 0;

    if (is_own(block)) {
        count_end(replay, block);
        accounts->stacks[block->stack].lifetime_ns += cursor->time - block->start_time;
        accounts->stacks[block->stack].temporary += temporary;
        replay->n_temporary += temporary;
        struct vz_thread_sums *thread = &accounts->threads[cursor->thread];
        if (block->thread == cursor->thread) {
            thread->own_blocks++;
            thread->own_bytes += block->size;
        } else {
            thread->foreign_frees++;
            error = vz_accounts_add_pair(accounts, block->thread, cursor->thread, block->size);
        }
    }
    if (cursor->ended)
        append_ended(replay, cursor, block, temporary, stack);
    vz_live_give(&replay->live, index);
    return error;
}

/* Another has a block's address: everything but the level. */
static void end_displaced(struct vz_replay *replay, const struct cursor *cursor, uint32_t index)
{
    const struct vz_block *block = &replay->live.blocks[index];

    if (is_own(block)) {
        count_end(replay, block);
        replay->accounts.stacks[block->stack].displaced++;
    }
    replay->n_duplicates++;
    if (cursor->ended)
        append_ended(replay, cursor, block, false, 0);
    vz_live_give(&replay->live, index);
}

/* What is live without a block, if there is one. */
static inline struct vz_level level_without(const struct vz_replay *replay, struct vz_level level, uint32_t index)
{
    if (index != VZ_NO_BLOCK && is_own(&replay->live.blocks[index])) {
        level.bytes -= replay->live.blocks[index].size;
        level.blocks--;
    }
    return level;
}

static inline bool is_temporary(const struct vz_replay *replay, const struct vz_block *block)
{
    return is_own(block) && replay->accounts.threads[block->thread].allocs == block->number;
}

/* ---- events ----------------------------------------------------------------------------------------------------- */

/* The next stack, of an event that allocates nothing: its id. */
static inline uint32_t walk(struct vz_replay *replay, struct cursor *cursor)
{
    uint32_t at = cursor->stack_at++;

    replay->accounts.more[replay->stack_rows[at]].other_walks++;
    return cursor->block->stacks[at];
}

/* ALLOC and MOVE; old: the block that a reallocation ends, or VZ_NO_BLOCK. */
static inline int start(struct vz_replay *replay, struct cursor *cursor, struct vz_slot *slot, uint32_t old,
                        const struct vz_pending *half)
{
    struct vz_accounts *accounts = &replay->accounts;
    uint64_t size = cursor->block->sizes[cursor->size_at++];
    uint32_t stack = replay->stack_rows[cursor->stack_at++];
    struct vz_level after = level_without(replay, level_without(replay, replay->level, old), slot->block);

    after.bytes += size;
    after.blocks++;
    prepare(replay, after.bytes);
    if (old != VZ_NO_BLOCK) {
        int error = end_freed(replay, cursor, old, half->temporary, half->stack);
        if (error)
            return error;
    }
    if (slot->block != VZ_NO_BLOCK)
        end_displaced(replay, cursor, slot->block);
    if (!replay->rising)
        vz_accounts_save(accounts, stack);
    accounts->stacks[stack].allocs++;
    accounts->stacks[stack].bytes += size;
    struct vz_thread_sums *thread = &accounts->threads[cursor->thread];
    thread->allocs++;
    thread->bytes += size;
    replay->counts.allocs++;
    replay->counts.bytes_allocated += size;
    slot->block = vz_live_take(&replay->live);
    replay->live.blocks[slot->block] = (struct vz_block){.address = slot->address,
                                                         .size = size,
                                                         .start_time = cursor->time,
                                                         .number = thread->allocs,
                                                         .stack = stack,
                                                         .thread = cursor->thread};
    settle(replay, cursor, after);
    return 0;
}

static inline void count_free(struct vz_replay *replay, const struct cursor *cursor)
{
    replay->accounts.threads[cursor->thread].frees++;
    replay->counts.frees++;
}

static inline int end_free(struct vz_replay *replay, struct cursor *cursor, struct vz_slot *slot)
{
    uint32_t stack = 0, index = slot->block;

    if (cursor->block->free_stacks)
        stack = walk(replay, cursor);
    count_free(replay, cursor);
    if (index == VZ_NO_BLOCK) {
        replay->n_unmatched++;
        return 0;
    }
    slot->block = VZ_NO_BLOCK;
    struct vz_level after = level_without(replay, replay->level, index);
    prepare(replay, after.bytes);
    int error = end_freed(replay, cursor, index, is_temporary(replay, &replay->live.blocks[index]), stack);
    settle(replay, cursor, after);
    return error;
}

/* RELEASE: the block waits in its thread's list for the second half. */
static int release(struct vz_replay *replay, struct cursor *cursor, struct vz_slot *slot)
{
    struct vz_thread_sums *thread = &replay->accounts.threads[cursor->thread];
    struct vz_pending half = {.block = slot->block, .next = thread->pending};
    uint32_t at = replay->free_pending;

    if (cursor->block->free_stacks)
        half.stack = walk(replay, cursor);
    if (slot->block != VZ_NO_BLOCK) {
        struct vz_block *block = &replay->live.blocks[slot->block];
        half.temporary = is_temporary(replay, block);
        block->number |= VZ_BLOCK_PENDING;
        slot->block = VZ_NO_BLOCK;
    }
    if (at != VZ_NONE) {
        replay->free_pending = replay->pending[at].next;
    } else {
        if (replay->n_pending == replay->pending_room) {
            uint32_t room = replay->pending_room * 2 + 16;
            struct vz_pending *pending = realloc(replay->pending, room * sizeof *pending);
            if (!pending)
                return -ENOMEM;
            replay->pending = pending;
            replay->pending_room = room;
        }
        at = replay->n_pending++;
    }
    replay->pending[at] = half;
    thread->pending = at;
    return 0;
}

/* Takes the thread's innermost pending first half; false: it has none. */
static bool take_half(struct vz_replay *replay, const struct cursor *cursor, struct vz_pending *half)
{
    struct vz_thread_sums *thread = &replay->accounts.threads[cursor->thread];
    uint32_t at = thread->pending;

    if (at == VZ_NONE)
        return false;
    *half = replay->pending[at];
    thread->pending = half->next;
    replay->pending[at].next = replay->free_pending;
    replay->free_pending = at;
    return true;
}

/* MOVE, and DONE: the old block ends. */
static int complete(struct vz_replay *replay, struct cursor *cursor, struct vz_slot *slot, bool moves)
{
    struct vz_pending half = {.block = VZ_NO_BLOCK};

    count_free(replay, cursor);
    if (!take_half(replay, cursor, &half) || half.block == VZ_NO_BLOCK)
        replay->n_unmatched++;
    if (moves)
        return start(replay, cursor, slot, half.block, &half);
    if (half.block == VZ_NO_BLOCK)
        return 0;
    struct vz_level after = level_without(replay, replay->level, half.block);
    prepare(replay, after.bytes);
    int error = end_freed(replay, cursor, half.block, half.temporary, half.stack);
    settle(replay, cursor, after);
    return error;
}

/* UNDO: the block has its address again; if another has it, which only a contradictory trace tells, it ends. */
static void undo(struct vz_replay *replay, struct cursor *cursor)
{
    struct vz_pending half;

    if (!take_half(replay, cursor, &half) || half.block == VZ_NO_BLOCK)
        return;
    struct vz_block *block = &replay->live.blocks[half.block];
    block->number &= ~VZ_BLOCK_PENDING;
    struct vz_slot *slot = &replay->live.slots[vz_live_find(&replay->live, block->address)];
    if (slot->block == VZ_NO_BLOCK) {
        slot->block = half.block;
        return;
    }
    struct vz_level after = level_without(replay, replay->level, half.block);
    prepare(replay, after.bytes);
    end_displaced(replay, cursor, half.block);
    settle(replay, cursor, after);
}

static int map(struct vz_replay *replay, struct cursor *cursor, uint64_t address, bool adds)
{
    uint64_t size = cursor->block->sizes[cursor->size_at++];

    if (!adds)
        return vz_mappings_unmap(&replay->mappings, address, size);
    walk(replay, cursor);
    return vz_mappings_map(&replay->mappings, address, size);
}

static inline int replay_event(struct vz_replay *replay, struct cursor *cursor, uint8_t kind, struct vz_slot *slot)
{
    switch (vz_kind_class[kind]) {
    case VZ_CLASS_ALLOC:
        return start(replay, cursor, slot, VZ_NO_BLOCK, NULL);
    case VZ_CLASS_FREE:
        return end_free(replay, cursor, slot);
    case VZ_CLASS_RELEASE:
        return release(replay, cursor, slot);
    case VZ_CLASS_MOVE:
        return complete(replay, cursor, slot, true);
    case VZ_CLASS_DONE:
        return complete(replay, cursor, slot, false);
    case VZ_CLASS_UNDO:
        undo(replay, cursor);
        return 0;
    case VZ_CLASS_MAP:
        return map(replay, cursor, slot->address, true);
    case VZ_CLASS_UNMAP:
        return map(replay, cursor, slot->address, false);
    default:
        return 0;
    }
}

/* ---- blocks of events ------------------------------------------------------------------------------------------- */

/* Takes the addresses of a block into the table, all at once: their cache misses overlap. */
static int resolve_addresses(struct vz_replay *replay, const struct vz_event_block *block)
{
    struct vz_live *live = &replay->live;
    uint32_t n = block->n_addresses;

    if (vz_live_reserve(live, n, block->n_stacked) != 0)
        return -ENOMEM;
    for (uint32_t k = 0; k < n; k++) {
        if (k + AHEAD < n)
            __builtin_prefetch(&live->slots[vz_hash(block->addresses[k + AHEAD], live->shift)], 1);
        replay->slots[k] = vz_live_find(live, block->addresses[k]);
    }
    return 0;
}

/* Its stacks, likewise. */
static int resolve_stacks(struct vz_replay *replay, const struct vz_event_block *block)
{
    struct vz_accounts *accounts = &replay->accounts;
    uint32_t n = block->n_stacked;

    for (uint32_t k = 0; k < n; k++) {
        if (k + AHEAD < n)
            vz_ids_prefetch(&accounts->stack_ids, block->stacks[k + AHEAD]);
        if (k > 0 && block->stacks[k] == block->stacks[k - 1]) {
            replay->stack_rows[k] = replay->stack_rows[k - 1];
            continue;
        }
        replay->stack_rows[k] = vz_accounts_add_stack(accounts, block->stacks[k]);
        if (replay->stack_rows[k] == VZ_NONE)
            return -ENOMEM;
    }
    return 0;
}

/* Fetches what the events some places on will need: slots first, then blocks, then the sums of stacks. */
static inline void prefetch(const struct vz_replay *replay, const struct cursor *cursor, uint32_t i)
{
    const struct vz_event_block *block = cursor->block;
    const struct vz_live *live = &replay->live;

    if (i + AHEAD >= block->n)
        return;
    __builtin_prefetch(&live->slots[replay->slots[block->ordinals[i + AHEAD]]], 1);
    uint32_t near = live->slots[replay->slots[block->ordinals[i + AHEAD / 2]]].block;
    if (near != VZ_NO_BLOCK)
        __builtin_prefetch(&live->blocks[near], 1);
    if (cursor->stack_at + AHEAD / 4 < block->n_stacked)
        __builtin_prefetch(&replay->accounts.stacks[replay->stack_rows[cursor->stack_at + AHEAD / 4]], 1);
}

static int select_thread(struct vz_replay *replay, struct cursor *cursor, uint32_t id)
{
    cursor->thread = vz_accounts_add_thread(&replay->accounts, id);
    cursor->thread_id = id;
    return cursor->thread == VZ_NONE ? -ENOMEM : 0;
}

/* Whether what events need is seldom in a core's own caches, so that fetching it early is worth its price. */
static bool is_large(const struct vz_live *live, const struct vz_accounts *accounts)
{
    return live->n_live * sizeof(struct vz_block) + accounts->stack_ids.n * sizeof(struct vz_stack_sums) > LARGE;
}

/* Compiled once with prefetching and once without. */
static inline int replay_runs(struct vz_replay *replay, struct cursor *cursor, bool ahead)
{
    const struct vz_event_block *block = cursor->block;
    uint32_t i = 0;

    for (uint32_t run = 0; run < block->n_runs; run++) {
        cursor->time = block->run_times[run];
        if (cursor->time >= replay->timeline.next_edge)
            vz_timeline_move(&replay->timeline, cursor->time, replay->level, replay->counts);
        for (; i < block->run_ends[run]; i++, cursor->row++) {
            if (ahead)
                prefetch(replay, cursor, i);
            if (block->threads[i] != cursor->thread_id && select_thread(replay, cursor, block->threads[i]) != 0)
                return -ENOMEM;
            int error =
                replay_event(replay, cursor, block->kinds[i], &replay->live.slots[replay->slots[block->ordinals[i]]]);
            if (error)
                return error;
        }
    }
    return 0;
}

VZ_EXPORT int vz_replay_feed(struct vz_replay *replay, const struct vz_event_block *block, struct vz_ended *ended)
{
    struct cursor cursor = {.block = block, .ended = ended, .row = replay->n_events};

    if (block->n == 0 || block->n > VZ_MAX_EVENTS || block->n_addresses > VZ_MAX_EVENTS ||
        block->n_stacked > VZ_MAX_EVENTS)
        return -EINVAL;
    int error = resolve_addresses(replay, block);
    if (!error)
        error = resolve_stacks(replay, block);
    if (!error)
        error = select_thread(replay, &cursor, block->threads[0]);
    if (!error)
        error = is_large(&replay->live, &replay->accounts) ? replay_runs(replay, &cursor, true)
                                                           : replay_runs(replay, &cursor, false);
    replay->n_events = cursor.row;
    return error;
}
