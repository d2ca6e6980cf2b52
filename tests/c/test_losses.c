/* What the collector writes of events that were dropped: every one, once, in spans in which it was dropped. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "launcher/collector.h"
#include "launcher/losses.h"
#include "record/shm.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#define STREAM_PAGE 6u
#define SECOND 1000000000u

static struct vz_drop_record written[1000];
static uint32_t n_written;
static bool is_open; /* whether the sink has room */

static int take_drops(struct vz_sink *sink, uint32_t image, const struct vz_drop_record *records, uint32_t n)
{
    (void)sink;
    CHECK(image == 7 && n > 0);
    for (uint32_t i = 0; i < n; i++)
        written[n_written++] = records[i];
    return 0;
}

static bool has_room(struct vz_sink *sink)
{
    (void)sink;
    return is_open;
}

static const struct vz_sink_ops operations = {.drops = take_drops, .has_room = has_room};
static struct vz_sink sink = {.ops = &operations, .name = "test"};
static struct vz_collector collector = {.sink = &sink, .time = {.rate = 1ULL << 32}, .images_end = 1};
static struct vz_cursor cursors[2];

static void open_image(struct vz_image *image)
{
    *image = (struct vz_image){.source = {.index = 7, .bytes = VZ_REGION_STRIDE, .cursors = cursors, .n_cursors = 2},
                               .pidfd = -1};
    image->source.region =
        mmap(NULL, VZ_REGION_STRIDE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(image->source.region != MAP_FAILED);
    atomic_store(&image->source.region->stream_pages[0], STREAM_PAGE);
    image->losses.looked_ns = collector.time.next_ns = vz_timebase_read_ns(&collector.time);
    collector.images[0] = image;
    n_written = 0;
}

static void drop(struct vz_image *image, uint32_t stream, uint64_t n)
{
    struct vz_stream *streams = (struct vz_stream *)((char *)image->source.region + STREAM_PAGE * VZ_PAGE);
    atomic_fetch_add(&streams[stream].dropped, n);
}

/* One round, `after` ns later than the one before: only the round's own clock goes faster. */
static void look(uint64_t after)
{
    collector.time.next_ns += after;
    collector.next_losses_ns = 0;
    vz_losses_look(&collector);
}

static uint64_t sum_written(void)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n_written; i++) {
        CHECK(written[i].events > 0 && written[i].first_time <= written[i].last_time);
        CHECK(i == 0 ||
              (written[i].first_time >= written[i - 1].first_time && written[i].last_time >= written[i - 1].last_time));
        sum += written[i].events;
    }
    return sum;
}

static void pause_ms(long ms)
{
    struct timespec pause = {.tv_nsec = ms * 1000000};
    nanosleep(&pause, NULL);
}

static void test_losses_lie_in_their_spans(void)
{
    struct vz_image image;
    open_image(&image);
    is_open = true;
    look(0);
    CHECK(n_written == 0);
    uint64_t before = vz_timebase_read_ns(&collector.time);
    drop(&image, 0, 3);
    drop(&image, 1, 4);
    uint64_t after = vz_timebase_read_ns(&collector.time);
    look(0);
    CHECK(n_written == 0); /* others may follow */
    pause_ms(2);
    look(SECOND);
    CHECK(n_written == 1 && written[0].events == 7);
    CHECK(written[0].first_time <= before && written[0].last_time >= after);
    look(SECOND);
    CHECK(n_written == 1);
    atomic_fetch_add(&image.source.region->dropped, 5); /* where no stream could be had */
    vz_losses_finish(&collector, &image);
    CHECK(n_written == 2 && written[1].events == 5 && image.losses.events == 12);
    CHECK(written[1].first_time >= written[0].last_time);
    munmap(image.source.region, VZ_REGION_STRIDE);
}

static void test_long_losses_are_cut_into_spans(void)
{
    struct vz_image image;
    open_image(&image);
    is_open = true;
    for (int i = 0; i < 30; i++) {
        drop(&image, 0, 1);
        pause_ms(10);
        look(0);
    }
    vz_losses_finish(&collector, &image);
    CHECK(sum_written() == 30);
    CHECK(n_written >= 3 && n_written < 30);
    munmap(image.source.region, VZ_REGION_STRIDE);
}

static void test_without_room_they_wait(void)
{
    struct vz_image image;
    open_image(&image);
    is_open = false;
    for (int i = 0; i < 300; i++) {
        drop(&image, (uint32_t)i % 2, 2);
        look(SECOND);
        pause_ms(1);
        look(SECOND); /* without a loss: the next span does not touch this one */
    }
    CHECK(n_written == 0);
    vz_losses_finish(&collector, &image);
    CHECK(n_written <= VZ_DROPS_PENDING && sum_written() == 600 && image.losses.events == 600);
    munmap(image.source.region, VZ_REGION_STRIDE);
}

static void test_what_there_is_no_room_for_in_the_end(void)
{
    struct vz_image image;
    struct vz_batch batch = {.n = 5};
    open_image(&image);
    image.source.sink = &sink;
    image.source.batch = &batch;
    image.source.is_discarding = true;
    drop(&image, 0, 2);
    vz_source_flush(&image.source);
    CHECK(batch.n == 0 && image.source.events == 0);
    vz_losses_finish(&collector, &image);
    CHECK(sum_written() == 7 && image.losses.events == 7);
    munmap(image.source.region, VZ_REGION_STRIDE);
}

static void test_counts_that_the_program_overwrote(void)
{
    struct vz_image image;
    open_image(&image);
    is_open = true;
    drop(&image, 0, 10);
    look(SECOND);
    drop(&image, 0, (uint64_t)-8); /* fewer than before: no loss */
    look(SECOND);
    vz_losses_finish(&collector, &image);
    CHECK(sum_written() == 10 && image.losses.events == 10);
    munmap(image.source.region, VZ_REGION_STRIDE);
}

int main(void)
{
    test_losses_lie_in_their_spans();
    test_long_losses_are_cut_into_spans();
    test_without_room_they_wait();
    test_what_there_is_no_room_for_in_the_end();
    test_counts_that_the_program_overwrote();
    return 0;
}
