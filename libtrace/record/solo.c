/* Writing one's own trace: see solo.h. */
#define _GNU_SOURCE
#include "solo.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "clock.h"
#include "collect/drain.h"
#include "collect/notes.h"
#include "collect/sink_trace.h"
#include "collect/streams.h"
#include "log.h"
#include "session.h"
#include "solo_facts.h"
#include "solo_file.h"
#include "solo_lock.h"
#include "solo_message.h"
#include "solo_stream.h"
#include "sys.h"
#include "sys_files.h"

enum {
    TIME_RESOLUTION_NS = 1000,
    STACK_BYTES = 128 << 10, /* only what is used of it becomes real */
    RECORD_BYTES = 56 << 10, /* the largest block of records: modules, the image */
    MIN_EVENTS = 1024,       /* encoded together */
    MAX_EVENTS = 16384,
    POOL_SHARE = 256,      /* bytes of pool for each of them */
    POOL_STEP = 128 << 10, /* how much a file's pool grows by */
    DUE_NS = 400000000,    /* how often events are written, however few */
    SWEEP_NS = 100000000   /* how often to look which threads have ended */
};

bool vz_solo_on;

static struct {
    const struct vz_config_solo *config;
    struct vz_source source;
    struct vz_trace_sink trace;
    struct vz_timebase time;
    struct vz_batch batch;
    uint64_t mapped; /* how much of the region lies in the file */
    char *stack_top;
    _Atomic uint64_t due_ticks;
    uint64_t swept_ticks;
    uint64_t n_dropped, looked_ns; /* events whose loss was written, and when that was looked for */
    bool has_end;                  /* behind the trace's end as it is kept lies one that says how the process ended */
    uint32_t fate, fate_value;
} solo;

/* ---- memory ------------------------------------------------------------------------------------------------------- */

/* What is seldom asked for is mapped for itself; its size stands before it. */
static void *allocate(size_t bytes)
{
    const size_t all = bytes + 16;
    size_t *memory = vz_sys_map(all, PROT_READ | PROT_WRITE, -1, 0);
    if (!memory)
        return NULL;
    *memory = all;
    return (char *)memory + 16;
}

static void release(void *memory)
{
    if (memory)
        vz_sys_unmap((char *)memory - 16, *(size_t *)(void *)((char *)memory - 16));
}

static uint32_t choose_capacity(uint64_t pool_bytes)
{
    uint32_t n = MIN_EVENTS;
    while (n < MAX_EVENTS && (uint64_t)n * 2 * POOL_SHARE <= pool_bytes)
        n *= 2;
    return n;
}

/* Once: batch, encoder, buffer and stack in one mapping. A forked child has a copy. */
static bool make_memory(uint32_t capacity)
{
    const size_t batch = (vz_batch_bytes(capacity) + 63) & ~(size_t)63;
    const size_t encoder = (vz_encoder_bytes(capacity) + 63) & ~(size_t)63;
    const size_t buffer = VZ_STORED_BOUND(capacity) + RECORD_BYTES + (size_t)vz_sys_page_bytes();
    char *memory = solo.stack_top;
    if (!memory) {
        memory = vz_sys_map(batch + encoder + buffer + STACK_BYTES, PROT_READ | PROT_WRITE, -1, 0);
        if (!memory)
            return false;
        solo.stack_top = memory += STACK_BYTES;
    }
    vz_batch_place(&solo.batch, memory, capacity);
    solo.trace.encoder = vz_encoder_place(memory + batch, capacity, TIME_RESOLUTION_NS, VZ_ENCODER_STORE);
    solo.trace.buffer = (struct vz_buffer){.data = (uint8_t *)memory + batch + encoder, .capacity = buffer};
    return true;
}

/* ---- what reading the region needs (collect/source.h) ------------------------------------------------------------- */

static struct vz_batch *batch_of(struct vz_source *source)
{
    source->batch = &solo.batch;
    if (solo.batch.n == solo.batch.capacity)
        vz_source_flush(source);
    return &solo.batch;
}

static void name_thread(struct vz_source *source, uint32_t tid, char name[16])
{
    (void)source;
    vz_solo_facts_thread_name(tid, name);
}

static void take_module(struct vz_source *source, struct vz_text path, uint64_t time)
{
    (void)source, (void)path, (void)time;
}

static void take_note(struct vz_source *source, uint32_t kind, const struct vz_note *note)
{
    if (kind != VZ_NOTE_NOT_FOLLOWED)
        return;
    const struct vz_note_record record = {
        .time = vz_timebase_ns(source->time, note->ticks), .value = note->value, .type = VZ_NOTE_TYPE_NOT_FOLLOWED};
    VZ_SINK_DO(source->sink, note, source->index, &record, vz_notes_text(note));
}

static void wake(const _Atomic uint32_t *word) { vz_sys_futex_wake(word, INT32_MAX); }

static const struct vz_source_ops operations = {.batch = batch_of,
                                                .thread_name = name_thread,
                                                .module = take_module,
                                                .note = take_note,
                                                .wake = wake,
                                                .allocate = allocate,
                                                .release = release};

/* ---- on the own stack, with the lock ------------------------------------------------------------------------------ */

static int open_outlet(void) { return solo.config->is_stream ? 0 : vz_solo_file_open(); }

static void close_outlet(void)
{
    if (!solo.config->is_stream)
        vz_solo_file_close();
}

static void say_failed(const struct vz_sink *sink, int error) { vz_solo_message_stop(sink->name, error); }

/* Goes back to before the end that was written for the time being. */
static void take_end_back(bool cut)
{
    if (!solo.has_end)
        return;
    solo.has_end = false;
    if (!solo.config->is_stream)
        vz_solo_file_rewind(vz_solo_file_end(), cut);
}

static void begin_time(void)
{
    const uint64_t now = vz_clock_ticks();
    atomic_thread_fence(memory_order_seq_cst); /* what is read now was published before that */
    solo.time.next_ticks = solo.time.next_ns = now;
    atomic_store_explicit(&solo.due_ticks, now + DUE_NS, memory_order_relaxed);
}

/* Threads that have ended: their streams are closed in this window, and given back after it. */
static void find_dead_threads(void)
{
    struct vz_source *source = &solo.source;
    const uint64_t now = solo.time.next_ticks;
    if (source->n_cursors < 2 || now - solo.swept_ticks < SWEEP_NS)
        return;
    solo.swept_ticks = now;
    for (uint32_t i = 0; i < source->n_cursors; i++) {
        struct vz_cursor *cursor = &source->cursors[i];
        if (cursor->is_active && !vz_sys_thread_lives(source->region->pid, cursor->tid))
            cursor->is_thread_dead = true;
    }
}

static void retire_dead_threads(void)
{
    for (uint32_t i = 0; i < solo.source.n_cursors; i++)
        if (solo.source.cursors[i].is_active && solo.source.cursors[i].is_thread_dead)
            vz_drain_retire(&solo.source, i);
}

/* Says in the trace how far each stream was read: everything before it in the file is written, what follows it in the pool
 * is not. In memory of its own, should there be very many. */
static void write_positions(void)
{
    struct vz_source *source = &solo.source;
    struct vz_buffer *buffer = &solo.trace.buffer;
    const size_t bound = VZ_RECORD_BOUND(source->n_cursors * sizeof(struct vz_position));
    const struct vz_positions_record record = {.log = source->log_at, .last_time = source->last_time};
    struct vz_position *positions = allocate(source->n_cursors * sizeof(*positions) + bound);
    uint32_t n = 0;
    int error = positions ? 0 : -ENOMEM;
    if (!error && buffer->capacity - buffer->bytes < bound)
        error = solo.trace.sink.ops->flush(&solo.trace.sink);
    for (uint32_t i = 0; positions && i < source->n_cursors; i++) {
        const struct vz_cursor *cursor = &source->cursors[i];
        if (cursor->is_active)
            positions[n++] = (struct vz_position){.stream = i,
                                                  .thread = cursor->thread,
                                                  .claims = cursor->stream->claims,
                                                  .chunk = cursor->chunk,
                                                  .slot = cursor->slot,
                                                  .wide = cursor->has_wide ? cursor->wide_size : 0};
    }
    if (!error) {
        struct vz_buffer own = {.data = (uint8_t *)(positions + source->n_cursors), .capacity = bound};
        struct vz_buffer *out = bound > buffer->capacity ? &own : buffer;
        error = vz_encode_positions(solo.trace.encoder, source->index, &record, positions, n, out);
        if (!error && out == &own)
            error = solo.trace.outlet->ops->write(solo.trace.outlet, own.data, own.bytes);
    }
    release(positions);
    vz_sink_check(&solo.trace.sink, error);
}

static void write_losses(void)
{
    const uint64_t n_dropped = vz_source_dropped(&solo.source);
    const struct vz_drop_record record = {
        .first_time = solo.looked_ns, .last_time = vz_clock_ticks(), .events = n_dropped - solo.n_dropped};
    if (record.events)
        VZ_SINK_DO(&solo.trace.sink, drops, solo.source.index, &record, 1);
    solo.n_dropped = n_dropped;
    solo.looked_ns = vz_source_now(&solo.source);
}

/* Writes what all threads have published up to now. */
static void write_window(void)
{
    struct vz_source *source = &solo.source;
    begin_time();
    find_dead_threads();
    vz_drain(source, solo.time.next_ticks);
    vz_source_flush(source);
    vz_streams_read_names(source);
    write_losses();
    if (!solo.config->is_stream && !solo.trace.sink.has_failed)
        write_positions();
    if (!solo.trace.sink.has_failed)
        vz_sink_check(&solo.trace.sink, solo.trace.sink.ops->flush(&solo.trace.sink));
    if (solo.trace.sink.has_failed)
        return;
    vz_drain_give_back(source);
    retire_dead_threads();
}

/* Writes the trace's end behind what is kept of it. */
static void write_end(void)
{
    struct vz_source *source = &solo.source;
    struct vz_sink *sink = &solo.trace.sink;
    const uint64_t end = solo.config->is_stream ? 0 : vz_solo_file_end();
    const uint32_t sequence = vz_encoder_sequence(solo.trace.encoder);
    const uint64_t now = vz_source_now(source);
    const struct vz_image_end_record image = {.time = now > source->last_time ? now : source->last_time,
                                              .fate = solo.fate,
                                              .fate_value = solo.fate_value,
                                              .events = source->events,
                                              .dropped = vz_source_dropped(source),
                                              .reordered = source->reordered,
                                              .holes = source->holes,
                                              .stopped = atomic_load(&source->region->stopped)};
    const struct vz_end_record record = {.time = image.time, .events = source->events, .images = 1};
    VZ_SINK_DO(sink, image_end, source->index, &image);
    VZ_SINK_DO(sink, end, &record);
    if (sink->has_failed)
        return;
    solo.has_end = true;
    if (!solo.config->is_stream) {
        vz_solo_file_rewind(end, false);
        vz_encoder_rewind(solo.trace.encoder, sequence);
    }
}

static bool stop(int error)
{
    vz_sink_check(&solo.trace.sink, error);
    if (solo.trace.sink.has_failed)
        vz_session_stop(VZ_STOP_COLLECTOR_GONE);
    return !solo.trace.sink.has_failed;
}

/* For now there is no descriptor: the pool has to do a little longer. */
static bool is_passing(int error) { return error == -EMFILE || error == -ENFILE || error == -EINTR; }

struct job {
    bool ends, cuts;
    bool result;
};

static void run_job(void *argument)
{
    struct job *job = argument;
    const int error = solo.trace.sink.has_failed ? -EIO : open_outlet();
    if (error) {
        job->result = is_passing(error) || stop(error);
        return;
    }
    const bool had_end = solo.has_end || job->ends;
    take_end_back(job->cuts);
    write_window();
    if (had_end && !job->cuts)
        write_end();
    close_outlet();
    job->result = stop(0);
}

/* ---- the region in the file --------------------------------------------------------------------------------------- */

struct growth {
    struct vz_region *region;
    uint64_t to;
    bool result;
};

static int map_more(struct vz_region *region, uint64_t from, uint64_t to)
{
    struct vz_buffer *buffer = &solo.trace.buffer; /* nothing waits in it: windows end with a flush */
    const size_t head = sizeof(struct vz_block_header) + sizeof(struct vz_pool_record);
    const struct vz_pool_record record = {.offset = from, .bytes = to - from, .gap = vz_solo_file_gap(head)};
    int error = vz_encode_pool(solo.trace.encoder, solo.source.index, &record, buffer);
    const uint32_t sequence = vz_encoder_sequence(solo.trace.encoder);
    if (!error)
        error = vz_solo_file_map(buffer->data, buffer->bytes, (char *)region + from, to - from);
    if (error)
        vz_encoder_rewind(solo.trace.encoder, sequence - 1);
    buffer->bytes = 0;
    if (!error)
        vz_sys_advise((char *)region + from, (size_t)(to - from), MADV_DONTDUMP);
    return error;
}

static void run_growth(void *argument)
{
    struct growth *growth = argument;
    const bool had_end = solo.has_end;
    int error = growth->to <= solo.mapped ? 0 : open_outlet();
    if (!error && growth->to > solo.mapped) {
        take_end_back(false);
        error = map_more(growth->region, solo.mapped, growth->to);
        if (!error)
            solo.mapped = growth->to;
        if (had_end)
            write_end();
        close_outlet();
    }
    growth->result = error ? is_passing(error) ? false : stop(error) && false : true;
}

static bool grow(struct vz_region *region, uint64_t from, uint64_t to)
{
    struct growth growth = {.region = region, .to = to};
    uint64_t mask;
    (void)from;
    if (!vz_solo_lock(&mask))
        return false;
    vz_sys_on_stack(solo.stack_top, run_growth, &growth);
    vz_solo_unlock(&mask);
    return growth.result;
}

/* ---- the beginning ------------------------------------------------------------------------------------------------ */

/* The session is the process's own: what the hooks ask of it is answered here. */
static bool make_session(void)
{
    if (!vz_session_shm)
        vz_session_shm = vz_sys_map(VZ_SESSION_BYTES, PROT_READ | PROT_WRITE, -1, 0);
    if (!vz_session_shm)
        return false;
    vz_session_shm->options = solo.config->options;
    vz_session_shm->max_depth = solo.config->max_depth;
    vz_session_shm->clock = VZ_CLOCK_MONOTONIC;
    vz_session_shm->buffer_bytes = solo.config->buffer_bytes;
    atomic_store(&vz_session_shm->state, VZ_SESSION_OPEN);
    atomic_store(&vz_session_shm->claims[0], VZ_CLAIM_LIVE);
    return true;
}

static struct vz_text text_of(const char *text)
{
    return (struct vz_text){.data = text, .bytes = (uint32_t)strlen(text)};
}

static int start_trace(const struct vz_solo_facts *facts)
{
    const struct vz_text args = {.data = facts->args, .bytes = facts->args_bytes};
    const uint64_t capabilities = (solo.config->options & VZ_OPTION_FREE_STACKS ? VZ_CAPABILITY_FREE_STACKS : 0) |
                                  (solo.config->is_stream ? 0 : VZ_CAPABILITY_POOL);
    const struct vz_sink_session session = {
        .record = {.start_monotonic_ns = solo.time.start_ns, .max_depth = solo.config->max_depth},
        .start_wall_ns = solo.time.start_wall_ns,
        .capabilities = capabilities,
        .host = text_of(facts->system.nodename),
        .version = text_of(VZ_VERSION),
        .system = text_of(facts->system_text),
        .args = args};
    int error = solo.config->is_stream ? vz_solo_stream_create(solo.config, &solo.trace.outlet)
                                       : vz_solo_file_create(solo.config->log, &solo.trace.outlet);
    solo.trace.sink.name = solo.trace.outlet->name;
    if (!error)
        error = open_outlet();
    if (error)
        return error;
    error = vz_trace_sink_start(&solo.trace, &session);
    close_outlet();
    return error;
}

static int enter_region(uint64_t bytes)
{
    const uint64_t step = solo.config->is_stream ? VZ_REGION_STEP : POOL_STEP;
    bytes = bytes / VZ_REGION_STEP * VZ_REGION_STEP;
    struct vz_region *region = vz_sys_map((size_t)bytes, PROT_NONE, -1, 0);
    solo.mapped = 0;
    if (!region)
        return -ENOMEM;
    if (vz_region_enter(region, (size_t)bytes, step, solo.config->is_stream ? NULL : grow) < 0)
        return solo.trace.sink.has_failed ? -EIO : -ENOMEM;
    atomic_store(&region->top, VZ_REGION_HEADER_BYTES);
    solo.source = (struct vz_source){.ops = &operations,
                                     .time = &solo.time,
                                     .sink = &solo.trace.sink,
                                     .flags = solo.config->options & VZ_OPTION_FREE_STACKS ? VZ_BLOCK_FREE_STACKS : 0,
                                     .region = region,
                                     .keeps_chunks = true,
                                     .node_capacity = MIN_EVENTS};
    return 0;
}

static int write_image(const struct vz_solo_facts *facts)
{
    const struct vz_region *region = vz_region;
    const struct vz_image_record record = {.pid = region->pid,
                                           .ppid = region->ppid,
                                           .origin = region->origin == VZ_ORIGIN_FORK ? VZ_IMAGE_FORK : VZ_IMAGE_START,
                                           .parent_image = VZ_NO_IMAGE,
                                           .start_time = region->start_ticks,
                                           .n_args = facts->n_args};
    int error = open_outlet();
    if (error)
        return error;
    error = solo.trace.sink.ops->image(&solo.trace.sink, 0, &record, text_of(facts->exe), text_of(facts->cwd),
                                       (struct vz_text){.data = facts->args, .bytes = facts->args_bytes});
    if (!error)
        error = solo.trace.sink.ops->flush(&solo.trace.sink);
    close_outlet();
    return error;
}

struct beginning {
    enum vz_origin origin;
    uint64_t region_bytes, start_ticks;
    struct vz_solo_facts *facts;
    int error;
};

static void run_begin(void *argument)
{
    struct beginning *beginning = argument;
    vz_solo_facts_read(beginning->facts);
    beginning->error = start_trace(beginning->facts);
}

static void run_image(void *argument)
{
    struct beginning *beginning = argument;
    beginning->error = write_image(beginning->facts);
}

static void fill_region(const struct beginning *beginning)
{
    struct vz_region *region = vz_region;
    region->serial = 1;
    region->pid = vz_sys_getpid();
    region->ppid = vz_sys_getppid();
    region->origin = beginning->origin;
    region->start_ticks = beginning->start_ticks;
    atomic_store(&region->n_nodes, VZ_NODE_FIRST);
    vz_log_start();
    solo.source.log_at = region->log_first;
}

static void start_clock(void)
{
    vz_clock_is_counter = false;
    vz_clock_start = vz_sys_monotonic_ns();
    solo.time.start_ns = vz_clock_start;
    solo.time.start_wall_ns = vz_sys_wall_ns();
    solo.time.rate = 1ULL << VZ_TIMEBASE_UNIT_SHIFT;
    vz_solo_message_start();
}

static int begin(struct beginning *beginning)
{
    vz_sys_on_stack(solo.stack_top, run_begin, beginning);
    if (!beginning->error)
        beginning->error = enter_region(beginning->region_bytes);
    if (beginning->error)
        return beginning->error;
    fill_region(beginning);
    vz_sys_on_stack(solo.stack_top, run_image, beginning);
    return beginning->error;
}

bool vz_solo_begin(const struct vz_config_solo *config, enum vz_origin origin, uint64_t start_ticks,
                   uint64_t region_bytes)
{
    uint64_t mask;
    vz_solo_reset_lock();
    if (origin == VZ_ORIGIN_FORK && !config->is_stream)
        vz_solo_file_close(); /* another thread was just writing */
    else if (origin == VZ_ORIGIN_FORK)
        vz_solo_stream_forget();
    else
        start_clock();
    solo.config = config;
    solo.has_end = false;
    solo.n_dropped = solo.looked_ns = 0;
    solo.trace = (struct vz_trace_sink){.sink = {.name = config->log, .say_failed = say_failed}};
    struct beginning beginning = {.origin = origin, .start_ticks = start_ticks, .region_bytes = region_bytes};
    beginning.facts = allocate(sizeof *beginning.facts);
    int error = beginning.facts && make_session() && make_memory(choose_capacity(config->buffer_bytes)) ? 0 : -ENOMEM;
    vz_sys_hold_signals(&mask);
    if (!error)
        error = begin(&beginning);
    vz_sys_release_signals(&mask);
    release(beginning.facts);
    vz_sink_check(&solo.trace.sink, error);
    vz_solo_on = !error;
    begin_time();
    return !error;
}

void vz_solo_part(void)
{
    if (solo.config->is_stream)
        return; /* it is private already */
    char *copy = vz_sys_map((size_t)vz_region_bytes, PROT_READ | PROT_WRITE, -1, 0);
    if (!copy)
        return;
    memcpy(copy, vz_region, (size_t)solo.mapped);
    vz_sys_move_over(copy, (size_t)vz_region_bytes, vz_region);
}

/* ---- in hooks ----------------------------------------------------------------------------------------------------- */

static bool do_job(struct job *job)
{
    vz_sys_on_stack(solo.stack_top, run_job, job);
    return job->result;
}

bool vz_solo_make_room(void)
{
    struct job job = {0};
    uint64_t mask;
    if (solo.config->is_stream)
        return vz_solo_stream_make_room();
    if (!vz_solo_lock(&mask)) {
        vz_session_stop(VZ_STOP_COLLECTOR_GONE);
        return false;
    }
    const bool has_room = do_job(&job);
    vz_solo_unlock(&mask);
    return has_room;
}

void vz_solo_write_in_time(uint64_t now)
{
    struct job job = {0};
    uint64_t mask;
    if (now < atomic_load_explicit(&solo.due_ticks, memory_order_relaxed) || !vz_solo_try_lock(&mask))
        return;
    do_job(&job);
    vz_solo_unlock(&mask);
}

/* Not of a vfork child, nor under a filter that would end the process. */
static bool can_go_out(void) { return vz_solo_on && !vz_session_confined() && vz_region->pid == vz_sys_getpid(); }

void vz_solo_end(uint32_t fate, uint32_t fate_value)
{
    struct job job = {.ends = true};
    uint64_t mask;
    if (!can_go_out() || !vz_solo_lock(&mask))
        return;
    if (fate != VZ_FATE_UNKNOWN || !solo.has_end) { /* else it is the second call, which does not know better */
        solo.fate = fate;
        solo.fate_value = fate_value;
    }
    do_job(&job);
    vz_solo_unlock(&mask);
}

void vz_solo_go_on(void)
{
    struct job job = {.cuts = true};
    uint64_t mask;
    if (!can_go_out() || !vz_solo_lock(&mask))
        return;
    do_job(&job);
    vz_solo_unlock(&mask);
}
