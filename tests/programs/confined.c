/* confined: allocates, forbids itself by seccomp the system calls that a recorder may need, and allocates on.
 *
 * As sandboxes do: mmap, mprotect, futex, gettid and openat fail with EPERM from then on. The program itself needs none of them.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tally.h"

#define FORBID(call)                                                                                                   \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

static void forbid(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        FORBID(SYS_mmap),
        FORBID(SYS_mprotect),
        FORBID(SYS_futex),
        FORBID(SYS_gettid),
        FORBID(SYS_openat),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    EXPECT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void churn(struct tally *tally, size_t n)
{
    for (size_t i = 0; i < n; i++)
        tally_release(tally, tally_malloc(tally, 347 + i % 64), 347 + i % 64);
}

int main(int argc, char **argv)
{
    struct tally tally = {0};
    churn(&tally, 100);
    forbid();
    churn(&tally, argc > 1 ? (size_t)atol(argv[1]) : 100);
    tally_print("confined", &tally);
    return 0;
}
