/* The collector's reading of a region that its program has overwritten: streams, chunks, slots, nodes and the log. Whatever
 * lies there, the reading ends, stays within the region, and what it writes is in order.
 *
 * Input: operations of 10 bytes. 2 bytes below USED_WORDS: store the 8 that follow in that word of the region. Others are
 * what the collector does: see `act`.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "collect/drain.h"
#include "format/kinds.h"
#include "fuzz.h"
#include "launcher/collector.h"
#include "launcher/image_source.h"

enum { USED_PAGES = 64, USED_WORDS = USED_PAGES * VZ_PAGE / 8, LOG_PAGE = 40, MAX_STREAMS = 128 };

static int take_threads(struct vz_sink *sink, uint32_t image, const struct vz_thread_record *records, uint32_t n)
{
    (void)sink, (void)image, (void)records;
    FUZZ_CHECK(n > 0);
    return 0;
}

static int take_events(struct vz_sink *sink, uint32_t image, const struct vz_event_columns *events)
{
    (void)sink, (void)image;
    for (uint32_t i = 0; i < events->n; i++) {
        FUZZ_CHECK(vz_kind_class[events->kind[i]] != VZ_CLASS_NONE);
        FUZZ_CHECK(i == 0 || events->time[i - 1] <= events->time[i]);
    }
    return 0;
}

static int take_nodes(struct vz_sink *sink, uint32_t image, const struct vz_node_columns *nodes)
{
    (void)sink, (void)image;
    for (uint32_t i = 0; i < nodes->n; i++)
        FUZZ_CHECK(nodes->parent[i] < nodes->node[i]);
    return 0;
}

/* Each byte of a text must be there to be read. */
static void read_text(struct vz_text text)
{
    static volatile uint8_t sum;
    for (uint32_t i = 0; i < text.bytes; i++)
        sum = (uint8_t)(sum + (uint8_t)text.data[i]);
}

static int take_modules(struct vz_sink *sink, uint32_t image, const struct vz_module_record *records,
                        const struct vz_text *paths, uint32_t n)
{
    (void)sink, (void)image;
    for (uint32_t i = 0; i < n; i++) {
        FUZZ_CHECK(records[i].build_id_bytes <= sizeof records[i].build_id);
        read_text(paths[i]);
    }
    return 0;
}

static int take_unload(struct vz_sink *sink, uint32_t image, const struct vz_unload_record *record)
{
    (void)sink, (void)image, (void)record;
    return 0;
}

static int take_note(struct vz_sink *sink, uint32_t image, const struct vz_note_record *record, struct vz_text text)
{
    (void)sink, (void)image, (void)record;
    read_text(text);
    return 0;
}

static int take_image(struct vz_sink *sink, uint32_t image, const struct vz_image_record *record, struct vz_text exe,
                      struct vz_text cwd, struct vz_text args)
{
    (void)sink, (void)image, (void)record;
    read_text(exe);
    read_text(cwd);
    read_text(args);
    return 0;
}

static int take_image_end(struct vz_sink *sink, uint32_t image, const struct vz_image_end_record *record)
{
    (void)sink, (void)image, (void)record;
    return 0;
}

static int take_drops(struct vz_sink *sink, uint32_t image, const struct vz_drop_record *records, uint32_t n)
{
    (void)sink, (void)image;
    for (uint32_t i = 0; i < n; i++)
        if (records[i].events == 0 || records[i].first_time > records[i].last_time)
            __builtin_trap();
    return 0;
}

static const struct vz_sink_ops operations = {.threads = take_threads,
                                              .events = take_events,
                                              .nodes = take_nodes,
                                              .modules = take_modules,
                                              .unload = take_unload,
                                              .note = take_note,
                                              .image = take_image,
                                              .image_end = take_image_end,
                                              .drops = take_drops};
static const struct vz_cli cli;
static struct vz_sink sink = {.ops = &operations, .name = "fuzz"};
static struct vz_collector collector = {.cli = &cli, .sink = &sink, .time = {.rate = 1ULL << 32}};
static struct vz_region *region;

static void act(struct vz_image *image, uint64_t word)
{
    /* How many streams there are is trusted up to what the directory can hold; looking at all of them takes long. */
    if (atomic_load(&region->n_streams) > MAX_STREAMS)
        atomic_store(&region->n_streams, MAX_STREAMS);
    switch (word >> 56 & 3) {
    case 0:
        vz_drain(&image->source, word & VZ_SLOT_TICKS_MASK);
        break;
    case 1:
        vz_source_flush(&image->source);
        break;
    case 2: {
        const uint32_t stream = (uint32_t)word % MAX_STREAMS;
        if (stream < image->source.n_cursors && image->source.cursors[stream].is_active) {
            image->source.cursors[stream].is_thread_dead = true;
            vz_drain_retire(&image->source, stream);
        }
        break;
    }
    default:
        image->source.is_dead = true;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (!region) {
        region =
            mmap(NULL, VZ_REGION_STRIDE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        FUZZ_CHECK(region != MAP_FAILED);
    }
    struct vz_image image = {.collector = &collector, .pidfd = -1};
    vz_image_source_open(&image, region);
    image.source.log_at = LOG_PAGE * VZ_PAGE;
    struct fuzz_input input = {data, bytes};
    while (input.bytes) {
        const size_t where = fuzz_take(&input, 2);
        const uint64_t word = fuzz_take(&input, 8);
        if (where < USED_WORDS)
            ((uint64_t *)(void *)region)[where] = word;
        else
            act(&image, word);
    }
    image.source.is_dead = true;
    act(&image, VZ_SLOT_TICKS_MASK);
    vz_source_flush(&image.source);
    if (image.source.batch)
        image.source.batch->owner = NULL;
    vz_source_free(&image.source);
    madvise(region, VZ_REGION_STRIDE, MADV_DONTNEED);
    return 0;
}
