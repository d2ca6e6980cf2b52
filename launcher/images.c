/* Beginning and ending of images: see images.h. */
#define _GNU_SOURCE
#include "images.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "execs.h"
#include "fates.h"
#include "image_end.h"
#include "image_source.h"
#include "image_texts.h"
#include "process.h"
#include "sys.h"

#define LOOK_UP_NS 50000000u        /* shortest time between two searches of /proc */
#define SPARE_DESCRIPTORS 4u        /* for reading /proc */
#define HURRIED_LOOK_UP_NS 2000000u /* the same when COMMAND has ended */

static struct vz_text text_of(const char *text)
{
    return (struct vz_text){.data = text ? text : "", .bytes = text ? (uint32_t)strlen(text) : 0};
}

/* The latest image of this pid. */
static struct vz_image *find_by_pid(const struct vz_collector *collector, pid_t pid)
{
    struct vz_image *found = NULL;
    for (uint32_t i = 0; i < collector->images_end; i++) {
        struct vz_image *image = collector->images[i];
        if (image && image->pid == pid && (!found || image->serial > found->serial))
            found = image;
    }
    return found;
}

static struct vz_image *find_by_serial(const struct vz_collector *collector, uint64_t serial)
{
    for (uint32_t i = 0; i < collector->images_end; i++) {
        if (collector->images[i] && collector->images[i]->serial == serial)
            return collector->images[i];
    }
    return NULL;
}

/* ---- keys ------------------------------------------------------------------------------------------------------- */

static void remember(struct vz_collector *collector, const struct vz_image *image)
{
    if (collector->n_keys == collector->keys_capacity) {
        size_t capacity = collector->keys_capacity ? 2 * collector->keys_capacity : 64;
        struct vz_image_key *grown = realloc(collector->keys, capacity * sizeof(*grown));
        if (!grown)
            return;
        collector->keys = grown;
        collector->keys_capacity = capacity;
    }
    collector->keys[collector->n_keys++] = (struct vz_image_key){.serial = image->serial, .index = image->source.index};
}

/* The key of an image that is gone by its serial, the latest first: it ended only just now. */
static const struct vz_image_key *find_key(const struct vz_collector *collector, uint64_t serial)
{
    for (size_t i = collector->n_keys; i > 0; i--) {
        if (collector->keys[i - 1].serial == serial)
            return &collector->keys[i - 1];
    }
    return NULL;
}

/* ---- processes -------------------------------------------------------------------------------------------------- */

/* Makes pid, as we see it, the image's process, if it is that. pidfd: of it, or -errno; where there is a process but no
 * descriptor left for it (or the kernel has none), vz_images_look_up watches it. */
static bool adopt_process(struct vz_collector *collector, struct vz_image *image, pid_t pid, int pidfd)
{
    if (pidfd == -ESRCH)
        return false;
    /* A process that is ending, or that is not dumpable and another user's to the kernel, shows nothing of its memory; whoever
     * else had this pid would hardly be so in this very moment. Unless it is older than the recording: an image of another
     * pid namespace has an id there that some process has here too, often 1. */
    bool is_ours =
        pid == collector->command || vz_process_is_recorded(pid, collector->library) ||
        ((!vz_process_rss(pid) || vz_process_is_hidden(pid)) && vz_process_start(pid) >= vz_process_start(getpid()));
    if (!is_ours) {
        if (pidfd >= 0)
            close(pidfd);
        return false;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = image->region_index + 1};
    if (pidfd >= 0)
        epoll_ctl(collector->epoll, EPOLL_CTL_ADD, pidfd, &event);
    image->pidfd = pidfd >= 0 ? pidfd : -1;
    image->outer_pid = pid;
    return true;
}

/* After an exec the process is the same, even if it is gone by now. */
static void inherit_process(struct vz_collector *collector, struct vz_image *image, struct vz_image *former)
{
    if (image->pidfd >= 0 || former->pidfd < 0)
        return;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = image->region_index + 1};
    epoll_ctl(collector->epoll, EPOLL_CTL_MOD, former->pidfd, &event);
    image->pidfd = former->pidfd;
    image->outer_pid = former->outer_pid;
    former->pidfd = -1;
}

/* A descriptor of the process, or -errno: also if /proc could no longer be read then. COMMAND's is kept from its start, since we
 * take its status as soon as it ends. */
static int open_process(const struct vz_collector *collector, pid_t pid)
{
    struct rlimit limit;
    int fd = pid == collector->command ? fcntl(collector->command_pidfd, F_DUPFD_CLOEXEC, 0) : vz_sys_pidfd_open(pid);
    if (fd < 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0 || (rlim_t)fd + SPARE_DESCRIPTORS < limit.rlim_cur)
        return fd;
    close(fd);
    return -EMFILE;
}

static bool has_ended(const struct vz_image *image)
{
    struct pollfd pidfd = {.fd = image->pidfd, .events = POLLIN};
    return image->source.is_dead || (image->pidfd >= 0 && poll(&pidfd, 1, 0) == 1);
}

/* ---- the beginning ---------------------------------------------------------------------------------------------- */

/* Fills in origin and parent. former: the image that it replaced, or NULL. */
static void find_origin(struct vz_collector *collector, struct vz_image *image, const struct vz_image *former,
                        struct vz_image_record *record)
{
    const struct vz_region *region = image->source.region;
    record->parent_image = VZ_NO_IMAGE;
    if (region->origin == VZ_ORIGIN_FORK) {
        const struct vz_image *live = find_by_serial(collector, region->parent_serial);
        const struct vz_image_key *key = live ? NULL : find_key(collector, region->parent_serial);
        record->origin = VZ_IMAGE_FORK;
        record->parent_image = live ? live->source.index : key ? key->index : VZ_NO_IMAGE;
    } else if (former) {
        record->origin = VZ_IMAGE_EXEC;
        record->parent_image = former->source.index;
        image->exec_number = former->exec_number + 1;
    } else if (image->pid == collector->command) {
        record->origin = VZ_IMAGE_START;
    } else {
        const struct vz_image *parent = find_by_pid(collector, (pid_t)region->ppid);
        record->origin = VZ_IMAGE_SPAWN;
        record->parent_image = parent ? parent->source.index : VZ_NO_IMAGE;
    }
    record->exec_number = image->exec_number;
}

/* Writes the image's record; ends the one that it replaced. */
static void introduce(struct vz_collector *collector, struct vz_image *image, struct vz_image *former)
{
    const struct vz_region *region = image->source.region;
    struct vz_image_record record = {
        .pid = region->pid, .ppid = region->ppid, .start_time = vz_timebase_ns(&collector->time, region->start_ticks)};
    find_origin(collector, image, former, &record);
    if (former)
        inherit_process(collector, image, former);
    vz_image_texts_read(collector, image, find_by_serial(collector, region->parent_serial), former);
    record.n_args = image->n_args;
    if (former)
        vz_image_end_replaced(collector, former, record.start_time);
    image->source.index = collector->n_records++;
    VZ_SINK_DO(collector->sink, image, image->source.index, &record, text_of(image->exe), text_of(image->cwd),
               (struct vz_text){.data = image->args ? image->args : "", .bytes = (uint32_t)image->args_bytes});
    remember(collector, image);
}

/* The image that this one replaced in its process, if it came by exec: the former noted that, or its process lives on. Else
 * one of the same pid has ended, and its pid was used again. */
static struct vz_image *find_former(struct vz_collector *collector, const struct vz_image *image)
{
    struct vz_image *former = find_by_pid(collector, image->pid);
    if (!former || image->source.region->origin != VZ_ORIGIN_START)
        return NULL;
    vz_execs_read(collector, former);
    bool is_same = former->outer_pid && former->outer_pid == image->outer_pid;
    if (former->exec_note || (is_same && !has_ended(former)))
        return former;
    return NULL;
}

/* A region that is waiting to be taken in. */
struct arrival {
    uint64_t serial;
    uint32_t region_index;
    struct vz_region *region;
    int pidfd; /* opened at once: a process may be gone in a millisecond, and its status with it */
};

static void open_image(struct vz_collector *collector, const struct arrival *arrival)
{
    struct vz_region *region = arrival->region;
    uint32_t region_index = arrival->region_index;
    struct vz_image *image = calloc(1, sizeof(*image));
    if (!image) {
        vz_session_unmap_region(region);
        vz_session_give_up_region(&collector->memory, region_index);
        return;
    }
    *image = (struct vz_image){.collector = collector,
                               .region_index = region_index,
                               .serial = region->serial,
                               .pid = (pid_t)region->pid,
                               .pidfd = -1,
                               .losses.looked_ns = vz_timebase_ns(&collector->time, region->start_ticks)};
    vz_image_source_open(image, region);
    adopt_process(collector, image, image->pid, arrival->pidfd);
    struct vz_image *former = find_former(collector, image);
    collector->images[region_index] = image;
    collector->n_images++;
    if (collector->images_end <= region_index)
        collector->images_end = region_index + 1;
    collector->saw_command |= image->pid == collector->command;
    introduce(collector, image, former);
}

static int compare_arrivals(const void *left, const void *right)
{
    const struct arrival *a = left;
    const struct arrival *b = right;
    return (a->serial > b->serial) - (a->serial < b->serial);
}

void vz_images_scan(struct vz_collector *collector)
{
    struct arrival arrivals[VZ_MAX_REGIONS];
    uint32_t n = 0;
    bool is_complete = true;
    uint64_t serial = atomic_load(&collector->memory.header->next_serial);
    if (serial == collector->seen_serial)
        return;
    for (uint32_t i = 0; i < VZ_MAX_REGIONS; i++) {
        uint32_t claim = atomic_load_explicit(&collector->memory.header->claims[i], memory_order_acquire);
        is_complete &= claim != VZ_CLAIM_TAKEN;
        if (claim != VZ_CLAIM_LIVE || collector->images[i])
            continue;
        struct vz_region *region = vz_session_map_region(&collector->memory, i);
        if (region)
            arrivals[n++] = (struct arrival){.serial = region->serial,
                                             .region_index = i,
                                             .region = region,
                                             .pidfd = open_process(collector, (pid_t)region->pid)};
        else
            vz_session_give_up_region(&collector->memory, i);
    }
    if (n)
        vz_timebase_advance(&collector->time);               /* behind their starts: no time is a guess */
    qsort(arrivals, n, sizeof(*arrivals), compare_arrivals); /* parents before children */
    for (uint32_t i = 0; i < n; i++)
        open_image(collector, &arrivals[i]);
    if (n)
        collector->last_arrival_ns = vz_collector_now(collector);
    collector->seen_serial = is_complete ? serial : 0;
}

void vz_images_end_dead(struct vz_collector *collector)
{
    bool is_settled[VZ_MAX_REGIONS];
    bool any = false;
    /* All fates first: those of children may stand in regions of parents that end now. */
    for (uint32_t i = 0; i < collector->images_end; i++) {
        struct vz_image *image = collector->images[i];
        is_settled[i] = image && image->source.is_dead && vz_fates_learn(collector, image);
        if (is_settled[i])
            vz_fates_tell_children(collector, image);
        any |= is_settled[i];
    }
    if (any)
        vz_timebase_advance(&collector->time); /* behind their last events: no time is a guess */
    for (uint32_t i = 0; i < collector->images_end; i++) {
        if (is_settled[i])
            vz_image_end_dead(collector, collector->images[i]);
    }
    while (collector->images_end && !collector->images[collector->images_end - 1])
        collector->images_end--;
}

/* ---- processes of other pid namespaces -------------------------------------------------------------------------- */

/* The latest image without a process that has this pid. */
static struct vz_image *find_lost(const struct vz_collector *collector, pid_t inner_pid)
{
    struct vz_image *found = NULL;
    for (uint32_t i = 0; i < collector->images_end; i++) {
        struct vz_image *image = collector->images[i];
        if (image && !image->source.is_dead && !image->outer_pid && image->pid == inner_pid &&
            (!found || image->serial > found->serial))
            found = image;
    }
    return found;
}

static bool offer_process(pid_t pid, void *context)
{
    struct vz_collector *collector = context;
    struct vz_image *image = find_lost(collector, vz_process_inner_pid(pid));
    if (image)
        adopt_process(collector, image, pid, open_process(collector, pid));
    return true;
}

/* Whether no descriptor will tell that the image's process has ended. */
static bool is_unwatched(const struct vz_image *image) { return image && image->pidfd < 0 && !image->source.is_dead; }

static bool any_unwatched(const struct vz_collector *collector)
{
    for (uint32_t i = 0; i < collector->images_end; i++) {
        if (is_unwatched(collector->images[i]))
            return true;
    }
    return false;
}

void vz_images_look_up(struct vz_collector *collector)
{
    uint64_t begin = vz_timebase_read_ns(&collector->time);
    uint64_t due =
        collector->command_ended ? collector->last_look_up_ns + HURRIED_LOOK_UP_NS : collector->next_look_up_ns;
    if (begin < due || !any_unwatched(collector))
        return;
    vz_process_for_each_since(vz_process_start(getpid()), offer_process, collector);
    for (uint32_t i = 0; i < collector->images_end; i++) {
        struct vz_image *image = collector->images[i];
        if (is_unwatched(image))
            image->source.is_dead = !image->outer_pid || !vz_process_rss(image->outer_pid);
    }
    collector->last_look_up_ns = vz_timebase_read_ns(&collector->time);
    collector->next_look_up_ns = vz_collector_next_time(begin, collector->last_look_up_ns, LOOK_UP_NS);
}

/* ---- the end of the recording ----------------------------------------------------------------------------------- */

struct search {
    const struct vz_collector *collector;
    bool has_found;
};

static bool is_unknown_but_ours(pid_t pid, void *context)
{
    struct search *search = context;
    for (uint32_t i = 0; i < search->collector->images_end; i++) {
        if (search->collector->images[i] && search->collector->images[i]->outer_pid == pid)
            return true;
    }
    search->has_found = vz_process_is_recorded(pid, search->collector->library);
    return !search->has_found;
}

bool vz_images_expected(struct vz_collector *collector)
{
    struct search search = {.collector = collector};
    vz_process_for_each_since(vz_process_start(getpid()), is_unknown_but_ours, &search);
    return search.has_found;
}

/* COMMAND never had an image: that must not look like a program without allocations. */
static void write_command(struct vz_collector *collector)
{
    uint64_t now = vz_collector_now(collector);
    struct vz_image_record record = {.pid = (uint32_t)collector->command,
                                     .ppid = (uint32_t)getpid(),
                                     .origin = VZ_IMAGE_START,
                                     .parent_image = VZ_NO_IMAGE,
                                     .not_recorded = VZ_NOT_UNREACHABLE};
    struct vz_image_end_record end = {.time = now, .fate = VZ_FATE_UNKNOWN};
    struct vz_image texts = {0};
    uint32_t index = collector->n_records++;
    if (collector->command_ended) {
        end.fate = WIFSIGNALED(collector->command_status) ? VZ_FATE_SIGNAL : VZ_FATE_EXIT;
        end.fate_value = (uint32_t)(WIFSIGNALED(collector->command_status) ? WTERMSIG(collector->command_status)
                                                                           : WEXITSTATUS(collector->command_status));
    }
    vz_image_texts_of_command(collector, &texts);
    record.n_args = texts.n_args;
    VZ_SINK_DO(collector->sink, image, index, &record, text_of(texts.exe), text_of(texts.cwd),
               (struct vz_text){.data = texts.args ? texts.args : "", .bytes = (uint32_t)texts.args_bytes});
    vz_image_texts_free(&texts);
    VZ_SINK_DO(collector->sink, image_end, index, &end);
}

void vz_images_end_all(struct vz_collector *collector)
{
    for (uint32_t i = 0; i < collector->images_end; i++) {
        struct vz_image *image = collector->images[i];
        if (image && has_ended(image))
            vz_image_end_dead(collector, image);
        else if (image)
            vz_image_end_running(collector, image);
    }
    if (!collector->saw_command)
        write_command(collector);
}
