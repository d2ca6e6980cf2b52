/* Saying that recording stopped: see stops.h. */
#include "stops.h"

#include "message.h"

/* NULL: the recording as a whole has stopped, which is said elsewhere. */
static const char *explain(uint32_t why)
{
    switch (why) {
    case VZ_STOP_REGION_FULL:
        return "its part of the shared memory is used up; fewer frames (--max-depth) or more address space (ulimit -v) "
               "help";
    case VZ_STOP_REFUSED:
        return "the kernel refused it a system call that recording needs, as a sandbox makes it";
    default:
        return NULL;
    }
}

void vz_stops_tell(struct vz_collector *collector, const struct vz_image *image)
{
    uint32_t why = atomic_load_explicit(&image->source.region->stopped, memory_order_relaxed);
    uint32_t bit = 1u << (why & 31u);
    if (!explain(why) || (collector->stops_told & bit))
        return;
    collector->stops_told |= bit;
    vz_message_warning("%s (pid %d): its recording stops here: %s; the program goes on", image->exe ? image->exe : "?",
                       (int)image->pid, explain(why));
}

void vz_stops_tell_missed(const struct vz_collector *collector)
{
    uint64_t n = atomic_load(&collector->memory.header->images_missed);
    if (n)
        vz_message_warning(
            "%llu process%s could not be recorded for want of room: at most %u are recorded at once, and each "
            "needs address space",
            (unsigned long long)n, n == 1 ? "" : "es", VZ_MAX_REGIONS);
}
