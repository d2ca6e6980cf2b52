/* Sampling resident memory: see rss.h. RSS is cheap (statm reads counters); the proportional size makes the kernel walk the page
 * tables under mmap_lock, 24 ms at 8 GiB, so it is taken for at most 1 % of the time. */
#include "rss.h"

#include "process.h"

#define PSS_NS 1000000000u     /* shortest time between two proportional samples of an image */
#define PENDING_NS 1000000000u /* longest that samples wait for others: who watches sees them */
#define MOST_INTERVAL_NS 1000000000u

void vz_rss_flush(struct vz_collector *collector, struct vz_image *image)
{
    if (image->n_samples)
        VZ_SINK_DO(collector->sink, samples, image->source.index, image->samples, image->n_samples);
    image->n_samples = 0;
}

static void sample_image(struct vz_collector *collector, struct vz_image *image)
{
    uint64_t begin = vz_timebase_read_ns(&collector->time);
    struct vz_sample_record sample = {
        .time = begin, .rss_bytes = vz_process_rss(image->outer_pid), .pss_bytes = VZ_NO_VALUE};
    if (!sample.rss_bytes)
        return; /* it has just ended */
    if (!image->next_pss_ns) {
        image->next_pss_ns = begin; /* of the first sample it would be a large part of what a short process costs */
    } else if (begin >= image->next_pss_ns) {
        begin = vz_timebase_read_ns(&collector->time);
        sample.pss_bytes = vz_process_pss(image->outer_pid);
        image->next_pss_ns = vz_collector_next_time(begin, vz_timebase_read_ns(&collector->time), PSS_NS);
    }
    image->samples[image->n_samples++] = sample;
    if (image->n_samples == VZ_SAMPLES_PENDING || sample.time - image->samples[0].time >= PENDING_NS)
        vz_rss_flush(collector, image);
}

/* Those that are due; else those of which there is no sample yet: a process may be gone before the next one is due. */
static void sample_images(struct vz_collector *collector, bool is_due)
{
    for (uint32_t i = 0; i < collector->images_end; i++) {
        struct vz_image *image = collector->images[i];
        const bool is_known = image && image->outer_pid && !image->source.is_dead && !image->exec_note;
        if (is_known && (is_due || !image->next_pss_ns))
            sample_image(collector, image);
    }
}

void vz_rss_sample(struct vz_collector *collector)
{
    uint64_t interval = (uint64_t)collector->cli->rss_interval_ms * 1000000u;
    uint64_t now = vz_collector_now(collector);
    if (!interval)
        return;
    bool is_due = now >= collector->next_rss_ns;
    uint64_t begin = vz_timebase_read_ns(&collector->time);
    sample_images(collector, is_due);
    if (!is_due)
        return;
    /* With very many processes it takes longer than it should: then less often. But it also seems to take long where others
     * wanted the processor meanwhile, which says nothing of what it costs. */
    collector->next_rss_ns = vz_collector_next_time(begin, vz_timebase_read_ns(&collector->time), 0);
    if (collector->next_rss_ns > now + MOST_INTERVAL_NS)
        collector->next_rss_ns = now + MOST_INTERVAL_NS;
    if (collector->next_rss_ns < now + interval)
        collector->next_rss_ns = now + interval;
}
