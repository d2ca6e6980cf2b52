/* frames ROUNDS: allocates under every kind of frame that is hard to walk.
 *
 * alloca and arrays of variable length (CFA on rbp), realigned stacks (CFA by an expression), functions that never
 * return as the last instruction of their caller (pc - 1), qsort and bsearch callbacks through libc, longjmp over
 * frames, lazy binding (build with -Wl,-z,lazy: the first call of a function goes through ld.so's resolver), thread
 * starts, coroutines on stacks of their own, small stacks.
 */
#include <alloca.h>
#include <pthread.h>
#include <search.h>
#include <setjmp.h>
#include <string.h>
#include <ucontext.h>

#include "tally.h"

static struct tally tally;
static jmp_buf back;

static __attribute__((noinline)) void allocate(void) { tally_release(&tally, tally_malloc(&tally, 257), 257); }

static __attribute__((noinline)) char on_alloca(size_t bytes)
{
    char *space = alloca(bytes);
    memset(space, 1, bytes);
    allocate();
    return space[bytes / 2];
}

static __attribute__((noinline)) double on_realigned_stack(double value)
{
    _Alignas(64) double line[8] = {value};
    double *volatile escape = line;
    allocate();
    return escape[0];
}

static __attribute__((noinline, noreturn)) void never_return(void)
{
    allocate();
    longjmp(back, 1);
}

static __attribute__((noinline)) void call_what_never_returns(void) { never_return(); }

static int compare(const void *a, const void *b)
{
    allocate();
    return *(const int *)a - *(const int *)b;
}

static void through_libc(void)
{
    int numbers[] = {5, 3, 9, 1, 7};
    qsort(numbers, 5, sizeof *numbers, compare);
    EXPECT(bsearch(&numbers[2], numbers, 5, sizeof *numbers, compare) == &numbers[2]);
}

static ucontext_t coroutine, caller;

static void run_coroutine(void)
{
    for (int i = 0; i < 3; i++) {
        allocate();
        swapcontext(&coroutine, &caller);
    }
}

static void on_own_stack(void)
{
    static char stack[32768];
    getcontext(&coroutine);
    coroutine.uc_stack.ss_sp = stack;
    coroutine.uc_stack.ss_size = sizeof stack;
    coroutine.uc_link = &caller;
    makecontext(&coroutine, run_coroutine, 0);
    for (int i = 0; i < 3; i++)
        swapcontext(&caller, &coroutine);
}

static void *in_thread(void *unused)
{
    allocate();
    return unused;
}

static void in_small_thread(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    EXPECT(pthread_attr_setstacksize(&attributes, 16384) == 0);
    EXPECT(pthread_create(&thread, &attributes, in_thread, NULL) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 100;
    static volatile double sink;
    for (volatile int i = 0; i < rounds; i++) {
        sink = on_alloca(100 + (size_t)i % 900);
        sink = on_realigned_stack(sink);
        if (setjmp(back) == 0)
            call_what_never_returns();
        through_libc();
        on_own_stack();
        if (i % 100 == 0)
            in_small_thread();
    }
    tally_print("frames", &tally);
    return 0;
}
