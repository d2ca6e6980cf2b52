/* Reading an image's region: see image_source.h. */
#include "image_source.h"

#include <stdlib.h>

#include "allocators.h"
#include "batch.h"
#include "execs.h"
#include "sys.h"
#include "threads.h"

#define NODES_TOGETHER 4096u

static struct vz_image *image_of(struct vz_source *source)
{
    return (struct vz_image *)((char *)source - offsetof(struct vz_image, source));
}

static struct vz_batch *batch_of(struct vz_source *source) { return vz_batch_of(image_of(source)->collector, source); }

static void name_thread(struct vz_source *source, uint32_t tid, char name[16])
{
    vz_threads_name(image_of(source), tid, name);
}

static void examine_module(struct vz_source *source, struct vz_text path, uint64_t time)
{
    struct vz_image *image = image_of(source);
    vz_allocators_examine(image->collector, image, path, time);
}

static void take_note(struct vz_source *source, uint32_t kind, const struct vz_note *note)
{
    struct vz_image *image = image_of(source);
    vz_execs_take_note(image->collector, image, kind, note);
}

static void wake(const _Atomic uint32_t *word) { vz_sys_futex_wake_all(word); }

static void *allocate(size_t bytes) { return calloc(1, bytes); }

static const struct vz_source_ops operations = {.batch = batch_of,
                                                .thread_name = name_thread,
                                                .module = examine_module,
                                                .note = take_note,
                                                .wake = wake,
                                                .allocate = allocate,
                                                .release = free};

void vz_image_source_open(struct vz_image *image, struct vz_region *region)
{
    struct vz_collector *collector = image->collector;
    image->source = (struct vz_source){.ops = &operations,
                                       .time = &collector->time,
                                       .sink = collector->sink,
                                       .flags = collector->cli->free_stacks ? VZ_BLOCK_FREE_STACKS : 0,
                                       .region = region,
                                       .bytes = VZ_REGION_STRIDE,
                                       .node_capacity = NODES_TOGETHER,
                                       .log_at = region->log_first};
}
