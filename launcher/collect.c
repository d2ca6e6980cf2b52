/* The collector's loop: see collect.h. One round takes what all images have published, then sleeps: 1 ms while many events come,
 * 5 ms while few do, longer and longer while none do; descriptors wake it when a process ends or a signal comes. */
#define _GNU_SOURCE
#include "collect.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "batch.h"
#include "collect/drain.h"
#include "execs.h"
#include "images.h"
#include "losses.h"
#include "message.h"
#include "rss.h"
#include "stops.h"
#include "threads.h"

#define ARRIVAL_PAUSE_US 250
#define BUSY_PAUSE_US 1000
#define CALM_PAUSE_US 5000 /* a round costs 10 us and more however little there is to take */
#define IDLE_PAUSE_US 16000
#define CALM_SHARE 64                   /* of a process's pool: if no more came in one round, there is time */
#define HURRY_EVENTS 100000u            /* in one round: there is more, don't sleep */
#define ARRIVALS_NS 1000000000u         /* for so long after one image came, more are expected */
#define UNATTENDED_WAIT_NS 10000000000u /* how long processes that outlive COMMAND are waited for without a terminal */
#define EXPECTED_WAIT_NS 1000000000u    /* how long a process just made is given to appear */
#define FLUSH_NS 500000000u             /* how often what was encoded is written, however little */

int vz_collect_open(struct vz_collector *collector)
{
    collector->epoll = epoll_create1(EPOLL_CLOEXEC);
    int error = collector->epoll < 0 ? -errno : vz_signals_open(&collector->signals);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0};
    if (!error && epoll_ctl(collector->epoll, EPOLL_CTL_ADD, collector->signals.fd, &event) != 0)
        error = -errno;
    if (error)
        vz_message_error("can't watch processes: %s; if there are too few descriptors, ulimit -n gives more",
                         strerror(-error));
    return error;
}

void vz_collect_close(struct vz_collector *collector)
{
    vz_batch_free_all(collector);
    free(collector->keys);
    collector->keys = NULL;
    close(collector->signals.fd);
    close(collector->epoll);
}

/* Sleeps until something happens, pause_us at most, and marks the images whose process has ended. */
static void wait_for_events(struct vz_collector *collector, long pause_us)
{
    struct epoll_event events[64];
    struct pollfd ready = {.fd = collector->epoll, .events = POLLIN};
    struct timespec pause = {.tv_nsec = pause_us * 1000};
    int n = ppoll(&ready, 1, &pause, NULL) > 0
                ? epoll_wait(collector->epoll, events, sizeof(events) / sizeof(*events), 0)
                : 0;
    for (int i = 0; i < n; i++) {
        uint64_t key = events[i].data.u64;
        struct vz_image *image = key ? collector->images[key - 1] : NULL;
        if (image)
            image->source.is_dead = true;
    }
}

static void watch_command(struct vz_collector *collector)
{
    int status;
    vz_signals_take(&collector->signals, collector->command_ended ? 0 : collector->command);
    if (!collector->signals.child_changed || collector->command_ended)
        return;
    collector->signals.child_changed = false;
    while (!collector->command_ended &&
           waitpid(collector->command, &status, WNOHANG | WUNTRACED) == collector->command) {
        if (WIFSTOPPED(status)) {
            vz_signals_follow_stop(&collector->signals, WSTOPSIG(status));
            continue;
        }
        collector->command_ended = true;
        collector->command_status = status;
    }
}

/* What the images have published since the last round. */
static uint64_t drain_all(struct vz_collector *collector, uint64_t limit)
{
    uint64_t n_taken = 0;
    for (uint32_t i = 0; i < collector->images_end; i++) {
        struct vz_image *image = collector->images[i];
        if (!image)
            continue;
        n_taken += vz_drain(&image->source, limit);
        vz_execs_read(collector, image);
        vz_stops_tell(collector, image);
        if (!image->source.is_dead)
            vz_threads_sweep(collector, image);
    }
    return n_taken;
}

/* Hands what was encoded to the kernel, so that a launcher that is killed leaves all but the last moment. */
static void flush_sink(struct vz_collector *collector)
{
    struct vz_sink *sink = collector->sink;
    uint64_t now = vz_collector_now(collector);
    if (sink->has_failed || now - collector->last_flush_ns < FLUSH_NS)
        return;
    collector->last_flush_ns = now;
    vz_sink_check(sink, sink->ops->flush(sink));
}

static uint64_t run_round(struct vz_collector *collector)
{
    uint64_t limit = vz_timebase_advance(&collector->time);
    if (collector->sink->has_failed && !collector->is_closed) {
        collector->is_closed = true;
        vz_session_close(&collector->memory);
    }
    /* Who is known to be dead before the scan has no later image that the scan could miss. */
    vz_images_look_up(collector);
    vz_images_scan(collector);
    bool has_room = vz_sink_has_room(collector->sink);
    bool is_taking = !collector->is_closed && has_room;
    if (collector->cli->wait_while_room)
        vz_session_drop(&collector->memory, !has_room);
    uint64_t n_taken = is_taking ? drain_all(collector, limit) : 0;
    vz_images_end_dead(collector);
    if (vz_sink_has_room(collector->sink))
        vz_rss_sample(collector);
    vz_losses_look(collector);
    vz_batch_flush_old(collector);
    flush_sink(collector);
    return n_taken;
}

/* Whether processes are still to come that were forked or executed in COMMAND's last moments. */
static bool is_more_expected(struct vz_collector *collector, uint64_t command_end_ns)
{
    if (!collector->cli->follow_children || vz_collector_now(collector) - command_end_ns > EXPECTED_WAIT_NS)
        return false;
    return vz_images_expected(collector);
}

/* After COMMAND has ended: whether the recording goes on. */
static bool is_waiting(struct vz_collector *collector, uint64_t command_end_ns, bool *has_said)
{
    bool is_attended = isatty(STDERR_FILENO);
    uint64_t waited = vz_collector_now(collector) - command_end_ns;
    if (collector->is_closed || !collector->cli->wait_all || collector->signals.end_requested)
        return false;
    if (collector->n_images == 0)
        return is_more_expected(collector, command_end_ns);
    if (waited > UNATTENDED_WAIT_NS && !is_attended) {
        vz_message_warning("%u recorded process%s still running: the recording ends without %s end",
                           collector->n_images, collector->n_images == 1 ? " is" : "es are",
                           collector->n_images == 1 ? "its" : "their");
        return false;
    }
    if (waited > UNATTENDED_WAIT_NS / 100 && !*has_said) {
        *has_said = true;
        vz_message_progress("Waiting for %u process%s that outlive%s the child%s", collector->n_images,
                            collector->n_images == 1 ? "" : "es", collector->n_images == 1 ? "s" : "",
                            is_attended ? "; Ctrl-C ends the recording" : " (10 s at most)");
    }
    return true;
}

static void finish(struct vz_collector *collector)
{
    vz_session_close(&collector->memory);
    vz_timebase_advance(&collector->time);
    vz_images_scan(collector);
    vz_images_end_all(collector);
    struct vz_end_record record = {.time = vz_collector_now(collector),
                                   .events = collector->events,
                                   .images_missed = atomic_load(&collector->memory.header->images_missed),
                                   .images = collector->n_records};
    vz_stops_tell_missed(collector);
    VZ_SINK_DO(collector->sink, end, &record);
}

/* How long to sleep after a round. Images come and go in a millisecond when a program starts others: the status of one that
 * was never seen alive is lost. */
static long choose_pause(const struct vz_collector *collector, uint64_t n_taken, long last_pause_us)
{
    if (n_taken > HURRY_EVENTS)
        return 0;
    if (collector->last_arrival_ns && vz_collector_now(collector) - collector->last_arrival_ns < ARRIVALS_NS)
        return ARRIVAL_PAUSE_US;
    if (n_taken * sizeof(struct vz_slot) > collector->cli->buffer_bytes / CALM_SHARE || collector->command_ended)
        return BUSY_PAUSE_US;
    if (n_taken)
        return CALM_PAUSE_US;
    return last_pause_us >= IDLE_PAUSE_US / 2 ? IDLE_PAUSE_US : 2 * last_pause_us + BUSY_PAUSE_US;
}

void vz_collect_run(struct vz_collector *collector)
{
    long pause_us = BUSY_PAUSE_US;
    bool has_said = false;
    uint64_t command_end_ns = 0;
    for (;;) {
        wait_for_events(collector, pause_us);
        bool had_ended = collector->command_ended;
        watch_command(collector);
        uint64_t n_taken = run_round(collector);
        if (collector->command_ended && !had_ended)
            command_end_ns = vz_collector_now(collector);
        if (collector->command_ended && !is_waiting(collector, command_end_ns, &has_said))
            break;
        pause_us = choose_pause(collector, n_taken, pause_us);
    }
    finish(collector);
}
