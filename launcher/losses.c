/* Looking at the counts of dropped events: see losses.h. */
#include "losses.h"

#define LOOK_NS 10000000u  /* how often the counts are looked at: as finely as losses have times */
#define SPAN_NS 100000000u /* losses that go on are told of in spans of this length */
#define AGE_NS 500000000u  /* how long a record may wait for others */

/* Makes one record of each two: longer spans, the same counts. */
static void halve(struct vz_losses *losses)
{
    for (uint32_t i = 0; i < VZ_DROPS_PENDING / 2; i++) {
        const struct vz_drop_record *pair = &losses->pending[2 * i];
        losses->pending[i] = (struct vz_drop_record){.first_time = pair[0].first_time,
                                                     .last_time = pair[1].last_time,
                                                     .events = pair[0].events + pair[1].events};
    }
    losses->n = VZ_DROPS_PENDING / 2;
}

static void add(struct vz_losses *losses, struct vz_drop_record record)
{
    struct vz_drop_record *last = losses->n ? &losses->pending[losses->n - 1] : NULL;
    if (last && last->last_time >= record.first_time && record.last_time - last->first_time <= SPAN_NS) {
        last->last_time = record.last_time;
        last->events += record.events;
        return;
    }
    if (losses->n == VZ_DROPS_PENDING)
        halve(losses);
    losses->pending[losses->n++] = record;
}

/* The clock is read before and after the counts: no event was dropped outside of the span that it is put into. */
static void look(const struct vz_collector *collector, struct vz_image *image)
{
    struct vz_losses *losses = &image->losses;
    uint64_t before = vz_timebase_read_ns(&collector->time);
    uint64_t dropped = vz_source_dropped(&image->source);
    if (dropped > losses->events) {
        add(losses, (struct vz_drop_record){.first_time = losses->looked_ns,
                                            .last_time = vz_timebase_read_ns(&collector->time),
                                            .events = dropped - losses->events});
        losses->events = dropped;
    }
    losses->looked_ns = before;
}

static void write_pending(struct vz_collector *collector, struct vz_image *image)
{
    struct vz_losses *losses = &image->losses;
    if (losses->n)
        VZ_SINK_DO(collector->sink, drops, image->source.index, losses->pending, losses->n);
    losses->n = 0;
}

void vz_losses_look(struct vz_collector *collector)
{
    uint64_t now = vz_collector_now(collector);
    if (now < collector->next_losses_ns)
        return;
    uint64_t begin = vz_timebase_read_ns(&collector->time);
    bool has_room = vz_sink_has_room(collector->sink);
    for (uint32_t i = 0; i < collector->images_end; i++) {
        struct vz_image *image = collector->images[i];
        if (!image)
            continue;
        look(collector, image);
        if (has_room && image->losses.n && now > image->losses.pending[0].first_time + AGE_NS)
            write_pending(collector, image);
    }
    /* With very many threads it takes longer than it should: then less often. */
    collector->next_losses_ns = vz_collector_next_time(begin, vz_timebase_read_ns(&collector->time), LOOK_NS);
}

void vz_losses_finish(struct vz_collector *collector, struct vz_image *image)
{
    look(collector, image);
    write_pending(collector, image);
}
