/* Reading and merging streams: see drain.h. What lies in the region may have been damaged by the program: offsets are checked,
 * and nothing read here is trusted to be small. */
#include "drain.h"

#include <string.h>

#include "format/kinds.h"
#include "streams.h"

#define LOOK_AHEAD 8       /* slots examined behind an unpublished one, while the chunk is being filled */
#define PREFETCH_SLOTS 64  /* how far ahead slots are asked for: another processor has written them */
#define MAX_EMPTY_CHUNKS 8 /* without any event, one after another: more of them lead in a circle */
#define REORDERED_NS 1000u /* times raised by more than this are counted */

/* A stream that has an event within the window. */
struct head {
    uint64_t ticks; /* of that event */
    struct vz_cursor *cursor;
};

struct vz_stream *vz_drain_stream(const struct vz_source *source, uint32_t index)
{
    uint32_t page =
        atomic_load_explicit(&source->region->stream_pages[index / VZ_STREAMS_PER_PAGE], memory_order_acquire);
    struct vz_stream *streams = page ? vz_source_at(source, (uint64_t)page * VZ_PAGE, VZ_PAGE) : NULL;
    return streams ? &streams[index % VZ_STREAMS_PER_PAGE] : NULL;
}

static struct vz_chunk *chunk_of(const struct vz_source *source, const struct vz_cursor *cursor)
{
    return (struct vz_chunk *)((char *)source->region + (uint64_t)cursor->chunk * VZ_PAGE);
}

/* Starts reading the chunk at page. */
static bool open_chunk(const struct vz_source *source, struct vz_cursor *cursor, uint32_t page)
{
    const struct vz_chunk *chunk = vz_source_at(source, (uint64_t)page * VZ_PAGE, VZ_PAGE);
    uint32_t chunk_class = chunk ? chunk->chunk_class : VZ_CHUNK_CLASSES;
    if (chunk_class >= VZ_CHUNK_CLASSES ||
        !vz_source_at(source, (uint64_t)page * VZ_PAGE, vz_chunk_bytes(chunk_class))) {
        cursor->is_broken = true;
        return false;
    }
    cursor->chunk = page;
    cursor->chunk_class = chunk_class;
    cursor->slot = 0;
    cursor->n_slots = (uint32_t)((vz_chunk_bytes(chunk_class) - sizeof(struct vz_chunk)) / sizeof(struct vz_slot));
    return true;
}

/* Empties a chunk and puts it on the free list of its class. */
static void push_free(struct vz_source *source, uint32_t page, uint32_t chunk_class)
{
    struct vz_chunk *chunk = (struct vz_chunk *)((char *)source->region + (uint64_t)page * VZ_PAGE);
    _Atomic uint64_t *list = &source->region->free_chunks[chunk_class];
    memset(chunk->slots, 0, vz_chunk_bytes(chunk_class) - sizeof(*chunk));
    uint64_t top = atomic_load(list);
    uint64_t pushed;
    do {
        atomic_store_explicit(&chunk->next, (uint32_t)top, memory_order_relaxed);
        pushed = ((top >> 32) + 1) << 32 | page;
    } while (!atomic_compare_exchange_weak(list, &top, pushed));
}

/* Gives a full chunk back that was read; next follows it. */
static void give_back(struct vz_source *source, struct vz_stream *stream, uint32_t page, uint32_t chunk_class,
                      uint32_t next)
{
    struct vz_region *region = source->region;
    const uint32_t bytes = vz_chunk_bytes(chunk_class);
    atomic_store_explicit(&stream->first, next, memory_order_release);
    push_free(source, page, chunk_class);
    atomic_fetch_add(&stream->drained, bytes);
    atomic_fetch_add(&region->drained, bytes);
    atomic_fetch_add(&region->drain_sequence, 1);
    if (atomic_load(&region->waiters))
        source->ops->wake(&region->drain_sequence);
}

/* Goes on to the chunk that follows a full one that was read. */
static bool leave_chunk(struct vz_source *source, struct vz_cursor *cursor, uint32_t next)
{
    if (!source->keeps_chunks)
        give_back(source, cursor->stream, cursor->chunk, cursor->chunk_class, next);
    return open_chunk(source, cursor, next);
}

void vz_drain_give_back(struct vz_source *source)
{
    for (uint32_t i = 0; i < source->n_cursors; i++) {
        const struct vz_cursor *cursor = &source->cursors[i];
        uint32_t page = cursor->is_active && cursor->chunk ? atomic_load(&cursor->stream->first) : 0;
        while (page && page != cursor->chunk && !cursor->is_broken) {
            const struct vz_chunk *chunk = vz_source_at(source, (uint64_t)page * VZ_PAGE, VZ_PAGE);
            const uint32_t next = chunk ? atomic_load(&chunk->next) : 0;
            if (chunk && chunk->chunk_class < VZ_CHUNK_CLASSES)
                give_back(source, cursor->stream, page, chunk->chunk_class, next);
            page = next;
        }
    }
}

static uint64_t load_slot(const struct vz_chunk *chunk, uint32_t slot)
{
    return atomic_load_explicit(&chunk->slots[slot].when_kind, memory_order_acquire);
}

/* The slot at the cursor was unpublished. It is a hole, never to be filled, if a later one is published. Skips to the first
 * that is; looks at those before it once more, since they may all have been published between the two looks. */
static bool skip_hole(struct vz_source *source, struct vz_cursor *cursor, const struct vz_chunk *chunk, bool is_closed)
{
    uint32_t end = cursor->n_slots;
    if (!is_closed && end - cursor->slot > LOOK_AHEAD)
        end = cursor->slot + LOOK_AHEAD;
    for (uint32_t slot = cursor->slot; slot < end; slot++) {
        if (!load_slot(chunk, slot))
            continue;
        uint32_t first = cursor->slot;
        while (first < slot && !load_slot(chunk, first))
            first++;
        source->holes += first - cursor->slot;
        cursor->slot = first;
        cursor->has_wide = false;
        return true;
    }
    return false;
}

/* Moves the cursor to the stream's next published slot. Returns its word, or 0: nothing more for now. */
static uint64_t find_next(struct vz_source *source, struct vz_cursor *cursor)
{
    uint32_t n_left = 0;
    while (!cursor->is_broken) {
        if (!cursor->chunk) {
            uint32_t first = atomic_load_explicit(&cursor->stream->first, memory_order_acquire);
            if (!first || !open_chunk(source, cursor, first))
                return 0;
        }
        const struct vz_chunk *chunk = chunk_of(source, cursor);
        if (cursor->slot < cursor->n_slots && load_slot(chunk, cursor->slot))
            return load_slot(chunk, cursor->slot);
        uint32_t next = atomic_load_explicit(&chunk->next, memory_order_acquire);
        bool is_closed = next || source->is_dead || cursor->is_thread_dead;
        if (cursor->slot < cursor->n_slots && skip_hole(source, cursor, chunk, is_closed))
            continue;
        if (!next || !leave_chunk(source, cursor, next))
            return 0;
        cursor->is_broken = ++n_left > MAX_EMPTY_CHUNKS;
    }
    return 0;
}

/* The ticks by which the cursor's next event is ordered; UINT64_MAX: it has none. */
static uint64_t next_ticks(struct vz_source *source, struct vz_cursor *cursor)
{
    uint64_t word = find_next(source, cursor);
    if (!word)
        return UINT64_MAX;
    uint64_t ticks = word & VZ_SLOT_TICKS_MASK;
    return ticks > cursor->last_ticks ? ticks : cursor->last_ticks;
}

/* The time of an event of those ticks: never before the last one's. Ticks tell whether it is late: the same ticks have
 * slightly different times in two rounds. */
static uint64_t time_of(const struct vz_timebase *base, struct vz_source *source, uint64_t ticks)
{
    if (ticks < source->last_ticks)
        source->reordered += vz_timebase_ns_between(base, ticks, source->last_ticks) > REORDERED_NS;
    else
        source->last_ticks = ticks;
    uint64_t time = vz_timebase_ns(base, ticks);
    source->last_time = time > source->last_time ? time : source->last_time;
    return source->last_time;
}

/* Takes the cursor's published slots below limit into the batch as long as there is nothing special about them: a known kind,
 * and ticks that don't run backwards. The inner loop of the collector. */
static void copy_run(const struct vz_timebase *base, struct vz_source *source, struct vz_cursor *cursor,
                     struct vz_batch *batch, uint64_t limit)
{
    const struct vz_slot *slot = &chunk_of(source, cursor)->slots[cursor->slot];
    const struct vz_slot *begin = slot;
    const struct vz_slot *end = slot + (cursor->n_slots - cursor->slot);
    const uint32_t room = batch->capacity - batch->n;
    const uint64_t floor = source->last_time;
    const uint32_t thread = cursor->thread;
    uint64_t last_ticks = cursor->last_ticks > source->last_ticks ? cursor->last_ticks : source->last_ticks;
    uint64_t *const restrict times = batch->time, *const restrict addresses = batch->address;
    uint64_t *const restrict sizes = batch->size;
    uint32_t *const restrict threads = batch->thread, *const restrict stacks = batch->stack;
    uint8_t *const restrict kinds = batch->kind;
    uint32_t n = batch->n;
    if (end - slot > (ptrdiff_t)room)
        end = slot + room;
    for (; slot < end; slot++, n++) {
        uint64_t word = atomic_load_explicit(&slot->when_kind, memory_order_acquire);
        uint64_t ticks = word & VZ_SLOT_TICKS_MASK;
        uint8_t kind = (uint8_t)(word >> VZ_SLOT_KIND_SHIFT);
        __builtin_prefetch(slot + PREFETCH_SLOTS);
        if (vz_kind_class[kind] == VZ_CLASS_NONE || ticks < last_ticks || ticks >= limit)
            break;
        uint64_t time = vz_timebase_ns(base, ticks);
        last_ticks = ticks;
        kinds[n] = kind;
        threads[n] = thread;
        times[n] = time > floor ? time : floor;
        addresses[n] = slot->address;
        sizes[n] = slot->size_stack & VZ_SLOT_SIZE_MASK;
        stacks[n] = (uint32_t)(slot->size_stack >> VZ_SLOT_SIZE_BITS);
    }
    if (slot == begin)
        return;
    cursor->slot += (uint32_t)(slot - begin);
    cursor->last_ticks = source->last_ticks = last_ticks;
    source->last_time = times[n - 1];
    batch->n = n;
}

/* Takes the slot at the cursor, be it special: an event that is late or of a wide size, or no event. Returns false if it is not
 * published, or not below limit. */
static bool copy_one(const struct vz_timebase *base, struct vz_source *source, struct vz_cursor *cursor,
                     struct vz_batch *batch, uint64_t limit)
{
    const struct vz_slot *slot = &chunk_of(source, cursor)->slots[cursor->slot];
    uint64_t word = atomic_load_explicit(&slot->when_kind, memory_order_acquire);
    uint64_t ticks = word & VZ_SLOT_TICKS_MASK;
    uint8_t kind = (uint8_t)(word >> VZ_SLOT_KIND_SHIFT);
    uint32_t n = batch->n;
    ticks = ticks > cursor->last_ticks ? ticks : cursor->last_ticks;
    if (!word || (kind != VZ_SLOT_WIDE && ticks >= limit))
        return false;
    cursor->slot++;
    if (kind == VZ_SLOT_WIDE) {
        cursor->has_wide = true;
        cursor->wide_size = slot->address;
        return true;
    }
    cursor->last_ticks = ticks;
    batch->kind[n] = kind;
    batch->thread[n] = cursor->thread;
    batch->time[n] = time_of(base, source, ticks);
    batch->address[n] = slot->address;
    batch->size[n] = slot->size_stack & VZ_SLOT_SIZE_MASK;
    if (cursor->has_wide && batch->size[n] == VZ_SLOT_SIZE_MASK) /* else its event was lost: dropped, or left */
        batch->size[n] = cursor->wide_size;
    batch->stack[n] = (uint32_t)(slot->size_stack >> VZ_SLOT_SIZE_BITS);
    batch->n += vz_kind_class[kind] != VZ_CLASS_NONE; /* else: damaged by the program */
    cursor->has_wide = false;
    return true;
}

/* Takes the slots of the cursor's chunk below limit, until one is not published or the batch is full. */
static void copy_slots(const struct vz_timebase *base, struct vz_source *source, struct vz_cursor *cursor,
                       struct vz_batch *batch, uint64_t limit)
{
    do {
        if (!cursor->has_wide)
            copy_run(base, source, cursor, batch, limit);
    } while (cursor->slot < cursor->n_slots && batch->n < batch->capacity &&
             copy_one(base, source, cursor, batch, limit));
}

/* Takes the cursor's events below limit. Returns the ticks of its next one, as next_ticks. */
static uint64_t take_run(struct vz_source *source, struct vz_cursor *cursor, uint64_t limit, uint64_t *n_taken)
{
    uint64_t ticks;
    do {
        struct vz_batch *batch = source->ops->batch(source);
        if (!batch)
            return UINT64_MAX;
        uint32_t before = batch->n;
        copy_slots(source->time, source, cursor, batch, limit);
        *n_taken += batch->n - before;
        ticks = next_ticks(source, cursor);
    } while (ticks < limit);
    return ticks;
}

/* Restores the heap's order after heads[at] was replaced by a later one. */
static void sift_down(struct head *heads, uint32_t n, uint32_t at)
{
    struct head moved = heads[at];
    for (uint32_t child = 2 * at + 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && heads[child + 1].ticks < heads[child].ticks)
            child++;
        if (moved.ticks <= heads[child].ticks)
            break;
        heads[at] = heads[child];
        at = child;
    }
    heads[at] = moved;
}

static uint64_t merge(struct vz_source *source, struct head *heads, uint32_t n, uint64_t limit)
{
    uint64_t n_taken = 0;
    for (uint32_t at = n / 2; at > 0; at--)
        sift_down(heads, n, at - 1);
    while (n > 0) {
        uint64_t bound = limit;
        for (uint32_t child = 1; child < n && child <= 2; child++)
            bound = heads[child].ticks + 1 < bound ? heads[child].ticks + 1 : bound;
        heads[0].ticks = take_run(source, heads[0].cursor, bound, &n_taken);
        if (heads[0].ticks >= limit)
            heads[0] = heads[--n];
        sift_down(heads, n, 0);
    }
    return n_taken;
}

uint64_t vz_drain(struct vz_source *source, uint64_t limit)
{
    struct head few[64];
    struct head *heads = few;
    uint32_t n = 0;
    uint32_t n_streams = vz_streams_discover(source);
    if (n_streams > sizeof(few) / sizeof(*few))
        heads = source->ops->allocate(n_streams * sizeof(*heads));
    if (!heads)
        return 0;
    for (uint32_t i = 0; i < n_streams; i++) {
        struct vz_cursor *cursor = &source->cursors[i];
        if (!cursor->is_active)
            continue;
        uint64_t ticks = next_ticks(source, cursor);
        if (ticks < limit)
            heads[n++] = (struct head){.ticks = ticks, .cursor = cursor};
    }
    uint64_t n_taken = merge(source, heads, n, limit);
    if (heads != few)
        source->ops->release(heads);
    return n_taken;
}

bool vz_drain_retire(struct vz_source *source, uint32_t stream_index)
{
    struct vz_cursor *cursor = &source->cursors[stream_index];
    struct vz_stream *stream = cursor->stream;
    if (find_next(source, cursor))
        return false;
    atomic_store(&stream->first, 0);
    if (cursor->chunk && !cursor->is_broken)
        push_free(source, cursor->chunk, cursor->chunk_class);
    *cursor = (struct vz_cursor){.name_sequence = cursor->name_sequence};
    atomic_store_explicit(&stream->state, VZ_STREAM_IDLE, memory_order_release);
    atomic_fetch_add(&source->region->idle_streams, 1);
    return true;
}
