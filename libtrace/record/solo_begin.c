/* Beginning to record oneself: see solo.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "clock.h"
#include "log.h"
#include "solo.h"
#include "solo_facts.h"
#include "solo_file.h"
#include "solo_lock.h"
#include "solo_message.h"
#include "solo_state.h"
#include "sys.h"
#include "sys_files.h"

enum {
    TIME_RESOLUTION_NS = 1000,
    STACK_BYTES = 128 << 10, /* only what is used of it becomes real */
    RECORD_BYTES = 56 << 10, /* the largest block of records: modules, the image */
    MIN_EVENTS = 1024,       /* encoded together */
    MAX_EVENTS = 16384,
    POOL_SHARE = 256 /* bytes of pool for each of them */
};

bool vz_solo_on;
struct vz_solo vz_solo;

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
    char *memory = vz_solo.stack_top;
    if (!memory) {
        memory = vz_sys_map(batch + encoder + buffer + STACK_BYTES, PROT_READ | PROT_WRITE, -1, 0);
        if (!memory)
            return false;
        vz_solo.stack_top = memory += STACK_BYTES;
    }
    vz_batch_place(&vz_solo.batch, memory, capacity);
    vz_solo.trace.encoder = vz_encoder_place(memory + batch, capacity, TIME_RESOLUTION_NS, VZ_ENCODER_STORE);
    vz_solo.trace.buffer = (struct vz_buffer){.data = (uint8_t *)memory + batch + encoder, .capacity = buffer};
    return true;
}

/* ---- the region ---------------------------------------------------------------------------------------------------- */

struct growth {
    struct vz_region *region;
    uint64_t to;
    enum vz_growth result;
};

static void run_growth(void *argument)
{
    struct growth *growth = argument;
    const bool had_end = vz_solo.has_end;
    int error = growth->to <= vz_solo.mapped ? 0 : vz_solo.place->open();
    if (!error && growth->to > vz_solo.mapped) {
        vz_solo_take_end_back(false);
        error = vz_solo_map_more(growth->region, growth->to);
        if (had_end)
            vz_solo_write_end();
        vz_solo.place->close();
    }
    growth->result = error ? VZ_GROW_REFUSED : VZ_GROWN;
    if (vz_solo_is_passing(error))
        growth->result = VZ_GROW_LATER;
    else
        vz_solo_check(error);
}

static enum vz_growth grow(struct vz_region *region, uint64_t from, uint64_t to)
{
    struct growth growth = {.region = region, .to = to};
    uint64_t mask;
    (void)from;
    if (vz_region && vz_region->pid != vz_sys_getpid())
        return VZ_GROW_LATER; /* a child that has yet to begin on its own: the trace is its parent's */
    if (!vz_solo_lock(&mask))
        return VZ_GROW_REFUSED;
    vz_sys_on_stack(vz_solo.stack_top, run_growth, &growth);
    vz_solo_unlock(&mask);
    return growth.result;
}

/* ---- the trace ----------------------------------------------------------------------------------------------------- */

static void say_failed(const struct vz_sink *sink, int error) { vz_solo_message_stop(sink->name, error); }

/* The session is the process's own: what the hooks ask of it is answered here. */
static bool make_session(void)
{
    if (!vz_session_shm)
        vz_session_shm = vz_sys_map(VZ_SESSION_BYTES, PROT_READ | PROT_WRITE, -1, 0);
    if (!vz_session_shm)
        return false;
    vz_session_shm->options = vz_solo.config->options;
    vz_session_shm->max_depth = vz_solo.config->max_depth;
    vz_session_shm->clock = VZ_CLOCK_MONOTONIC;
    vz_session_shm->buffer_bytes = vz_solo.config->buffer_bytes;
    atomic_store(&vz_session_shm->state, VZ_SESSION_OPEN);
    atomic_store(&vz_session_shm->claims[0], VZ_CLAIM_LIVE);
    return true;
}

static struct vz_text text_of(const char *text)
{
    return (struct vz_text){.data = text, .bytes = (uint32_t)strlen(text)};
}

struct beginning {
    enum vz_origin origin;
    uint64_t region_bytes, start_ticks;
    struct vz_solo_facts *facts;
    int error;
};

/* Before there is a region, so that a trace that gets no further tells at least of whom it is. */
static int write_image(const struct beginning *beginning)
{
    const struct vz_solo_facts *facts = beginning->facts;
    const bool is_fork = beginning->origin == VZ_ORIGIN_FORK;
    const struct vz_image_record record = {.pid = vz_sys_getpid(),
                                           .ppid = vz_sys_getppid(),
                                           .origin = is_fork ? VZ_IMAGE_FORK : VZ_IMAGE_START,
                                           .parent_image = VZ_NO_IMAGE,
                                           .start_time = beginning->start_ticks,
                                           .n_args = facts->n_args};
    struct vz_sink *sink = &vz_solo.trace.sink;
    const int error = sink->ops->image(sink, 0, &record, text_of(facts->exe), text_of(facts->cwd),
                                       (struct vz_text){.data = facts->args, .bytes = facts->args_bytes});
    return error ? error : sink->ops->flush(sink);
}

static int start_trace(const struct beginning *beginning)
{
    const struct vz_solo_facts *facts = beginning->facts;
    const struct vz_text args = {.data = facts->args, .bytes = facts->args_bytes};
    const uint64_t capabilities = (vz_solo.config->options & VZ_OPTION_FREE_STACKS ? VZ_CAPABILITY_FREE_STACKS : 0) |
                                  (vz_solo.place->holds_region ? VZ_CAPABILITY_POOL : 0);
    const struct vz_sink_session session = {
        .record = {.start_monotonic_ns = vz_solo.time.start_ns, .max_depth = vz_solo.config->max_depth},
        .start_wall_ns = vz_solo.time.start_wall_ns,
        .capabilities = capabilities,
        .host = text_of(facts->system.nodename),
        .version = text_of(VZ_VERSION),
        .system = text_of(facts->system_text),
        .args = args};
    int error = vz_solo.place->create(vz_solo.config, &vz_solo.trace.outlet);
    vz_solo.trace.sink.name = vz_solo.trace.outlet->name;
    if (!error)
        error = vz_solo.place->open();
    if (error)
        return error;
    error = vz_trace_sink_start(&vz_solo.trace, &session);
    if (!error)
        error = write_image(beginning);
    vz_solo.place->close();
    return error;
}

static int enter_region(uint64_t bytes)
{
    const uint64_t step = vz_solo.place->holds_region ? VZ_SOLO_POOL_STEP : VZ_REGION_STEP;
    bytes = bytes / VZ_REGION_STEP * VZ_REGION_STEP;
    struct vz_region *region = vz_sys_map((size_t)bytes, PROT_NONE, -1, 0);
    vz_solo.mapped = 0;
    if (!region)
        return -ENOMEM;
    if (vz_region_enter(region, (size_t)bytes, step, vz_solo.place->holds_region ? grow : NULL) < 0)
        return vz_solo.trace.sink.has_failed ? -EIO : -ENOMEM;
    atomic_store(&region->top, VZ_REGION_HEADER_BYTES);
    vz_solo.source =
        (struct vz_source){.ops = &vz_solo_source_ops,
                           .time = &vz_solo.time,
                           .sink = &vz_solo.trace.sink,
                           .flags = vz_solo.config->options & VZ_OPTION_FREE_STACKS ? VZ_BLOCK_FREE_STACKS : 0,
                           .region = region,
                           .bytes = vz_solo.place->holds_region ? vz_solo.mapped : bytes,
                           .keeps_chunks = true,
                           .node_capacity = MIN_EVENTS};
    return 0;
}

static void run_start(void *argument)
{
    struct beginning *beginning = argument;
    vz_solo_facts_read(beginning->facts);
    beginning->error = start_trace(beginning);
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
    vz_solo.source.log_at = region->log_first;
}

static void start_clock(void)
{
    vz_clock_is_counter = false;
    vz_clock_start = vz_sys_monotonic_ns();
    vz_solo.time.start_ns = vz_clock_start;
    vz_solo.time.start_wall_ns = vz_sys_wall_ns();
    vz_solo.time.rate = 1ULL << VZ_TIMEBASE_UNIT_SHIFT;
    vz_solo_message_start();
}

static int make_trace_and_region(struct beginning *beginning)
{
    vz_sys_on_stack(vz_solo.stack_top, run_start, beginning);
    if (!beginning->error)
        beginning->error = enter_region(beginning->region_bytes);
    if (beginning->error)
        return beginning->error;
    fill_region(beginning);
    return 0;
}

static void note_error(void *error) { vz_sink_check(&vz_solo.trace.sink, *(int *)error); }

bool vz_solo_begin(const struct vz_config_solo *config, enum vz_origin origin, uint64_t start_ticks,
                   uint64_t region_bytes)
{
    uint64_t mask;
    vz_solo_reset_lock();
    vz_solo_on = false;
    vz_region = NULL; /* a parent's, which must not be told why its child stops */
    vz_solo.place = config->is_stream ? &vz_solo_stream : &vz_solo_file;
    if (origin == VZ_ORIGIN_FORK)
        vz_solo.place->forget(); /* another thread may just have been writing */
    else
        start_clock();
    vz_solo.config = config;
    vz_solo.has_end = false;
    vz_solo.fate = vz_solo.fate_value = 0;
    vz_solo.n_dropped = vz_solo.looked_ns = 0;
    vz_solo.trace = (struct vz_trace_sink){.sink = {.name = config->log, .say_failed = say_failed}};
    struct beginning beginning = {.origin = origin, .start_ticks = start_ticks, .region_bytes = region_bytes};
    beginning.facts = vz_solo_allocate(sizeof *beginning.facts);
    int error = beginning.facts && make_session() && make_memory(choose_capacity(config->buffer_bytes)) ? 0 : -ENOMEM;
    vz_sys_hold_signals(&mask);
    if (!error)
        error = make_trace_and_region(&beginning);
    if (vz_solo.stack_top)
        vz_sys_on_stack(vz_solo.stack_top, note_error, &error);
    vz_sys_release_signals(&mask);
    vz_solo_release(beginning.facts);
    vz_solo_on = !error;
    vz_solo_begin_time();
    return !error;
}
