/* each_function NAME [PLUGIN.so]: calls one hooked function, and prints what must be found in the recording: an event as
 * "FUNCTION,ADDRESS,SIZE", or a line of its own kind.
 *
 * Built with the list of hooks: one without a test here does not compile. With bump_allocator.c as a shared library the
 * C++ operators are an allocator's own. exec and posix_spawn start this program as `leaf`, with an empty environment, so
 * that only the hook can have brought the recorder along.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tally.h"

enum { BYTES = 1009, ALIGNMENT = 64, MAP_BYTES = 3 * 4096 };

extern char **environ;

static char *self, *plugin;
static char *no_environment[] = {NULL};
static char leaf[] = "leaf";
static char *leaf_arguments[] = {leaf, leaf, NULL};

static void expect(const char *function, const void *address, size_t bytes)
{
    EXPECT(address != NULL && address != MAP_FAILED);
    EXPECT(dprintf(STDOUT_FILENO, "%s,%p,%zu\n", function, address, bytes) > 0);
}

/* ---- the heap */

#define ALLOCATES(name, bytes, call)                                                                                   \
    static void test_##name(void) { expect(#name, call, bytes); }

ALLOCATES(malloc, BYTES, malloc(BYTES))
ALLOCATES(calloc, 7 * 151, calloc(7, 151))
ALLOCATES(memalign, BYTES, memalign(ALIGNMENT, BYTES))
ALLOCATES(aligned_alloc, 17 * ALIGNMENT, aligned_alloc(ALIGNMENT, 17 * ALIGNMENT))
ALLOCATES(valloc, BYTES, valloc(BYTES))
ALLOCATES(pvalloc, BYTES, pvalloc(BYTES))

static void test_posix_memalign(void)
{
    void *block = NULL;
    EXPECT(posix_memalign(&block, ALIGNMENT, BYTES) == 0);
    expect("posix_memalign", block, BYTES);
}

static void test_realloc(void) { expect("realloc", realloc(malloc(BYTES), 2 * BYTES), 2 * BYTES); }

static void test_reallocarray(void) { expect("realloc", reallocarray(malloc(BYTES), 3, BYTES), 3 * BYTES); }

static void test_free(void)
{
    void *block = malloc(BYTES);
    expect("free", block, 0);
    free(block);
}

/* C23's: in no glibc before 2.43, so that the recorder's hooks may be the only ones there are. */
extern void free_sized(void *block, size_t bytes) __attribute__((weak));
extern void free_aligned_sized(void *block, size_t alignment, size_t bytes) __attribute__((weak));

static void test_free_sized(void)
{
    void *block = malloc(BYTES);
    expect("free", block, 0);
    if (free_sized)
        free_sized(block, BYTES);
}

static void test_free_aligned_sized(void)
{
    void *block = aligned_alloc(ALIGNMENT, ALIGNMENT);
    expect("free", block, 0);
    if (free_aligned_sized)
        free_aligned_sized(block, ALIGNMENT, ALIGNMENT);
}

/* ---- operators: the arguments are the list's own, by name */

static const size_t size = BYTES, alignment = ALIGNMENT;
static const void *const tag = "nothrow";

#define VZ_NEW(name, parameters, arguments)                                                                            \
    extern void *name parameters __attribute__((weak));                                                                \
    static void test_##name(void) { expect("operator new", name arguments, size); }

#define VZ_DELETE(name, parameters, arguments)                                                                         \
    extern void name parameters __attribute__((weak));                                                                 \
    static void test_##name(void)                                                                                      \
    {                                                                                                                  \
        void *block = malloc(size);                                                                                    \
        expect("operator delete", block, 0);                                                                           \
        name arguments;                                                                                                \
    }

#include "../../libtrace/record/hooks.def"

/* ---- mappings, code and threads */

static void *map_some(void)
{
    void *map = mmap(NULL, MAP_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(map != MAP_FAILED);
    return map;
}

static void test_mmap(void) { expect("mmap", map_some(), MAP_BYTES); }

static void test_mmap64(void)
{
    expect("mmap", mmap64(NULL, MAP_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), MAP_BYTES);
}

static void test_munmap(void)
{
    void *map = map_some();
    expect("munmap", map, MAP_BYTES);
    munmap(map, MAP_BYTES);
}

static void test_mremap(void) { expect("mremap", mremap(map_some(), MAP_BYTES, 4096, 0), 4096); }

static void test_dlclose(void)
{
    void *library = dlopen(plugin, RTLD_NOW);
    EXPECT(library != NULL);
    void *(*allocate)(size_t);
    *(void **)&allocate = dlsym(library, "plugin_allocate");
    EXPECT(allocate != NULL && allocate(BYTES) != NULL);
    dprintf(STDOUT_FILENO, "unload\n");
    dlclose(library);
}

static void test_pthread_setname_np(void)
{
    dprintf(STDOUT_FILENO, "thread,renamed\n");
    free(malloc(BYTES));
    usleep(300000); /* by now the recorder has read the name that the thread had */
    pthread_setname_np(pthread_self(), "renamed");
}

/* ---- stacks for signals: no call stack is taken where hardly any of it is left */

static char signal_stack[1 << 17];
static char *const signal_stack_end = signal_stack + sizeof signal_stack;
static volatile size_t used_bytes;

static void measure(int number)
{
    (void)number;
    used_bytes = (size_t)(signal_stack_end - (char *)__builtin_frame_address(0));
}

static void allocate_on_signal_stack(int number)
{
    (void)number;
    dprintf(STDOUT_FILENO, "gap,%p\n", malloc(BYTES));
}

/* bytes: how large it is said to be. What lies below may be written to all the same. */
static void run_on_signal_stack(void (*handler)(int), size_t bytes)
{
    const struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    EXPECT(sigaltstack(&(stack_t){.ss_sp = signal_stack_end - bytes, .ss_size = bytes}, NULL) == 0);
    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0 && raise(SIGUSR1) == 0);
}

static void test_sigaltstack(void)
{
    run_on_signal_stack(measure, sizeof signal_stack);
    run_on_signal_stack(allocate_on_signal_stack, used_bytes + 1024);
}

/* ---- sandboxes: recording stops before one that would end the process for a system call of the recorder */

/* A filter that allows nothing, being empty; the kernel refuses it, so nothing comes of it. */
static struct sock_filter no_steps[1];
static struct sock_fprog filter = {0, no_steps};

static void test_prctl(void)
{
    dprintf(STDOUT_FILENO, "stopped,2\n");
    EXPECT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == -1);
}

static void test_syscall(void)
{
    dprintf(STDOUT_FILENO, "stopped,2\n");
    EXPECT(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == -1);
}

/* ---- ends of children: vizzytrace is stopped meanwhile, so that it can't see them itself */

static void signal_recorder(int number, char expected_state)
{
    char path[64], state[2];
    snprintf(path, sizeof path, "/proc/%d/stat", getppid());
    EXPECT(kill(getppid(), number) == 0);
    do {
        FILE *stat = fopen(path, "re");
        EXPECT(stat != NULL && fscanf(stat, "%*d (vizzytrace) %1s", state) == 1);
        fclose(stat);
    } while (expected_state && *state != expected_state);
}

static pid_t start_child(void)
{
    signal_recorder(SIGSTOP, 'T');
    const pid_t child = fork();
    if (child == 0)
        _exit(7);
    return child;
}

static void child_ended(bool is_well)
{
    signal_recorder(SIGCONT, 0);
    EXPECT(is_well);
    dprintf(STDOUT_FILENO, "end,exit,7\n");
}

static void test_wait(void)
{
    int status;
    const pid_t child = start_child();
    child_ended(wait(&status) == child && WEXITSTATUS(status) == 7);
}

static void test_waitpid(void)
{
    const pid_t child = start_child();
    child_ended(waitpid(child, NULL, 0) == child);
}

static void test_wait3(void)
{
    struct rusage usage;
    const pid_t child = start_child();
    child_ended(wait3(NULL, 0, &usage) == child && usage.ru_maxrss > 0);
}

static void test_wait4(void)
{
    struct rusage usage;
    const pid_t child = start_child();
    child_ended(wait4(child, NULL, 0, &usage) == child && usage.ru_maxrss > 0);
}

static void test_waitid(void)
{
    siginfo_t info;
    const pid_t child = start_child();
    child_ended(waitid(P_PID, (id_t)child, &info, WEXITED) == 0 && info.si_pid == child && info.si_status == 7);
}

/* ---- the own end, which a process that records itself has to write */

static void test__exit(void)
{
    dprintf(STDOUT_FILENO, "ends,exit,7\n");
    _exit(7);
}

static void test__Exit(void)
{
    dprintf(STDOUT_FILENO, "ends,exit,8\n");
    _Exit(8);
}

/* ---- other programs */

static void test_execve(void) { execve(self, leaf_arguments, no_environment); }
static void test_execv(void) { execv(self, leaf_arguments); }
static void test_execvp(void) { execvp(self, leaf_arguments); }
static void test_execvpe(void) { execvpe(self, leaf_arguments, no_environment); }
static void test_execl(void) { execl(self, leaf, leaf, (char *)NULL); }
static void test_execlp(void) { execlp(self, leaf, leaf, (char *)NULL); }
static void test_execle(void) { execle(self, leaf, leaf, (char *)NULL, no_environment); }
static void test_fexecve(void) { fexecve(open(self, O_RDONLY), leaf_arguments, no_environment); }
static void test_execveat(void) { execveat(AT_FDCWD, self, leaf_arguments, no_environment, 0); }

static void spawned(int error, pid_t child)
{
    int status = -1;
    EXPECT(error == 0 && waitpid(child, &status, 0) == child && status == 0);
}

static void test_posix_spawn(void)
{
    pid_t child = -1;
    const int error = posix_spawn(&child, self, NULL, NULL, leaf_arguments, no_environment);
    spawned(error, child);
}

static void test_posix_spawnp(void)
{
    pid_t child = -1;
    const int error = posix_spawnp(&child, self, NULL, NULL, leaf_arguments, no_environment);
    spawned(error, child);
}

static const struct {
    const char *name;
    void (*test)(void);
} tests[] = {
#define VZ_ALLOC(kind, name, bytes, parameters, arguments) {#name, test_##name},
#define VZ_REALLOC(name, bytes, parameters, arguments) {#name, test_##name},
#define VZ_FREE(kind, name, parameters, arguments) {#name, test_##name},
#define VZ_NEW(name, parameters, arguments) {#name, test_##name},
#define VZ_DELETE(name, parameters, arguments) {#name, test_##name},
#define VZ_OTHER(type, name, parameters) {#name, test_##name},
#include "../../libtrace/record/hooks.def"
};

int main(int argc, char **argv)
{
    EXPECT(argc > 1);
    if (strcmp(argv[1], "leaf") == 0) {
        expect("malloc", malloc(BYTES), BYTES);
        return 0;
    }
    self = argv[0];
    plugin = argv[2];
    environ = no_environment;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (strcmp(tests[i].name, argv[1]) == 0) {
            tests[i].test();
            return 0;
        }
    return 2;
}
