/* handlers MILLISECONDS [BYTES]: a timer interrupts computing and allocating, and the handler allocates too, on an alternate
 * stack of so many BYTES, below which lies a page that must not be touched.
 *
 * A handler may call malloc only when it did not interrupt malloc itself, so the program tells it when it may. Some
 * handlers leave by siglongjmp.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#include "tally.h"

static struct tally tally;
static volatile sig_atomic_t may_allocate;
static volatile uint64_t n_handled;
static volatile double result;
static sigjmp_buf back;

static void handle(int number)
{
    (void)number;
    if (!may_allocate)
        return;
    may_allocate = 0; /* the interrupted code asks again after this round */
    for (size_t i = 0; i < 3; i++)
        tally_release(&tally, tally_malloc(&tally, 223 + i), 223 + i);
    if (++n_handled % 4 == 0)
        siglongjmp(back, 1);
}

/* A leaf without a frame, and interrupted at any instruction of it: its frame is found by pc, not by pc - 1. */
static __attribute__((noinline)) double compute(double value)
{
    for (int i = 0; i < 200; i++)
        value = value * 1.0000001 + 0.5;
    return value;
}

static __attribute__((noinline)) void round_of_work(void)
{
    tally_release(&tally, tally_malloc(&tally, 227), 227);
    may_allocate = 1;
    result = compute(result);
    may_allocate = 0;
}

int main(int argc, char **argv)
{
    long milliseconds = argc > 1 ? atol(argv[1]) : 100;
    const size_t stack_bytes = argc > 2 ? (size_t)atol(argv[2]) : 65536;
    char *guard = mmap(NULL, stack_bytes + 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(guard != MAP_FAILED && mprotect(guard, 4096, PROT_NONE) == 0);
    EXPECT(sigaltstack(&(stack_t){.ss_sp = guard + 4096, .ss_size = stack_bytes}, NULL) == 0);
    EXPECT(sigaction(SIGALRM, &(struct sigaction){.sa_handler = handle, .sa_flags = SA_ONSTACK | SA_RESTART}, NULL) ==
           0);
    struct timespec now, end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000 + 1;
    EXPECT(setitimer(ITIMER_REAL, &(struct itimerval){{0, 200}, {0, 200}}, NULL) == 0);
    int left_early = sigsetjmp(back, 1);
    (void)left_early;
    do {
        for (int i = 0; i < 50; i++)
            round_of_work();
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec < end.tv_sec && n_handled < (uint64_t)milliseconds * 4);
    EXPECT(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL) == 0);
    EXPECT(n_handled > 0);
    tally_print("handlers", &tally);
    return 0;
}
