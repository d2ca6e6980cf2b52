/* Prints all that a program can see of its surroundings, and where its first blocks lie: the same with and without a
 * recorder.
 *
 * surroundings PGRP: also whether PGRP is its process group. What differs anyway between two runs (pids, random
 * addresses) is left out, and so is LD_PRELOAD, which a recorder has to set.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tally.h"

extern char **environ;

static void show_memory(void)
{
    /* Random bases are page-aligned, so the low bits tell whether anyone allocated before. */
    for (size_t i = 1; i <= 8; i++)
        printf("block %zu: %03zx\n", i, (size_t)((uintptr_t)malloc(i * 24) & 0xfff));
}

static void show_arguments(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    printf("executed as: %s\n", (const char *)getauxval(AT_EXECFN));
    for (char **variable = environ; *variable; variable++)
        if (strncmp(*variable, "LD_PRELOAD=", 11) != 0)
            printf("environment: %s\n", *variable);
    char directory[4096];
    printf("directory: %s\n", getcwd(directory, sizeof directory));
}

static void show_descriptors(void)
{
    struct stat status;
    for (int fd = 0; fd < 1024; fd++)
        if (fstat(fd, &status) == 0)
            printf("descriptor %d: type %o, flags %x %x\n", fd, status.st_mode & S_IFMT, (unsigned)fcntl(fd, F_GETFL),
                   (unsigned)fcntl(fd, F_GETFD));
    int lowest = open("/dev/null", O_RDONLY);
    printf("lowest free descriptor: %d\n", lowest);
    close(lowest);
}

static void show_signals(void)
{
    sigset_t blocked, pending;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    sigpending(&pending);
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0)
            printf("signal %d: %s, blocked %d, pending %d\n", number,
                   action.sa_handler == SIG_DFL   ? "default"
                   : action.sa_handler == SIG_IGN ? "ignored"
                                                  : "handled",
                   sigismember(&blocked, number), sigismember(&pending, number));
    }
    stack_t alternate;
    sigaltstack(NULL, &alternate);
    printf("alternate stack: flags %d\n", alternate.ss_flags);
}

static void show_limits(void)
{
    for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
        struct rlimit limit;
        if (getrlimit((__rlimit_resource_t)resource, &limit) == 0)
            printf("limit %d: %llx %llx\n", resource, (unsigned long long)limit.rlim_cur,
                   (unsigned long long)limit.rlim_max);
    }
}

static void show_process(const char *process_group)
{
    mode_t mask = umask(0);
    printf("umask: %o\n", (unsigned)mask);
    printf("user: %u %u, group: %u %u\n", getuid(), geteuid(), getgid(), getegid());
    printf("nice: %d, scheduler: %d\n", getpriority(PRIO_PROCESS, 0), sched_getscheduler(0));
    printf("dumpable: %d, no new privileges: %d\n", prctl(PR_GET_DUMPABLE), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    int death_signal = -1;
    prctl(PR_GET_PDEATHSIG, &death_signal);
    printf("signal at parent's death: %d\n", death_signal);
    char name[16] = "";
    prctl(PR_GET_NAME, name);
    printf("name: %s\n", name);
    printf("timer slack: %d\n", prctl(PR_GET_TIMERSLACK));
    if (process_group)
        printf("in the process group given: %d\n", getpgrp() == atoi(process_group));
}

/* Threads, children, capabilities and seccomp as the kernel tells them. */
static void show_status(void)
{
    static const char *const wanted[] = {
        "Threads:", "SigBlk:", "SigIgn:", "SigCgt:", "CapEff:", "Seccomp:", "Cpus_allowed:", "CoreDumping:"};
    char line[512];
    FILE *status = fopen("/proc/self/status", "re");
    EXPECT(status != NULL);
    while (fgets(line, sizeof line, status))
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            if (strncmp(line, wanted[i], strlen(wanted[i])) == 0)
                fputs(line, stdout);
    fclose(status);
}

int main(int argc, char **argv)
{
    int error = errno;
    show_memory();
    printf("errno at start: %d\n", error);
    show_arguments(argc, argv);
    show_descriptors();
    show_signals();
    show_limits();
    show_process(argc > 1 ? argv[1] : NULL);
    show_status();
    return 0;
}
