/* Raw kernel calls of a process that writes its own trace: see sys_files.h. */
#define _GNU_SOURCE
#include "sys_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>

#include "sys.h"
#include "sys_call.h"

enum { KERNEL_SIGNAL_BYTES = 8 }; /* of the kernel's signal set, which is not libc's */
enum { HIGHEST_DESCRIPTOR = 1000, SPARE_DESCRIPTORS = 24, LOWEST_DESCRIPTOR = 10 };

static long call3(long number, long a, long b, long c) { return vz_sys_call6(number, a, b, c, 0, 0, 0); }

long vz_sys_create(const char *path)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_LARGEFILE;
    return vz_sys_call6(SYS_openat, AT_FDCWD, (long)path, flags, 0666, 0, 0);
}

long vz_sys_write(int fd, const void *bytes, size_t n) { return call3(SYS_write, fd, (long)bytes, (long)n); }

/* A 64-bit offset is one register or two, which some machines want to begin with an even one. */
#if UINTPTR_MAX > UINT32_MAX
long vz_sys_pwrite(int fd, const void *bytes, size_t n, uint64_t offset)
{
    return vz_sys_call6(SYS_pwrite64, fd, (long)bytes, (long)n, (long)offset, 0, 0);
}

static long allocate(int fd, int mode, uint64_t offset, uint64_t bytes)
{
    return vz_sys_call6(SYS_fallocate, fd, mode, (long)offset, (long)bytes, 0, 0);
}

long vz_sys_truncate(int fd, uint64_t bytes) { return call3(SYS_ftruncate, fd, (long)bytes, 0); }
#else
#define LOW(value) ((long)(uint32_t)(value))
#define HIGH(value) ((long)(uint32_t)((value) >> 32))

long vz_sys_pwrite(int fd, const void *bytes, size_t n, uint64_t offset)
{
#ifdef __arm__
    return vz_sys_call6(SYS_pwrite64, fd, (long)bytes, (long)n, 0, LOW(offset), HIGH(offset));
#else
    return vz_sys_call6(SYS_pwrite64, fd, (long)bytes, (long)n, LOW(offset), HIGH(offset), 0);
#endif
}

static long allocate(int fd, int mode, uint64_t offset, uint64_t bytes)
{
    return vz_sys_call6(SYS_fallocate, fd, mode, LOW(offset), HIGH(offset), LOW(bytes), HIGH(bytes));
}

long vz_sys_truncate(int fd, uint64_t bytes)
{
#ifdef __arm__
    return vz_sys_call6(SYS_ftruncate64, fd, 0, LOW(bytes), HIGH(bytes), 0, 0);
#else
    return call3(SYS_ftruncate64, fd, LOW(bytes), HIGH(bytes));
#endif
}
#endif

long vz_sys_allocate(int fd, uint64_t offset, uint64_t bytes) { return allocate(fd, 0, offset, bytes); }

long vz_sys_punch(int fd, uint64_t offset, uint64_t bytes)
{
    return allocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, bytes);
}

/* From which number on to look for a free one: a table of descriptors is as long as its highest. */
static int choose_lowest(void)
{
    struct {
        uint64_t soft, hard;
    } limit = {.soft = 0};
    vz_sys_call6(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit, 0, 0);
    if (limit.soft > HIGHEST_DESCRIPTOR)
        return HIGHEST_DESCRIPTOR - SPARE_DESCRIPTORS;
    return limit.soft > LOWEST_DESCRIPTOR + SPARE_DESCRIPTORS ? (int)limit.soft - SPARE_DESCRIPTORS : LOWEST_DESCRIPTOR;
}

/* Before Linux 4.11. By libc, since each machine has a struct stat of its own; without its errno. */
static long identify_by_stat(int fd, const char *path, struct vz_sys_identity *identity)
{
    struct stat status;
    const int saved = errno;
    const int result = *path ? lstat(path, &status) : fstat(fd, &status);
    const long error = result == 0 ? 0 : -errno;
    errno = saved;
    if (!error)
        *identity = (struct vz_sys_identity){(uint64_t)status.st_dev, (uint64_t)status.st_ino};
    return error;
}

static long identify(int fd, const char *path, int flags, struct vz_sys_identity *identity)
{
    struct statx status;
    const long error = vz_sys_call6(SYS_statx, fd, (long)path, flags, STATX_INO, (long)&status, 0);
    if (error == -ENOSYS)
        return identify_by_stat(fd, path, identity);
    if (error == 0)
        *identity =
            (struct vz_sys_identity){(uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor, status.stx_ino};
    return error;
}

long vz_sys_identify(int fd, struct vz_sys_identity *identity) { return identify(fd, "", AT_EMPTY_PATH, identity); }

long vz_sys_identify_path(const char *path, struct vz_sys_identity *identity)
{
    return identify(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, identity);
}

/* Whether both are of one file, and open. */
static bool is_same_file(long a, long b)
{
    struct vz_sys_identity x, y;
    return vz_sys_identify((int)a, &x) == 0 && vz_sys_identify((int)b, &y) == 0 && x.device == y.device &&
           x.inode == y.inode;
}

long vz_sys_lift(long fd)
{
    if (fd < 0)
        return fd;
    const long lifted = call3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, choose_lowest());
    if (lifted < 0 ? lifted != -EBADF : is_same_file(fd, lifted)) /* else the low number is the program's by now */
        vz_sys_close((int)fd);
    return lifted == -EINVAL ? -EMFILE : lifted; /* so low is the limit */
}

uint64_t vz_sys_file_limit(void)
{
    struct {
        uint64_t soft, hard;
    } limit = {.soft = UINT64_MAX};
    vz_sys_call6(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, (long)&limit, 0, 0);
    return limit.soft;
}

void vz_sys_uname(struct utsname *system) { call3(SYS_uname, (long)system, 0, 0); }

long vz_sys_cwd(char *buffer, size_t bytes) { return call3(SYS_getcwd, (long)buffer, (long)bytes, 0); }

long vz_sys_map_over(void *address, size_t bytes, int fd, uint64_t offset)
{
    const int protection = PROT_READ | PROT_WRITE;
#ifdef SYS_mmap2
    const long place = (long)(offset / 4096); /* whatever the page size */
    return vz_sys_call6(SYS_mmap2, (long)address, (long)bytes, protection, MAP_SHARED | MAP_FIXED, fd, place);
#else
    return vz_sys_call6(SYS_mmap, (long)address, (long)bytes, protection, MAP_SHARED | MAP_FIXED, fd, (long)offset);
#endif
}

long vz_sys_move_over(void *from, size_t bytes, void *address)
{
    return vz_sys_call6(SYS_mremap, (long)from, (long)bytes, (long)bytes, MREMAP_MAYMOVE | MREMAP_FIXED, (long)address,
                        0);
}

uint64_t vz_sys_page_bytes(void) { return getauxval(AT_PAGESZ); }

void vz_sys_hold_signals(uint64_t *mask)
{
    const uint64_t all = UINT64_MAX;
    vz_sys_call6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)mask, KERNEL_SIGNAL_BYTES, 0, 0);
}

void vz_sys_release_signals(const uint64_t *mask)
{
    vz_sys_call6(SYS_rt_sigprocmask, SIG_SETMASK, (long)mask, 0, KERNEL_SIGNAL_BYTES, 0, 0);
}

static uint64_t bit_of(int number) { return UINT64_C(1) << (number - 1); }

uint64_t vz_sys_pending_write_signals(void)
{
    uint64_t pending = 0;
    vz_sys_call6(SYS_rt_sigpending, (long)&pending, KERNEL_SIGNAL_BYTES, 0, 0, 0, 0);
    return pending & (bit_of(SIGPIPE) | bit_of(SIGXFSZ));
}

void vz_sys_take_write_signal(uint64_t pending_before)
{
    const uint64_t ours = vz_sys_pending_write_signals() & ~pending_before;
    const long at_once[2] = {0, 0};
    if (ours)
        vz_sys_call6(SYS_rt_sigtimedwait, (long)&ours, 0, (long)at_once, KERNEL_SIGNAL_BYTES, 0, 0);
}

bool vz_sys_can_write(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    const long at_once[2] = {0, 0};
    return vz_sys_call6(SYS_ppoll, (long)&ready, 1, (long)at_once, 0, KERNEL_SIGNAL_BYTES, 0) == 1 &&
           ready.revents == POLLOUT;
}

void vz_sys_futex_wake(const void *word, uint32_t n)
{
    vz_sys_call6(SYS_futex, (long)word, FUTEX_WAKE, (long)n, 0, 0, 0);
}

bool vz_sys_thread_lives(uint32_t pid, uint32_t tid) { return call3(SYS_tgkill, (long)pid, (long)tid, 0) != -ESRCH; }

uint64_t vz_sys_wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
