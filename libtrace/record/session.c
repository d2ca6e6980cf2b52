/* Attaching to the session, following forks, stopping. */
#define _GNU_SOURCE
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "clock.h"
#include "config.h"
#include "format/format.h"
#include "log.h"
#include "lookup.h"
#include "modules.h"
#include "solo.h"
#include "sys.h"
#include "thread.h"

__attribute__((section(VZ_CONFIG_SECTION), used, aligned(8))) struct vz_config vz_config = {
    .magic = VZ_CONFIG_MAGIC, .size = sizeof(struct vz_config), .shm_version = VZ_SHM_VERSION};

static _Atomic uint32_t life_before_attach = VZ_LIFE_UNSTARTED;
_Atomic uint32_t *vz_life = &life_before_attach;

/* The whole session file, mapped at once so that a forked child needs no descriptor. NULL where the address space is
 * limited (ulimit -v) or too small (32 bits, 39 bits): then only the header and the image's own region are mapped, and a child has to open it again. */
static char *whole;

/* Time just before a fork() in progress, on the forking thread's way through pthread_atfork; 0: none. */
static uint64_t fork_ticks;

/* Events of a forked child that came before it could attach: see wait_for_hook. */
static uint64_t n_unrecorded;

enum { LIMIT_SHARE = 16 }; /* of a limited address space, this part at most */

/* The configuration is patched into the file: the compiler must not believe the initialiser. */
static const volatile struct vz_config *config(void) { return &vz_config; }

static bool is_emitted(void) { return config()->solo.log[0]; }

/* Of an emitted library: its entry in LD_PRELOAD, which nobody knew when it was written. */
static char emitted_path[sizeof vz_config.library_path];

const char *vz_session_library(void) { return is_emitted() ? emitted_path : (const char *)config()->library_path; }

bool vz_session_open(void)
{
    return atomic_load(&vz_session_shm->state) == VZ_SESSION_OPEN &&
           !(atomic_load(&vz_session_shm->owner) & FUTEX_OWNER_DIED);
}

void vz_session_stop(enum vz_stop why)
{
    vz_region_stop(why);
    atomic_store(vz_life, VZ_LIFE_OFF);
}

static bool confined;

bool vz_session_confined(void) { return confined; }

void vz_session_confine(void)
{
    vz_solo_end(VZ_FATE_UNKNOWN, 0); /* while it can */
    confined = true;
    vz_session_stop(VZ_STOP_REFUSED);
}

/* ---- mapping --------------------------------------------------------------------------------------------------------
 */

static void hide_from_core_dumps(void *address, size_t bytes) { vz_sys_advise(address, bytes, MADV_DONTDUMP); }

static bool session_is_ours(const struct vz_session *session)
{
    return session->magic == VZ_SHM_MAGIC && session->version == VZ_SHM_VERSION;
}

static bool map_session(int fd)
{
    whole = VZ_SESSION_FILE_BYTES <= SIZE_MAX ? vz_sys_map((size_t)VZ_SESSION_FILE_BYTES, PROT_NONE, fd, 0) : NULL;
    char *header = whole ? whole : vz_sys_map(VZ_SESSION_BYTES, PROT_NONE, fd, 0);
    if (!header || vz_sys_protect(header, VZ_SESSION_BYTES, PROT_READ | PROT_WRITE) < 0)
        return false;
    hide_from_core_dumps(header, whole ? (size_t)VZ_SESSION_FILE_BYTES : VZ_SESSION_BYTES);
    vz_session_shm = (struct vz_session *)header;
    return session_is_ours(vz_session_shm) && vz_session_open();
}

static int open_session(void) { return (int)vz_sys_open((const char *)config()->session_path, O_RDWR | O_CLOEXEC); }

/* How much of its region an image maps. Where the address space is limited it belongs to the program, all but a little. */
static size_t region_bytes(void)
{
    const uint64_t share = vz_sys_address_limit() / LIMIT_SHARE / VZ_REGION_STEP * VZ_REGION_STEP;
    if (whole || share >= VZ_REGION_STRIDE)
        return VZ_REGION_STRIDE;
    return share > VZ_REGION_STEP ? (size_t)share : VZ_REGION_STEP;
}

static struct vz_region *map_region(uint32_t index, size_t bytes, int fd)
{
    const uint64_t offset = VZ_SESSION_BYTES + index * VZ_REGION_STRIDE;
    if (whole)
        return (struct vz_region *)(whole + offset);
    const int own = fd >= 0 ? fd : open_session();
    struct vz_region *region = own < 0 ? NULL : vz_sys_map(bytes, PROT_NONE, own, offset);
    if (fd < 0 && own >= 0)
        vz_sys_close(own);
    if (region)
        hide_from_core_dumps(region, bytes);
    return region;
}

/* ---- claiming a region
 * ------------------------------------------------------------------------------------------------ */

static int claim_index(void)
{
    for (uint32_t i = 0; i < VZ_MAX_REGIONS; i++) {
        uint32_t expected = VZ_CLAIM_FREE;
        if (atomic_load_explicit(&vz_session_shm->claims[i], memory_order_relaxed) == VZ_CLAIM_FREE &&
            atomic_compare_exchange_strong(&vz_session_shm->claims[i], &expected, VZ_CLAIM_TAKEN))
            return (int)i;
    }
    atomic_fetch_add(&vz_session_shm->images_missed, 1);
    return -1;
}

/* What a child needs to name its parent's region, which the collector may have recycled by then. */
static uint32_t own_index, own_pid;
static uint64_t own_serial;

bool vz_session_attended(void)
{
    return vz_session_open() && atomic_load(&vz_session_shm->claims[own_index]) == VZ_CLAIM_LIVE;
}

/* Fill in the header of a region just entered, and publish it. */
static void publish_region(uint32_t index, enum vz_origin origin, uint64_t start_ticks)
{
    struct vz_region *region = vz_region;
    region->serial = atomic_fetch_add(&vz_session_shm->next_serial, 1);
    region->pid = vz_sys_getpid();
    region->ppid = origin == VZ_ORIGIN_FORK ? own_pid : vz_sys_getppid(); /* a filter may kill who asks */
    region->origin = origin;
    region->parent_region = origin == VZ_ORIGIN_FORK ? own_index : 0;
    region->parent_serial = origin == VZ_ORIGIN_FORK ? own_serial : 0;
    region->start_ticks = start_ticks;
    atomic_store(&region->n_nodes, VZ_NODE_FIRST);
    vz_log_start();
    if (origin == VZ_ORIGIN_START)
        vz_log_command();
    own_index = index;
    own_serial = region->serial;
    own_pid = region->pid;
    atomic_store_explicit(&vz_session_shm->claims[index], VZ_CLAIM_LIVE, memory_order_release);
}

/* Claim and enter a region. fd: of the session, or -1 to reopen it where that is needed. */
static int take_region(int fd)
{
    const int index = claim_index();
    if (index < 0)
        return -1;
    const size_t bytes = region_bytes();
    struct vz_region *region = map_region((uint32_t)index, bytes, fd);
    if (!region || vz_region_enter(region, bytes, VZ_REGION_STEP, NULL) < 0) {
        atomic_store(&vz_session_shm->claims[index], VZ_CLAIM_FREE);
        return -1;
    }
    atomic_store(&region->top, VZ_REGION_HEADER_BYTES);
    return index;
}

/* ---- attach and fork
 * -------------------------------------------------------------------------------------------------- */

/* The life word in a page of its own that the kernel wipes in forked children. */
static _Atomic uint32_t *life_page(void)
{
    _Atomic uint32_t *page = vz_sys_map(VZ_PAGE, PROT_READ | PROT_WRITE, -1, 0);
    if (page)
        vz_sys_advise(page, VZ_PAGE, MADV_WIPEONFORK); /* without it (qemu-user), pthread_atfork has to do */
    return page;
}

static bool children_excluded(void)
{
    return (vz_session_shm->options & VZ_OPTION_NO_CHILDREN) && atomic_load(&vz_session_shm->next_serial) != 1;
}

static void learn_whether_threaded(void)
{
    const char *single_threaded = vz_lookup_any("__libc_single_threaded");
    if (single_threaded)
        vz_clock_single_threaded = single_threaded;
}

/* Where no vizzytrace runs: the process records itself. */
static bool attach_solo(void)
{
    _Atomic uint32_t *page = life_page();
    const struct vz_config_solo *solo = (const struct vz_config_solo *)&config()->solo;
    if (config()->shm_version != VZ_SHM_VERSION || !page || !vz_solo_begin(solo, VZ_ORIGIN_START, 0, region_bytes()))
        return false;
    learn_whether_threaded();
    vz_modules_start();
    atomic_store(page, VZ_LIFE_RECORDING);
    vz_life = page;
    return true;
}

static bool attach(void)
{
    const volatile struct vz_config *patched = config();
    if (is_emitted())
        return attach_solo();
    if (!patched->session_path[0] || patched->shm_version != VZ_SHM_VERSION)
        return false;
    const int fd = vz_sys_counter_is_forbidden() ? -1 : open_session();
    if (fd < 0)
        return false;
    _Atomic uint32_t *page = life_page();
    const int index = page && map_session(fd) && !children_excluded() ? take_region(fd) : -1;
    vz_sys_close(fd);
    if (index < 0)
        return false;
    vz_clock_start = vz_session_shm->clock_start;
    vz_clock_is_counter = vz_session_shm->clock == VZ_CLOCK_TSC;
    learn_whether_threaded();
    publish_region((uint32_t)index, VZ_ORIGIN_START, vz_clock_ticks());
    vz_modules_start();
    atomic_store(page, VZ_LIFE_RECORDING);
    vz_life = page;
    return true;
}

/* A handler that interrupted a hook has forked, and in the child that hook has yet to go on, with pointers into the parent's
 * region. It gets a private copy to finish on, and the child attaches afterwards; meanwhile it records nothing. */
static void wait_for_hook(void)
{
    if (is_emitted()) {
        if (n_unrecorded++ == 0)
            vz_solo_make_private();
        return;
    }
    const int fd = n_unrecorded++ ? -1 : open_session();
    if (n_unrecorded == 1)
        vz_sys_map_private(vz_region, vz_region_bytes, fd, VZ_SESSION_BYTES + own_index * VZ_REGION_STRIDE);
    if (fd >= 0)
        vz_sys_close(fd);
}

/* The child of a process that records itself. */
static bool go_on_solo(uint64_t forked_at, uint64_t n_missed)
{
    struct vz_region *const parents = vz_region;
    const size_t parents_bytes = vz_region_bytes;
    const bool has_begun =
        vz_solo_begin((const struct vz_config_solo *)&config()->solo, VZ_ORIGIN_FORK, forked_at, region_bytes());
    vz_sys_unmap(parents, parents_bytes);
    if (!has_begun)
        return false;
    atomic_store(&vz_region->dropped, n_missed);
    vz_modules_fork();
    return vz_threads_fork();
}

static bool attach_forked(void)
{
    const uint64_t forked_at = fork_ticks ? fork_ticks : vz_thread_last_ticks();
    const uint64_t n_missed = n_unrecorded;
    struct vz_region *const parents = vz_region;
    const size_t parents_bytes = vz_region_bytes;
    fork_ticks = n_unrecorded = 0;
    if (!vz_session_open() || children_excluded())
        return false;
    if (is_emitted())
        return go_on_solo(forked_at, n_missed);
    const int index = take_region(-1);
    if (index < 0)
        return false;
    atomic_store(&vz_region->dropped, n_missed);
    publish_region((uint32_t)index, VZ_ORIGIN_FORK, forked_at);
    vz_modules_fork();
    if (!vz_threads_fork())
        return false;
    if (!whole)
        vz_sys_unmap(parents, parents_bytes);
    return true;
}

bool vz_session_wake(void)
{
    uint32_t life = atomic_load(vz_life);
    if (life != VZ_LIFE_UNSTARTED && life != VZ_LIFE_FORKED)
        return false;
    if (confined) {
        atomic_store(vz_life, VZ_LIFE_OFF);
        return false;
    }
    if (life == VZ_LIFE_FORKED && vz_thread_is_in_hook(vz_context_of_caller())) {
        wait_for_hook();
        return false;
    }
    _Atomic uint32_t *word = vz_life;
    if (!atomic_compare_exchange_strong(word, &life, VZ_LIFE_STARTING))
        return false;
    const bool attached = life == VZ_LIFE_FORKED ? attach_forked() : attach();
    atomic_store(word, attached ? VZ_LIFE_RECORDING : VZ_LIFE_OFF);
    return attached;
}

/* ---- fork handlers and start-up
 * ---------------------------------------------------------------------------------------- */

static void before_fork(void)
{
    if (atomic_load(vz_life) == VZ_LIFE_RECORDING)
        fork_ticks = vz_clock_ticks();
}

static void after_fork_in_parent(void) { fork_ticks = 0; }

static void after_fork_in_child(void)
{
    /* Still recording: the kernel did not wipe the page, or another handler has allocated already and made us attach. */
    if (atomic_load(vz_life) == VZ_LIFE_RECORDING && vz_region->pid != vz_sys_getpid())
        atomic_store(vz_life, VZ_LIFE_FORKED);
    vz_session_wake();
}

static const char *base_of(const char *path) { return strrchr(path, '/') ? strrchr(path, '/') + 1 : path; }

/* Preloaded by other means, by /etc/ld.so.preload say, it has no entry, and needs none. */
static void find_emitted_path(void)
{
    const char *list = getenv("LD_PRELOAD");
    const char *base = base_of(vz_lookup_own_path());
    while (list && *list) {
        const size_t bytes = strcspn(list, ": ");
        if (bytes > 0 && bytes < sizeof emitted_path) {
            memcpy(emitted_path, list, bytes);
            emitted_path[bytes] = 0;
            if (strcmp(base_of(emitted_path), base) == 0)
                return;
        }
        list += bytes + (list[bytes] != 0);
    }
    emitted_path[0] = 0;
}

/* By quick_exit(), which tells nobody the status. */
static void exiting_quickly(void) { vz_solo_end(VZ_FATE_UNKNOWN, 0); }

#ifdef __GLIBC__
/* Handlers run in the reverse order of their registration. The loader registers its own, which runs the destructors of all
 * modules, only after the constructors of preloaded libraries: so this one comes after them. */
static void exiting(int status, void *argument)
{
    (void)argument;
    vz_solo_end(VZ_FATE_EXIT, (uint32_t)status & 0xff);
}
#else
__attribute__((destructor)) static void finish(void) { vz_solo_end(VZ_FATE_UNKNOWN, 0); }
#endif

__attribute__((constructor)) static void start(void)
{
    /* Not at the first hook: that may run inside pthread_atfork itself, holding its lock. */
    if (!vz_session_recording())
        return;
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    if (!is_emitted())
        return;
    find_emitted_path();
#ifdef __GLIBC__
    on_exit(exiting, NULL);
#endif
    at_quick_exit(exiting_quickly);
}
