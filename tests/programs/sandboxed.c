/* sandboxed WAY: allocates, puts itself into a sandbox that ends the process for whatever a recorder might do, and
 * allocates on.
 *
 * It may only read, write and exit then. strict, strict_syscall: seccomp's own mode, which forbids the time stamp
 * counter too. filter, filter_syscall: a filter, set by prctl or by seccomp(2). tsc: the counter alone. Ends with
 * status 3.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tally.h"

enum { LIVE = 4096 };

#define ALLOW(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter steps[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(SYS_write),
    ALLOW(SYS_exit),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

static void confine(const char *way)
{
    struct sock_fprog filter = {sizeof steps / sizeof *steps, steps};
    struct sock_fprog dangling = {1, (struct sock_filter *)8};
    EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    EXPECT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 8) == -1 && errno == EFAULT);
    EXPECT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &dangling) == -1 && errno == EFAULT);
    if (strcmp(way, "strict") == 0)
        EXPECT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
    else if (strcmp(way, "strict_syscall") == 0)
        EXPECT(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL) == 0);
    else if (strcmp(way, "filter") == 0)
        EXPECT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
    else if (strcmp(way, "filter_syscall") == 0)
        EXPECT(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0);
    else
        EXPECT(strcmp(way, "tsc") == 0 && prctl(PR_SET_TSC, PR_TSC_SIGSEGV) == 0);
}

int main(int argc, char **argv)
{
    static void *blocks[LIVE];
    EXPECT(argc > 1);
    for (size_t i = 0; i < LIVE; i++)
        blocks[i] = malloc(100 + i % 50);
    confine(argv[1]);
    for (size_t i = 0; i < 3000000; i++) {
        free(blocks[i % LIVE]);
        blocks[i % LIVE] = malloc(100 + i % 50);
    }
    if (write(STDOUT_FILENO, "done\n", 5) == 5)
        syscall(SYS_exit, 3);
    return 1;
}
