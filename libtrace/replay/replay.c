/* Replay: the loop over events. */
#include "replay.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "format/kinds.h"
#include "lines.h"
#include "state.h"

#define AHEAD 32u /* addresses that are prefetched */
#define PART 64u  /* events whose blocks are looked up together: more, and the first are out of the cache again */

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

VZ_EXPORT struct vz_replay *vz_replay_copy(const struct vz_replay *replay)
{
    struct vz_replay *copy = calloc(1, sizeof *copy);
    size_t pending_bytes = replay->n_pending * sizeof *replay->pending;

    if (!copy)
        return NULL;
    memcpy(copy, replay, offsetof(struct vz_replay, slots));
    copy->pending_room = replay->n_pending;
    copy->pending = vz_lines_copy(replay->pending, pending_bytes, pending_bytes);
    /* All of them, whatever fails: none may share memory with the original when it is freed. */
    int errors = vz_live_copy(&copy->live, &replay->live) | vz_accounts_copy(&copy->accounts, &replay->accounts) |
                 vz_timeline_copy(&copy->timeline, &replay->timeline) |
                 vz_mappings_copy(&copy->mappings, &replay->mappings);
    if (errors != 0 || !copy->pending) {
        vz_replay_free(copy);
        return NULL;
    }
    return copy;
}

VZ_EXPORT uint64_t vz_replay_bytes(const struct vz_replay *replay)
{
    return vz_live_bytes(&replay->live) + vz_accounts_bytes(&replay->accounts) + vz_timeline_bytes(&replay->timeline) +
           replay->mappings.n * sizeof *replay->mappings.ranges + replay->n_pending * sizeof *replay->pending +
           offsetof(struct vz_replay, slots);
}

VZ_EXPORT int vz_replay_inherit(struct vz_replay *replay, uint32_t n, const uint64_t *addresses, const uint64_t *sizes,
                                const uint64_t *start_times)
{
    struct vz_live *live = &replay->live;

    if (vz_live_reserve(live, n) != 0)
        return -ENOMEM;
    for (uint32_t k = 0; k < n; k++) {
        live->slots[vz_live_find(live, addresses[k])] = (struct vz_block){
            .address = addresses[k], .size = sizes[k], .start_time = start_times[k], .holder = VZ_HOLDER_INHERITED};
        live->n_live++;
        replay->inherited.bytes += sizes[k];
        replay->inherited.blocks++;
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

/* The row of the thread that allocated an own block. */
static inline uint32_t thread_of(const struct vz_block *block) { return block->holder - VZ_HOLDER_THREAD; }

static void append_ended(const struct vz_replay *replay, const struct cursor *cursor, const struct vz_block *block,
                         bool temporary, uint32_t stack)
{
    struct vz_ended *ended = cursor->ended;
    uint64_t n = ended->n++;
    bool own = vz_block_is_own(block);

    ended->addresses[n] = block->address;
    ended->sizes[n] = block->size;
    ended->start_times[n] = block->start_time;
    ended->end_times[n] = cursor->time;
    ended->start_stacks[n] = own ? replay->accounts.more[block->stack].id : 0;
    ended->end_stacks[n] = stack;
    ended->start_threads[n] = own ? replay->accounts.threads[thread_of(block)].id : 0;
    ended->end_threads[n] = cursor->thread_id;
    ended->temporary[n] = temporary;
    ended->inherited[n] = !own;
}

static void forget_inherited(struct vz_replay *replay, const struct vz_block *block)
{
    replay->inherited.bytes -= block->size;
    replay->inherited.blocks--;
}

static inline void count_end(struct vz_replay *replay, const struct vz_block *block)
{
    if (!replay->rising)
        vz_accounts_save(&replay->accounts, block->stack);
    struct vz_stack_sums *sums = &replay->accounts.stacks[block->stack];
    sums->gone_blocks++;
    sums->gone_bytes += block->size;
}

/* A block is given back, as `half` tells, and its call has returned: everything but the level. 0, or -ENOMEM. */
static inline int end_freed(struct vz_replay *replay, const struct cursor *cursor, const struct vz_pending *half)
{
    struct vz_accounts *accounts = &replay->accounts;
    const struct vz_block *block = &half->block;
    int error = 0;

    if (vz_block_is_own(block)) {
        count_end(replay, block);
        accounts->stacks[block->stack].lifetime_ns += cursor->time - block->start_time;
        accounts->stacks[block->stack].temporary += half->temporary;
        replay->n_temporary += half->temporary;
        struct vz_thread_sums *thread = &accounts->threads[cursor->thread];
        if (thread_of(block) == cursor->thread) {
            thread->own_blocks++;
            thread->own_bytes += block->size;
        } else {
            thread->foreign_frees++;
            error = vz_accounts_add_pair(accounts, thread_of(block), cursor->thread, block->size);
        }
    } else {
        forget_inherited(replay, block);
    }
    if (cursor->ended)
        append_ended(replay, cursor, block, half->temporary, half->stack);
    replay->live.n_live--;
    return error;
}

/* Another has a block's address: everything but the level. */
static void end_displaced(struct vz_replay *replay, const struct cursor *cursor, const struct vz_block *block)
{
    if (vz_block_is_own(block)) {
        count_end(replay, block);
        replay->accounts.stacks[block->stack].displaced++;
    } else {
        forget_inherited(replay, block);
    }
    replay->n_duplicates++;
    if (cursor->ended)
        append_ended(replay, cursor, block, false, 0);
    replay->live.n_live--;
}

/* What is live without a block, if it is an own one. */
static inline struct vz_level level_without(struct vz_level level, const struct vz_block *block)
{
    if (vz_block_is_own(block)) {
        level.bytes -= block->size;
        level.blocks--;
    }
    return level;
}

/* Empties a slot. Returns whether its block would be temporary if it ended now: its thread allocated nothing since. */
static inline bool vacate(struct vz_replay *replay, struct vz_block *slot)
{
    uint32_t holder = slot->holder;

    slot->holder = VZ_HOLDER_NOBODY;
    if (holder < VZ_HOLDER_THREAD)
        return false;
    struct vz_thread_sums *thread = &replay->accounts.threads[holder - VZ_HOLDER_THREAD];
    bool last = thread->last_lives && thread->last_address == slot->address;
    thread->last_lives &= !last;
    return last;
}

/* Puts a block into an empty slot; last: its thread allocated nothing after it. */
static inline void occupy(struct vz_replay *replay, struct vz_block *slot, const struct vz_block *block, bool last)
{
    *slot = *block;
    if (last) {
        struct vz_thread_sums *thread = &replay->accounts.threads[thread_of(block)];
        thread->last_address = block->address;
        thread->last_lives = true;
    }
}

/* ---- events ----------------------------------------------------------------------------------------------------- */

/* The next stack, of an event that allocates nothing: its id. */
static inline uint32_t walk(struct vz_replay *replay, struct cursor *cursor)
{
    uint32_t at = cursor->stack_at++;

    replay->accounts.more[replay->stack_rows[at]].other_walks++;
    return cursor->block->stacks[at];
}

/* ALLOC and MOVE; half: of a reallocation. */
static inline int start(struct vz_replay *replay, struct cursor *cursor, struct vz_block *slot,
                        const struct vz_pending *half)
{
    struct vz_accounts *accounts = &replay->accounts;
    uint64_t size = cursor->block->sizes[cursor->size_at++];
    uint32_t stack = replay->stack_rows[cursor->stack_at++];
    struct vz_level after = level_without(replay->level, slot);

    if (half)
        after = level_without(after, &half->block);
    after.bytes += size;
    after.blocks++;
    prepare(replay, after.bytes);
    if (half && vz_block_lives(&half->block)) {
        int error = end_freed(replay, cursor, half);
        if (error)
            return error;
    }
    if (vz_block_lives(slot)) {
        end_displaced(replay, cursor, slot);
        vacate(replay, slot);
    }
    if (!replay->rising)
        vz_accounts_save(accounts, stack);
    accounts->stacks[stack].allocs++;
    accounts->stacks[stack].bytes += size;
    struct vz_thread_sums *thread = &accounts->threads[cursor->thread];
    thread->allocs++;
    thread->bytes += size;
    replay->counts.allocs++;
    replay->counts.bytes_allocated += size;
    replay->live.n_live++;
    const struct vz_block block = {.address = slot->address,
                                   .size = size,
                                   .start_time = cursor->time,
                                   .stack = stack,
                                   .holder = cursor->thread + VZ_HOLDER_THREAD};
    occupy(replay, slot, &block, true);
    settle(replay, cursor, after);
    return 0;
}

static inline void count_free(struct vz_replay *replay, const struct cursor *cursor)
{
    replay->accounts.threads[cursor->thread].frees++;
    replay->counts.frees++;
}

/* What `half` gave back ends, and nothing starts. */
static inline int end_given(struct vz_replay *replay, const struct cursor *cursor, const struct vz_pending *half)
{
    struct vz_level after = level_without(replay->level, &half->block);

    prepare(replay, after.bytes);
    int error = end_freed(replay, cursor, half);
    settle(replay, cursor, after);
    return error;
}

static inline int end_free(struct vz_replay *replay, struct cursor *cursor, struct vz_block *slot)
{
    struct vz_pending whole = {.block = *slot};

    if (cursor->block->free_stacks)
        whole.stack = walk(replay, cursor);
    count_free(replay, cursor);
    if (!vz_block_lives(slot)) {
        replay->n_unmatched++;
        return 0;
    }
    whole.temporary = vacate(replay, slot);
    return end_given(replay, cursor, &whole);
}

/* RELEASE: the block waits in its thread's list for the second half. */
static int release(struct vz_replay *replay, struct cursor *cursor, struct vz_block *slot)
{
    struct vz_thread_sums *thread = &replay->accounts.threads[cursor->thread];
    struct vz_pending half = {.block = *slot, .next = thread->pending};
    uint32_t at = replay->free_pending;

    if (cursor->block->free_stacks)
        half.stack = walk(replay, cursor);
    half.temporary = vacate(replay, slot);
    if (half.temporary)
        half.allocs = replay->accounts.threads[thread_of(&half.block)].allocs;
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
    replay->n_under_way++;
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
    replay->n_under_way--;
    return true;
}

/* MOVE, and DONE: the old block ends. */
static int complete(struct vz_replay *replay, struct cursor *cursor, struct vz_block *slot, bool moves)
{
    struct vz_pending half = {.block.holder = VZ_HOLDER_NOBODY};

    count_free(replay, cursor);
    if (!take_half(replay, cursor, &half) || !vz_block_lives(&half.block))
        replay->n_unmatched++;
    if (moves)
        return start(replay, cursor, slot, &half);
    return !vz_block_lives(&half.block) ? 0 : end_given(replay, cursor, &half);
}

/* UNDO: the block has its address again; if another has it, which only a contradictory trace tells, it ends. */
static void undo(struct vz_replay *replay, struct cursor *cursor)
{
    struct vz_pending half;

    if (!take_half(replay, cursor, &half) || !vz_block_lives(&half.block))
        return;
    struct vz_block *slot = &replay->live.slots[vz_live_find(&replay->live, half.block.address)];
    if (!vz_block_lives(slot)) {
        bool last = half.temporary && half.allocs == replay->accounts.threads[thread_of(&half.block)].allocs;
        occupy(replay, slot, &half.block, last);
        return;
    }
    struct vz_level after = level_without(replay->level, &half.block);
    prepare(replay, after.bytes);
    end_displaced(replay, cursor, &half.block);
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

static inline int replay_event(struct vz_replay *replay, struct cursor *cursor, uint8_t kind, struct vz_block *slot)
{
    switch (vz_kind_class[kind]) {
    case VZ_CLASS_ALLOC:
        return start(replay, cursor, slot, NULL);
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

/* Finds the slots of the addresses before `until`, and fetches the sums that change when the blocks there end: many at
 * once, so that cache misses overlap. Returns where it came to. */
static uint32_t resolve_addresses(struct vz_replay *replay, const struct vz_event_block *block, uint32_t from,
                                  uint32_t until)
{
    struct vz_live *live = &replay->live;

    for (uint32_t k = from; k < until; k++) {
        if (k + AHEAD < block->n_addresses)
            vz_live_prefetch(live, block->addresses[k + AHEAD]);
        uint32_t at = vz_live_find(live, block->addresses[k]);
        replay->slots[k] = at;
        __builtin_prefetch(&replay->accounts.stacks[live->slots[at].stack], 1);
    }
    return from < until ? until : from;
}

/* Finds the rows of a block's stacks, likewise. */
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

static int select_thread(struct vz_replay *replay, struct cursor *cursor, uint32_t id)
{
    cursor->thread = vz_accounts_add_thread(&replay->accounts, id);
    cursor->thread_id = id;
    return cursor->thread == VZ_NONE ? -ENOMEM : 0;
}

/* One more than the largest of ordinals. */
static uint32_t find_end(const uint32_t *ordinals, uint32_t n)
{
    uint32_t end = 0;

    for (uint32_t i = 0; i < n; i++)
        end = ordinals[i] >= end ? ordinals[i] + 1 : end;
    return end;
}

/* Replays the events from i to `end`, the cursor's time being that of i. */
static int replay_stretch(struct vz_replay *replay, struct cursor *cursor, uint32_t i, uint32_t end)
{
    const struct vz_event_block *block = cursor->block;

    for (; i < end; i++, cursor->row++) {
        if (block->threads[i] != cursor->thread_id && select_thread(replay, cursor, block->threads[i]) != 0)
            return -ENOMEM;
        /* The next allocations' sums: with many stacks they lie far apart. */
        uint32_t next = replay->stack_rows[(cursor->stack_at + AHEAD / 4) % VZ_MAX_EVENTS];
        __builtin_prefetch(&replay->accounts.stacks[next], 1);
        int error =
            replay_event(replay, cursor, block->kinds[i], &replay->live.slots[replay->slots[block->ordinals[i]]]);
        if (error)
            return error;
    }
    return 0;
}

VZ_EXPORT int vz_replay_feed(struct vz_replay *replay, const struct vz_event_block *block, struct vz_ended *ended)
{
    struct cursor cursor = {.block = block, .ended = ended, .row = replay->n_events};
    uint32_t n = block->n, run = 0, resolved = 0, part = 0;

    if (n == 0 || n > VZ_MAX_EVENTS || block->n_addresses > VZ_MAX_EVENTS || block->n_stacked > VZ_MAX_EVENTS)
        return -EINVAL;
    /* Each reallocation under way may bring its address back, and those of this block theirs. */
    uint32_t n_addresses = block->n_addresses + replay->n_under_way;
    int error = vz_live_reserve(&replay->live, n_addresses);
    if (!error)
        error = resolve_stacks(replay, block);
    if (!error)
        error = select_thread(replay, &cursor, block->threads[0]);
    for (uint32_t i = 0, end; i < n && !error; i = end) {
        if (i == part) {
            part = n - i < PART ? n : i + PART;
            resolved = resolve_addresses(replay, block, resolved, find_end(block->ordinals + i, part - i));
        }
        cursor.time = block->run_times[run];
        if (cursor.time >= replay->timeline.next_edge)
            vz_timeline_move(&replay->timeline, cursor.time, replay->level, replay->counts);
        end = block->run_ends[run] < part ? block->run_ends[run] : part;
        run += end == block->run_ends[run];
        error = replay_stretch(replay, &cursor, i, end);
    }
    replay->n_events = cursor.row;
    return error;
}
