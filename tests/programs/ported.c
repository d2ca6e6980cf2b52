/* ported PLUGIN ROUNDS: a bit of everything that a recorder does differently on each machine. Four threads allocate, reallocate and
 * free, ROUNDS times each; blocks leak in a deep recursion, in a thread, in a plugin, in a signal handler that interrupted
 * a function, and in a forked child. The parent prints its tally, the child its own.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "tally.h"

#define NOINLINE __attribute__((noinline))
#define AFTER_CALL() __asm__ volatile("" ::: "memory") /* keeps the call before it from being a tail call */

enum { N_THREADS = 4, DEPTH = 20 };

/* What leaks, found in the report by its size. */
enum { DEEP = 10007, THREAD = 10009, PLUGIN = 10011, HANDLER = 10013, CHILD = 10015 };

static struct tally tally;
static unsigned rounds;
static void *volatile kept;

NOINLINE void leak(struct tally *own, size_t bytes)
{
    kept = tally_malloc(own, bytes);
    AFTER_CALL();
}

NOINLINE void descend(unsigned depth)
{
    if (depth > 0)
        descend(depth - 1);
    else
        leak(&tally, DEEP);
    AFTER_CALL();
}

static void *aligned(size_t bytes)
{
    void *block = NULL;
    EXPECT(posix_memalign(&block, 64, bytes) == 0 && (uintptr_t)block % 64 == 0);
    return block;
}

void *run_thread(void *argument)
{
    struct tally *own = argument;
    for (unsigned i = 0; i < rounds; i++) {
        void *block = tally_malloc(own, 10 + i % 90);
        block = tally_realloc(own, block, 10 + i % 90, 200 + i % 7 * 1000);
        void *other = tally_new(own, i % 2 ? memalign(32, 77) : aligned(77), 77);
        tally_release(own, block, 200 + i % 7 * 1000);
        tally_release(own, other, 77);
    }
    leak(own, THREAD);
    return NULL;
}

static void run_threads(void)
{
    pthread_t threads[N_THREADS];
    struct tally tallies[N_THREADS] = {{0}};
    for (int i = 0; i < N_THREADS; i++)
        EXPECT(pthread_create(&threads[i], NULL, run_thread, &tallies[i]) == 0);
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
        tally_add(&tally, &tallies[i]);
    }
}

static sigjmp_buf escape;

void on_signal(int number)
{
    leak(&tally, HANDLER);
    siglongjmp(escape, number);
}

NOINLINE void be_interrupted(void) { __builtin_trap(); }

static void run_handler(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGTRAP, &action, NULL);
    if (sigsetjmp(escape, 1) == 0)
        be_interrupted();
}

static void run_plugin(const char *path)
{
    void *plugin = dlopen(path, RTLD_NOW);
    EXPECT(plugin != NULL);
    void *(*allocate)(size_t);
    *(void **)&allocate = dlsym(plugin, "plugin_allocate");
    EXPECT(allocate != NULL);
    kept = tally_new(&tally, allocate(PLUGIN), PLUGIN);
}

static void run_child(void)
{
    const pid_t pid = fork();
    if (pid == 0) {
        struct tally own = {0};
        leak(&own, CHILD);
        tally_print("child", &own);
        _exit(0);
    }
    int status;
    EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

int main(int argc, char **argv)
{
    EXPECT(argc == 3);
    rounds = (unsigned)atoi(argv[2]);
    run_threads();
    descend(DEPTH);
    run_handler();
    run_plugin(argv[1]);
    run_child();
    tally_print("parent", &tally);
    return 0;
}
