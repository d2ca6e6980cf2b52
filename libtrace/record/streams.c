/* Claiming streams, and handing out chunks under the image's limit. */
#include "streams.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>

#include "arena.h"
#include "solo.h"
#include "sys.h"

enum { WAIT_NS = 50000000 }; /* how long to wait for the collector before looking whether it is still alive */
enum { FILLING_SHARE = 4 };  /* of the pool, this part is for chunks being filled; the others wait for the collector */

/* What each stream's thread keeps for itself, by stream index: reused with the stream. */
static _Atomic(struct vz_thread *) *private_pages[VZ_MAX_STREAM_PAGES];

/* ---- streams --------------------------------------------------------------------------------------------------------
 */

static struct vz_stream *stream_at(uint32_t index)
{
    struct vz_region *region = vz_region;
    _Atomic uint32_t *entry = &region->stream_pages[index / VZ_STREAMS_PER_PAGE];
    uint32_t page = atomic_load_explicit(entry, memory_order_acquire);
    if (!page) {
        const uint32_t fresh = (uint32_t)(vz_region_alloc(VZ_PAGE) / VZ_PAGE);
        if (fresh && atomic_compare_exchange_strong(entry, &page, fresh))
            page = fresh;
    }
    return page ? (struct vz_stream *)vz_region_page(page) + index % VZ_STREAMS_PER_PAGE : NULL;
}

static _Atomic(struct vz_thread *) *private_at(uint32_t index)
{
    _Atomic(struct vz_thread *) **entry = &private_pages[index / VZ_STREAMS_PER_PAGE];
    if (!__atomic_load_n(entry, __ATOMIC_ACQUIRE)) {
        _Atomic(struct vz_thread *) *none = NULL, *fresh = vz_arena_alloc(VZ_STREAMS_PER_PAGE * sizeof *fresh);
        if (!fresh)
            return NULL;
        __atomic_compare_exchange_n(entry, &none, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
    return __atomic_load_n(entry, __ATOMIC_ACQUIRE) + index % VZ_STREAMS_PER_PAGE;
}

/* A stream whose thread died and which the collector has emptied, or -1. */
static int64_t reclaim(void)
{
    struct vz_region *region = vz_region;
    if (atomic_load(&region->idle_streams) == 0)
        return -1;
    const uint32_t n_streams = atomic_load(&region->n_streams);
    for (uint32_t index = 0; index < n_streams; index++) {
        struct vz_stream *stream = stream_at(index);
        uint32_t idle = VZ_STREAM_IDLE;
        if (stream && atomic_compare_exchange_strong(&stream->state, &idle, VZ_STREAM_CLAIMED)) {
            atomic_fetch_sub(&region->idle_streams, 1);
            return index;
        }
    }
    return -1;
}

static int64_t claim_new(void)
{
    struct vz_region *region = vz_region;
    if (atomic_load(&region->n_streams) >= VZ_MAX_STREAM_PAGES * VZ_STREAMS_PER_PAGE)
        return -1;
    const uint32_t index = atomic_fetch_add(&region->n_streams, 1);
    return index < VZ_MAX_STREAM_PAGES * VZ_STREAMS_PER_PAGE ? (int64_t)index : -1;
}

/* Tie a private struct to the stream at index and publish the stream. */
static bool bind(struct vz_thread *thread, uint32_t index, uint32_t tid, uint32_t level)
{
    struct vz_stream *stream = stream_at(index);
    if (!stream)
        return false;
    thread->position = thread->end = NULL;
    thread->chunk = NULL;
    thread->stride = 1;
    thread->stream = stream;
    thread->level = level;
    thread->index = index;
    if (thread->memo)
        vz_memo_reset(thread->memo);
    memset(stream->name, 0, sizeof stream->name);
    stream->claims++;
    atomic_store(&stream->tid, tid);
    atomic_store(&stream->level, level);
    atomic_store_explicit(&stream->state, VZ_STREAM_ACTIVE, memory_order_release);
    return true;
}

struct vz_thread *vz_streams_claim(uint32_t tid, uint32_t level)
{
    int64_t index = reclaim();
    if (index < 0)
        index = claim_new();
    _Atomic(struct vz_thread *) *entry = index < 0 ? NULL : private_at((uint32_t)index);
    if (!entry)
        return NULL;
    struct vz_thread *thread = atomic_load(entry);
    if (!thread && !(thread = vz_arena_alloc(sizeof *thread)))
        return NULL;
    atomic_store(entry, thread);
    thread->guard = 0;
    thread->inner = NULL;
    thread->last_ticks = 0;
    return bind(thread, (uint32_t)index, tid, level) ? thread : NULL;
}

bool vz_streams_fork(struct vz_thread *survivor)
{
    memset(private_pages, 0, sizeof private_pages); /* what the parent's threads had stays behind in the arena */
    const uint32_t tid = vz_sys_gettid();
    for (struct vz_thread *thread = survivor; thread; thread = thread->inner) {
        const int64_t index = claim_new();
        _Atomic(struct vz_thread *) *entry = index < 0 ? NULL : private_at((uint32_t)index);
        if (!entry || !bind(thread, (uint32_t)index, tid, thread->level))
            return false;
        atomic_store(entry, thread);
    }
    return true;
}

/* ---- chunks ---------------------------------------------------------------------------------------------------------
 */

static bool over_limit(const struct vz_thread *thread)
{
    struct vz_region *region = vz_region;
    struct vz_stream *stream = thread->stream;
    const uint64_t pool = vz_session_shm->buffer_bytes;
    if (atomic_load(&region->filled) - atomic_load(&region->drained) <= pool - pool / FILLING_SHARE)
        return false;
    /* Others may have filled the pool; whose own data is drained gets a chunk all the same. */
    return atomic_load(&stream->filled) != atomic_load(&stream->drained);
}

/* Wait until the collector has made room. Returns false if there will be none. */
static bool wait_for_room(const struct vz_thread *thread)
{
    struct vz_region *region = vz_region;
    if (vz_solo_is_on())
        return !over_limit(thread) || vz_solo_make_room();
    while (over_limit(thread)) {
        if (vz_session_shm->options & VZ_OPTION_DROP)
            return false;
        if (!vz_session_attended()) {
            vz_session_stop(VZ_STOP_COLLECTOR_GONE);
            return false;
        }
        const uint32_t sequence = atomic_load(&region->drain_sequence);
        atomic_fetch_add(&region->waiters, 1);
        const long result = over_limit(thread) ? vz_sys_futex_wait(&region->drain_sequence, sequence, WAIT_NS) : 0;
        atomic_fetch_sub(&region->waiters, 1);
        if (result == -ENOSYS || result == -EPERM || result == -EACCES) {
            vz_session_stop(VZ_STOP_REFUSED);
            return false;
        }
    }
    return true;
}

static struct vz_chunk *pop_free(uint32_t chunk_class)
{
    _Atomic uint64_t *stack = &vz_region->free_chunks[chunk_class];
    uint64_t head = atomic_load(stack);
    while ((uint32_t)head) {
        struct vz_chunk *chunk = vz_region_page((uint32_t)head);
        const uint64_t next = ((head >> 32) + 1) << 32 | atomic_load(&chunk->next);
        if (atomic_compare_exchange_weak(stack, &head, next))
            return chunk;
    }
    return NULL;
}

static struct vz_chunk *start_chunk(struct vz_chunk *chunk, uint32_t chunk_class)
{
    chunk->chunk_class = chunk_class;
    chunk->n_slots = (uint32_t)((vz_chunk_bytes(chunk_class) - sizeof *chunk) / sizeof(struct vz_slot));
    atomic_store_explicit(&chunk->next, 0, memory_order_relaxed);
    return chunk;
}

/* A free chunk of one of these classes, or a new one of the least. */
static struct vz_chunk *new_chunk(uint32_t least, uint32_t most)
{
    for (uint32_t chunk_class = least; chunk_class <= most; chunk_class++) {
        struct vz_chunk *chunk = pop_free(chunk_class);
        if (chunk)
            return start_chunk(chunk, chunk_class);
    }
    const uint64_t offset = vz_region_alloc(vz_chunk_bytes(least));
    return offset ? start_chunk(vz_region_at(offset), least) : NULL;
}

/* Threads start small and grow. No new chunk takes more than an eighth of the pool, nor more than the thread's share in what
 * is there for chunks being filled; but free ones are used. (200 busy threads with 256 KiB each took 115 MiB.) */
static struct vz_chunk *chunk_after(const struct vz_chunk *full)
{
    const uint32_t n_streams = atomic_load_explicit(&vz_region->n_streams, memory_order_relaxed);
    const uint64_t most = vz_session_shm->buffer_bytes / (n_streams > 2 ? FILLING_SHARE * n_streams : 8);
    uint32_t chunk_class = full->chunk_class + 1;
    while (chunk_class > 0 && (chunk_class >= VZ_CHUNK_CLASSES || vz_chunk_bytes(chunk_class) > most))
        chunk_class--;
    return new_chunk(chunk_class, VZ_CHUNK_CLASSES - 1);
}

/* ---- processes that write their own trace ---------------------------------------------------------------------------
 */

enum { MAX_STRIDE = 4096, SHORT_STRIDE_NS = 20000000, LONG_STRIDE_NS = 100000000 };

static struct vz_slot *end_of(struct vz_chunk *chunk) { return chunk->slots + chunk->n_slots; }

/* The slots of a chunk are handed out by strides, so that such a process looks now and then whether it is time to write;
 * of about as many slots as it fills in that time. Everybody else gets the whole chunk. */
static void set_end(struct vz_thread *thread)
{
    struct vz_slot *end = end_of(thread->chunk);
    const uint64_t elapsed = thread->last_ticks - thread->stride_ticks;
    thread->end = end;
    if (!vz_solo_is_on())
        return;
    if (elapsed < SHORT_STRIDE_NS && thread->stride < MAX_STRIDE)
        thread->stride *= 2;
    else if (elapsed > LONG_STRIDE_NS)
        thread->stride = 1;
    thread->stride_ticks = thread->last_ticks;
    if (end - thread->position > (ptrdiff_t)thread->stride)
        thread->end = thread->position + thread->stride;
}

bool vz_thread_next_chunk(struct vz_thread *thread)
{
    if (vz_solo_is_on())
        vz_solo_write_in_time(thread->last_ticks);
    struct vz_stream *stream = thread->stream;
    struct vz_chunk *full = thread->chunk;
    struct vz_chunk *chunk = NULL;
    if (full && thread->position != end_of(full)) {
        set_end(thread);
        return true;
    }
    const bool has_room = wait_for_room(thread);
    /* A handler that interrupted the wait has a level of its own, unless the walk from it ended before it met this hook (code
     * without unwind data): then it has appended here. */
    if (thread->chunk != full || (full && thread->position != end_of(full)))
        return vz_thread_next_chunk(thread);
    if (has_room)
        chunk = full ? chunk_after(full) : new_chunk(0, 0);
    if (!chunk) {
        atomic_fetch_add(&stream->dropped, 1);
        return false;
    }
    const uint32_t page = (uint32_t)((uint64_t)((char *)chunk - (char *)vz_region) / VZ_PAGE);
    if (full) {
        const uint32_t bytes = vz_chunk_bytes(full->chunk_class);
        atomic_fetch_add(&stream->filled, bytes);
        atomic_fetch_add(&vz_region->filled, bytes);
        atomic_store_explicit(&full->next, page, memory_order_release);
    } else {
        atomic_store_explicit(&stream->first, page, memory_order_release);
    }
    thread->chunk = chunk;
    thread->position = chunk->slots;
    set_end(thread);
    return true;
}
