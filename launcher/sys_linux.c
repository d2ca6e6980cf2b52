/* Linux's own calls: see sys.h. Numbers and layouts that older headers lack are given here. */
#define _GNU_SOURCE
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define NOEXEC_SEAL 0x8u /* MFD_NOEXEC_SEAL, Linux 6.3: required where vm.memfd_noexec=2 */

int vz_sys_memfd(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd < 0 ? -errno : fd;
}

void vz_sys_hold_robust_futex(_Atomic uint32_t *word)
{
    /* Replaces glibc's list: no robust mutex is used here. The offset leads from the entry to the word. */
    static struct robust_list_head head;
    static struct robust_list entry;
    head.list.next = &entry;
    entry.next = &head.list;
    head.futex_offset = (long)((intptr_t)word - (intptr_t)&entry);
    atomic_store(word, (uint32_t)syscall(SYS_gettid));
    syscall(SYS_set_robust_list, &head, sizeof(head));
}

void vz_sys_futex_wake_all(const _Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

int vz_sys_pidfd_open(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0); /* close-on-exec by definition */
    return fd < 0 ? -errno : fd;
}

/* struct pidfd_info of linux/pidfd.h, version 0. */
struct pidfd_info_v0 {
    uint64_t mask;
    uint64_t cgroup_id;
    uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    int32_t exit_code;
};
#define GET_INFO 0xc040ff0bul /* _IOWR(0xFF, 11, struct pidfd_info_v0) */
_Static_assert(sizeof(struct pidfd_info_v0) == 0x40, "as in the number");
#define INFO_EXIT (1u << 3) /* Linux 6.15 */

bool vz_sys_pidfd_status(int pidfd, int *wait_status)
{
    struct pidfd_info_v0 info = {.mask = INFO_EXIT};
    if (syscall(SYS_ioctl, pidfd, GET_INFO, &info) != 0 || !(info.mask & INFO_EXIT))
        return false;
    *wait_status = info.exit_code;
    return true;
}

bool vz_sys_counter_is_reliable(void)
{
    char name[32];
    ssize_t n = vz_io_read_file(AT_FDCWD, "/sys/devices/system/clocksource/clocksource0/current_clocksource", name,
                                sizeof(name));
    return n > 0 && strcmp(name, "tsc\n") == 0;
}

void vz_sys_close_all(void)
{
    if (syscall(SYS_close_range, 0, UINT_MAX, 0) == 0)
        return;
    for (int fd = 0; fd < 65536; fd++) /* before Linux 5.9 */
        close(fd);
}
