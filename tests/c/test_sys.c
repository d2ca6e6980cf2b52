/* record/sys: a wait lasts as long as it is told to, and ends at once where there is nothing to wait for; also in a libc whose
 * time_t is wider than the kernel's. And a handler that interrupts a wait sees the frames below it. */
#define _GNU_SOURCE
#include "record/sys.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "image.h"
#include "record/unwind.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #condition);                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { WAIT_NS = 100000000 };

static _Alignas(8) uint32_t word;

static void test_waits(void)
{
    const uint64_t start = vz_sys_monotonic_ns();
    CHECK(vz_sys_futex_wait(&word, 0, WAIT_NS) == -ETIMEDOUT);
    CHECK(vz_sys_monotonic_ns() - start >= WAIT_NS);
    CHECK(vz_sys_futex_wait(&word, 1, WAIT_NS) == -EAGAIN);
}

static void test_readable(void)
{
    char *pages = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    CHECK(vz_sys_readable((uintptr_t)&word) && !vz_sys_readable((uintptr_t)pages));
}

#ifndef __SANITIZE_THREAD__
static uintptr_t guarded;
static enum vz_reach reached = VZ_REACH_NOT;

static void on_alarm(int number)
{
    (void)number;
    reached = vz_unwind_reach(vz_context_of_caller(), guarded);
}

/* As a hook that waits for room. */
static __attribute__((noinline)) void wait_as_hook(void)
{
    guarded = vz_context_of_caller().sp;
    vz_sys_futex_wait(&word, 0, 2 * (uint64_t)WAIT_NS);
    __asm__ volatile("" ::: "memory");
}

static void test_an_interrupted_wait(void)
{
    struct sigaction action = {.sa_handler = on_alarm};
    const struct itimerval soon = {.it_value = {.tv_usec = WAIT_NS / 2000}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    wait_as_hook();
    CHECK(reached == VZ_REACH_INTERRUPTED);
}
#endif

int main(void)
{
    image_start();
    test_waits();
    test_readable();
#ifndef __SANITIZE_THREAD__ /* which holds signals back until a call that it knows */
    test_an_interrupted_wait();
#endif
    return 0;
}
