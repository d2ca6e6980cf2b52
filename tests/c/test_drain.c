/* Streams of a made-up image: what the collector takes of them, in which order, and what it gives back. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "collect/drain.h"
#include "format/kinds.h"
#include "launcher/batch.h"
#include "launcher/collector.h"
#include "launcher/image_source.h"
#include "record/shm.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#define LIMIT 1000000u
#define STREAM_PAGE 6u
#define FIRST_CHUNK 7u

/* A sink that takes nothing down: the events are looked at in the image's batch. */
static int take_threads(struct vz_sink *sink, uint32_t image, const struct vz_thread_record *records, uint32_t n)
{
    (void)sink, (void)image, (void)records, (void)n;
    return 0;
}

static const struct vz_sink_ops operations = {.threads = take_threads};
static const struct vz_cli cli;
static struct vz_sink sink = {.ops = &operations, .name = "test"};
static struct vz_collector collector = {.cli = &cli, .sink = &sink, .time = {.rate = 1ULL << 32}};

static struct vz_stream *stream_at(struct vz_image *image, uint32_t index)
{
    return (struct vz_stream *)((char *)image->source.region + STREAM_PAGE * VZ_PAGE) + index;
}

static struct vz_chunk *chunk_at(struct vz_image *image, uint32_t page)
{
    return (struct vz_chunk *)((char *)image->source.region + page * VZ_PAGE);
}

static void put(struct vz_image *image, uint32_t page, uint32_t slot, uint8_t kind, uint64_t ticks, uint64_t address)
{
    struct vz_slot *at = &chunk_at(image, page)->slots[slot];
    at->address = address;
    at->size_stack = 16;
    atomic_store(&at->when_kind, (uint64_t)kind << VZ_SLOT_KIND_SHIFT | ticks);
}

/* An image with n streams, each with one chunk of a page: stream i has page FIRST_CHUNK + i. */
static void open_image(struct vz_image *image, uint32_t n)
{
    memset(image, 0, sizeof(*image));
    image->pidfd = -1;
    image->collector = &collector;
    struct vz_region *region =
        mmap(NULL, VZ_REGION_STRIDE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(region != MAP_FAILED);
    vz_image_source_open(image, region);
    atomic_store(&image->source.region->stream_pages[0], STREAM_PAGE);
    atomic_store(&image->source.region->n_streams, n);
    for (uint32_t i = 0; i < n; i++) {
        atomic_store(&stream_at(image, i)->tid, 100 + i);
        atomic_store(&stream_at(image, i)->first, FIRST_CHUNK + i);
        atomic_store(&stream_at(image, i)->state, VZ_STREAM_ACTIVE);
    }
}

static void close_image(struct vz_image *image)
{
    if (image->source.batch)
        image->source.batch->n = 0;
    if (image->source.batch)
        image->source.batch->owner = NULL;
    munmap(image->source.region, VZ_REGION_STRIDE);
    free(image->source.cursors);
}

static void test_merges_streams_by_time(void)
{
    struct vz_image image;
    open_image(&image, 3);
    for (uint32_t i = 0; i < 30; i++)
        put(&image, FIRST_CHUNK + i % 3, i / 3, VZ_KIND_MALLOC, 10 + i, i);
    CHECK(vz_drain(&image.source, LIMIT) == 30);
    for (uint32_t i = 0; i < 30; i++) {
        CHECK(image.source.batch->address[i] == i);
        CHECK(image.source.batch->time[i] == 10 + i);
        CHECK(image.source.batch->thread[i] == i % 3);
    }
    CHECK(image.source.reordered == 0 && image.source.holes == 0);
    close_image(&image);
}

static void test_keeps_what_lies_beyond_the_limit(void)
{
    struct vz_image image;
    open_image(&image, 2);
    put(&image, FIRST_CHUNK, 0, VZ_KIND_MALLOC, 10, 1);
    put(&image, FIRST_CHUNK, 1, VZ_KIND_FREE, 50, 3);
    put(&image, FIRST_CHUNK + 1, 0, VZ_KIND_MALLOC, 60, 4);
    CHECK(vz_drain(&image.source, 50) == 1);
    put(&image, FIRST_CHUNK + 1, 1, VZ_KIND_MALLOC, 70, 5);
    CHECK(vz_drain(&image.source, LIMIT) == 3);
    for (uint64_t i = 1; i < 4; i++)
        CHECK(image.source.batch->address[i] == i + 2);
    close_image(&image);
}

static void test_times_never_decrease(void)
{
    struct vz_image image;
    open_image(&image, 2);
    put(&image, FIRST_CHUNK, 0, VZ_KIND_MALLOC, 9000, 1);
    CHECK(vz_drain(&image.source, LIMIT) == 1);
    put(&image, FIRST_CHUNK + 1, 0, VZ_KIND_MALLOC, 8500, 2); /* stamped before, published after */
    put(&image, FIRST_CHUNK, 1, VZ_KIND_MALLOC, 9100, 3);
    CHECK(vz_drain(&image.source, LIMIT) == 2);
    CHECK(image.source.batch->time[1] == 9000 && image.source.batch->address[1] == 2 && image.source.reordered == 0);
    put(&image, FIRST_CHUNK + 1, 1, VZ_KIND_MALLOC, 8600, 4);
    put(&image, FIRST_CHUNK + 1, 2, VZ_KIND_MALLOC, 8000, 5); /* backwards in its own stream: its order counts */
    image.source.last_time = image.source.last_ticks = 20000;
    CHECK(vz_drain(&image.source, LIMIT) == 2);
    CHECK(image.source.batch->time[4] == 20000 && image.source.batch->address[4] == 5 && image.source.reordered == 2);
    close_image(&image);
}

static _Atomic uint32_t round_started;
enum { RACE_ROUNDS = 3000, RACE_SLOTS = 160 };

static void *publish_slots(void *argument)
{
    struct vz_image *image = argument;
    for (uint32_t round = 1; round <= RACE_ROUNDS; round++) {
        while (atomic_load(&round_started) < round)
            ;
        for (uint32_t slot = 0; slot < RACE_SLOTS; slot++)
            put(image, FIRST_CHUNK, slot, VZ_KIND_MALLOC, 10 + slot, slot);
    }
    return NULL;
}

/* A slot that is published between a look at it and a look at the next is no hole. */
static void test_takes_slots_as_they_are_published(void)
{
    struct vz_image image;
    pthread_t writer;
    open_image(&image, 1);
    CHECK(pthread_create(&writer, NULL, publish_slots, &image) == 0);
    for (uint32_t round = 1; round <= RACE_ROUNDS; round++) {
        uint64_t n_taken = 0;
        atomic_store(&round_started, round);
        while (n_taken < RACE_SLOTS) {
            n_taken += vz_drain(&image.source, LIMIT);
            CHECK(image.source.holes == 0);
        }
        memset(chunk_at(&image, FIRST_CHUNK)->slots, 0, RACE_SLOTS * sizeof(struct vz_slot));
        image.source.cursors[0].slot = 0;
        image.source.cursors[0].last_ticks = 0;
        image.source.batch->n = 0;
    }
    pthread_join(writer, NULL);
    close_image(&image);
}

static void test_skips_holes_and_joins_wide_sizes(void)
{
    struct vz_image image;
    open_image(&image, 1);
    put(&image, FIRST_CHUNK, 0, VZ_KIND_MALLOC, 10, 1);
    put(&image, FIRST_CHUNK, 2, VZ_SLOT_WIDE, 11, 1ULL << 41);
    CHECK(vz_drain(&image.source, LIMIT) == 1);
    put(&image, FIRST_CHUNK, 3, VZ_KIND_MALLOC, 11, 2);
    chunk_at(&image, FIRST_CHUNK)->slots[3].size_stack = VZ_SLOT_SIZE_MASK;
    put(&image, FIRST_CHUNK, 4, VZ_SLOT_WIDE, 11, 1ULL << 42); /* its own event was dropped */
    put(&image, FIRST_CHUNK, 5, VZ_KIND_MALLOC, 11, 4);
    put(&image, FIRST_CHUNK, 20, VZ_KIND_MALLOC, 12, 3); /* too far to be looked for while the thread lives */
    CHECK(vz_drain(&image.source, LIMIT) == 2);
    CHECK(image.source.batch->size[0] == 16 && image.source.batch->size[1] == 1ULL << 41 &&
          image.source.batch->size[2] == 16);
    CHECK(image.source.holes == 1);
    image.source.is_dead = true;
    CHECK(vz_drain(&image.source, UINT64_MAX) == 1);
    CHECK(image.source.batch->address[3] == 3 && image.source.batch->size[3] == 16 && image.source.holes == 15);
    close_image(&image);
}

static void test_gives_chunks_back(void)
{
    struct vz_image image;
    open_image(&image, 1);
    const uint32_t n_slots = (VZ_PAGE - (uint32_t)sizeof(struct vz_chunk)) / (uint32_t)sizeof(struct vz_slot);
    for (uint32_t i = 0; i < n_slots; i++)
        put(&image, FIRST_CHUNK, i, VZ_KIND_MALLOC, i + 1, i);
    put(&image, FIRST_CHUNK + 1, 0, VZ_KIND_FREE, n_slots + 1, 0);
    atomic_store(&chunk_at(&image, FIRST_CHUNK)->next, FIRST_CHUNK + 1);
    CHECK(vz_drain(&image.source, LIMIT) == n_slots + 1);
    struct vz_region *region = image.source.region;
    CHECK(atomic_load(&stream_at(&image, 0)->first) == FIRST_CHUNK + 1);
    CHECK(atomic_load(&region->drained) == VZ_PAGE && atomic_load(&stream_at(&image, 0)->drained) == VZ_PAGE);
    CHECK(atomic_load(&region->drain_sequence) == 1);
    CHECK((uint32_t)atomic_load(&region->free_chunks[0]) == FIRST_CHUNK);
    CHECK(atomic_load(&chunk_at(&image, FIRST_CHUNK)->slots[0].when_kind) == 0);

    put(&image, FIRST_CHUNK + 1, 1, VZ_KIND_MALLOC, n_slots + 2, 9);
    CHECK(!vz_drain_retire(&image.source, 0)); /* something is left to read */
    CHECK(vz_drain(&image.source, LIMIT) == 1);
    CHECK(vz_drain_retire(&image.source, 0));
    CHECK(atomic_load(&stream_at(&image, 0)->state) == VZ_STREAM_IDLE && atomic_load(&region->idle_streams) == 1);
    CHECK((uint32_t)atomic_load(&region->free_chunks[0]) == FIRST_CHUNK + 1);
    CHECK(atomic_load(&chunk_at(&image, FIRST_CHUNK + 1)->next) == FIRST_CHUNK);
    close_image(&image);
}

/* Who writes the trace itself gives chunks back when it has written what was in them. */
static void test_keeps_chunks_until_told(void)
{
    struct vz_image image;
    open_image(&image, 1);
    image.source.keeps_chunks = true;
    for (uint32_t page = FIRST_CHUNK; page < FIRST_CHUNK + 3; page++)
        put(&image, page, 0, VZ_KIND_MALLOC, page, page);
    atomic_store(&chunk_at(&image, FIRST_CHUNK)->next, FIRST_CHUNK + 1);
    atomic_store(&chunk_at(&image, FIRST_CHUNK + 1)->next, FIRST_CHUNK + 2);
    CHECK(vz_drain(&image.source, LIMIT) == 3);
    CHECK(atomic_load(&stream_at(&image, 0)->first) == FIRST_CHUNK);
    CHECK(atomic_load(&chunk_at(&image, FIRST_CHUNK)->slots[0].when_kind) != 0);
    vz_drain_give_back(&image.source);
    CHECK(atomic_load(&stream_at(&image, 0)->first) == FIRST_CHUNK + 2);
    CHECK(atomic_load(&stream_at(&image, 0)->drained) == 2 * VZ_PAGE);
    CHECK((uint32_t)atomic_load(&image.source.region->free_chunks[0]) == FIRST_CHUNK + 1);
    CHECK(atomic_load(&chunk_at(&image, FIRST_CHUNK)->slots[0].when_kind) == 0);
    CHECK(atomic_load(&chunk_at(&image, FIRST_CHUNK + 2)->slots[0].when_kind) != 0);
    close_image(&image);
}

static void test_survives_damage(void)
{
    struct vz_image image;
    open_image(&image, 2);
    chunk_at(&image, FIRST_CHUNK)->chunk_class = 77;
    atomic_store(&stream_at(&image, 1)->first, UINT32_MAX);
    put(&image, FIRST_CHUNK, 0, VZ_KIND_MALLOC, 10, 1);
    CHECK(vz_drain(&image.source, UINT64_MAX) == 0);
    close_image(&image);
}

int main(void)
{
    test_merges_streams_by_time();
    test_keeps_what_lies_beyond_the_limit();
    test_times_never_decrease();
    test_takes_slots_as_they_are_published();
    test_skips_holes_and_joins_wide_sizes();
    test_gives_chunks_back();
    test_keeps_chunks_until_told();
    test_survives_damage();
    vz_batch_free_all(&collector);
    return 0;
}
