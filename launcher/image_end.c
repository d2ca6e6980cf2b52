/* Ending images: see image_end.h. */
#define _GNU_SOURCE
#include "image_end.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "collect/drain.h"
#include "collect/streams.h"
#include "execs.h"
#include "fates.h"
#include "image_texts.h"
#include "jit_map.h"
#include "losses.h"
#include "rss.h"
#include "stops.h"

static void free_image(struct vz_collector *collector, struct vz_image *image)
{
    if (image->source.batch)
        image->source.batch->owner = NULL;
    if (image->pidfd >= 0) {
        /* COMMAND's is a duplicate: closing that alone would leave it in the epoll set, to end the region's next image. */
        epoll_ctl(collector->epoll, EPOLL_CTL_DEL, image->pidfd, NULL);
        close(image->pidfd);
    }
    collector->images[image->region_index] = NULL;
    collector->n_images--;
    vz_source_free(&image->source);
    vz_image_texts_free(image);
    free(image);
}

/* Writes the image's end. Its events must have been taken. */
static void write_end(struct vz_collector *collector, struct vz_image *image, uint64_t time, enum vz_image_fate fate,
                      uint32_t value)
{
    vz_source_flush(&image->source);
    vz_execs_read(collector, image);
    vz_streams_read_names(&image->source);
    vz_rss_flush(collector, image);
    vz_stops_tell(collector, image);
    vz_losses_finish(collector, image);
    vz_jit_map_write(collector, image);
    struct vz_image_end_record record = {.time = time > image->source.last_time ? time : image->source.last_time,
                                         .fate = fate,
                                         .fate_value = value,
                                         .events = image->source.events,
                                         .dropped = image->losses.events,
                                         .reordered = image->source.reordered,
                                         .holes = image->source.holes,
                                         .stopped = atomic_load(&image->source.region->stopped)};
    VZ_SINK_DO(collector->sink, image_end, image->source.index, &record);
    collector->events += record.events;
}

/* The process went on in a program that isn't recorded, and has ended there: one record for that. */
static void write_unrecorded(struct vz_collector *collector, const struct vz_image *former, uint64_t time)
{
    const struct vz_note *exec = former->exec_note;
    struct vz_text exe = {.data = (const char *)(exec + 1), .bytes = exec->text_bytes};
    struct vz_text cwd = {.data = former->cwd ? former->cwd : "",
                          .bytes = former->cwd ? (uint32_t)strlen(former->cwd) : 0};
    uint64_t start = vz_timebase_ns(&collector->time, exec->ticks);
    struct vz_image_record record = {.pid = (uint32_t)former->pid,
                                     .ppid = former->source.region->ppid,
                                     .exec_number = former->exec_number + 1,
                                     .origin = VZ_IMAGE_EXEC,
                                     .parent_image = former->source.index,
                                     .not_recorded =
                                         former->exec_unfit ? (uint32_t)former->exec_unfit : VZ_NOT_UNREACHABLE,
                                     .start_time = start};
    struct vz_image_end_record end = {
        .time = time > start ? time : start, .fate = former->fate, .fate_value = former->fate_value};
    uint32_t index = collector->n_records++;
    VZ_SINK_DO(collector->sink, image, index, &record, exe, cwd, (struct vz_text){.data = ""});
    VZ_SINK_DO(collector->sink, image_end, index, &end);
}

/* Takes what is left of its events. Where there is no room for them they are dropped as before: a stream's margin is for the
 * records, which tell how many these were. */
static void drain_rest(struct vz_collector *collector, struct vz_image *image)
{
    image->source.is_discarding = collector->cli->drop_when_full && !vz_sink_has_room(collector->sink);
    vz_drain(&image->source, UINT64_MAX);
}

void vz_image_end_dead(struct vz_collector *collector, struct vz_image *image)
{
    uint64_t time = vz_collector_now(collector);
    image->source.is_dead = true;
    vz_fates_learn(collector, image);
    drain_rest(collector, image);
    vz_execs_read(collector, image);
    if (image->exec_note) {
        write_end(collector, image, vz_timebase_ns(&collector->time, image->exec_note->ticks), VZ_FATE_EXEC, 0);
        write_unrecorded(collector, image, time);
    } else {
        write_end(collector, image, time, image->fate, image->fate_value);
    }
    vz_session_release_region(&collector->memory, image->region_index, image->source.region);
    free_image(collector, image);
}

void vz_image_end_replaced(struct vz_collector *collector, struct vz_image *image, uint64_t time)
{
    image->source.is_dead = true;
    drain_rest(collector, image);
    write_end(collector, image, time, VZ_FATE_EXEC, 0);
    vz_session_release_region(&collector->memory, image->region_index, image->source.region);
    free_image(collector, image);
}

void vz_image_end_running(struct vz_collector *collector, struct vz_image *image)
{
    drain_rest(collector, image);
    write_end(collector, image, vz_collector_now(collector), VZ_FATE_RUNNING, 0);
    vz_session_unmap_region(image->source.region);
    free_image(collector, image);
}
