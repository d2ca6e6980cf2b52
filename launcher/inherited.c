/* Saving and restoring what was inherited: see inherited.h. */
#define _GNU_SOURCE
#include "inherited.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What getrlimit takes. */
#ifdef __GLIBC__
typedef __rlimit_resource_t resource;
#else
typedef int resource;
#endif

/* SIGPIPE and SIGXFSZ become errors of write(2). SIGCHLD ignored would make COMMAND's status unknowable. */
static const int own_signals[VZ_N_OWN_SIGNALS] = {SIGPIPE, SIGXFSZ, SIGCHLD};

/* Were a standard descriptor closed, something of our own would get its number, and messages would go there, or it would be
 * lost to vz_inherited_close. COMMAND finds closed what was closed. */
static void occupy_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static void save_descriptors(struct vz_inherited *inherited)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fd <= STDERR_FILENO || fd == dirfd(directory))
            continue;
        int *grown = realloc(inherited->descriptors, (inherited->n_descriptors + 1) * sizeof(*grown));
        if (!grown)
            break;
        grown[inherited->n_descriptors++] = fd;
        inherited->descriptors = grown;
    }
    closedir(directory);
}

static void block_signals(struct vz_inherited *inherited)
{
    /* Those that report a fault of this very process must not be blocked. */
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, SIGPIPE, SIGXFSZ};
    sigset_t set;
    sigfillset(&set);
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
        sigdelset(&set, faults[i]);
    sigprocmask(SIG_BLOCK, &set, &inherited->mask);
}

void vz_inherited_take(struct vz_inherited *inherited)
{
    memset(inherited, 0, sizeof(*inherited));
    occupy_standard_descriptors();
    block_signals(inherited);
    for (int i = 0; i < VZ_N_OWN_SIGNALS; i++) {
        struct sigaction action = {.sa_handler = own_signals[i] == SIGCHLD ? SIG_DFL : SIG_IGN};
        sigaction(own_signals[i], &action, &inherited->own[i]);
    }
    for (unsigned i = 0; i < RLIM_NLIMITS; i++) {
        getrlimit((resource)i, &inherited->limits[i]);
        struct rlimit raised = {.rlim_cur = inherited->limits[i].rlim_max, .rlim_max = inherited->limits[i].rlim_max};
        /* The stack's limit decides where the kernel puts mappings of the program to come: leave it. */
        if (i != RLIMIT_STACK)
            setrlimit((resource)i, &raised);
    }
    struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &unlimited); /* granted to root only: else a low hard limit is reported when it is met */
    save_descriptors(inherited);
}

void vz_inherited_restore(const struct vz_inherited *inherited)
{
    for (unsigned i = 0; i < RLIM_NLIMITS; i++)
        setrlimit((resource)i, &inherited->limits[i]);
    for (int i = 0; i < VZ_N_OWN_SIGNALS; i++)
        sigaction(own_signals[i], &inherited->own[i], NULL);
    sigprocmask(SIG_SETMASK, &inherited->mask, NULL);
}

void vz_inherited_close(struct vz_inherited *inherited)
{
    for (size_t i = 0; i < inherited->n_descriptors; i++)
        close(inherited->descriptors[i]);
    free(inherited->descriptors);
    inherited->descriptors = NULL;
    inherited->n_descriptors = 0;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return;
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    if (null > STDOUT_FILENO)
        close(null);
}
