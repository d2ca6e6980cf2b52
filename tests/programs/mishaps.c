/* mishaps WAY: what can come at a bad moment. Each way checks for itself that nothing of it shows in the program. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "tally.h"

enum { N_FORKS = 60, N_CHILDREN = 4 };

static struct tally tally;
static volatile sig_atomic_t n_forks, is_child;

static void reap_all(int n, int expected)
{
    int status;
    while (n > 0) {
        const pid_t pid = waitpid(-1, &status, 0);
        EXPECT(pid > 0 || errno == EINTR);
        EXPECT(pid < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == expected));
        n -= pid > 0;
    }
}

static void fork_here(int number)
{
    (void)number;
    if (!is_child && n_forks++ < N_FORKS && fork() == 0)
        is_child = 1;
}

/* A handler forks while the heap is in use; the children return from it and go on with what it interrupted. */
static void fork_in_handler(void)
{
    struct sigaction action = {.sa_handler = fork_here, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
    EXPECT(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
    void *blocks[64] = {0};
    for (unsigned n = 0, n_after = 0; n_forks < N_FORKS && n_after < 2000; n++, n_after += is_child) {
        free(blocks[n % 64]);
        blocks[n % 64] = malloc(16 + n * 7919 % 3000);
    }
    if (is_child)
        _exit(7);
    setitimer(ITIMER_REAL, &never, NULL);
    reap_all(n_forks < N_FORKS ? n_forks : N_FORKS, 7);
}

static void allocate_in_child(void) { tally_release(&tally, tally_malloc(&tally, 77), 77); }

/* Before main, and so before the recorder's own handler. */
__attribute__((constructor)) static void set_handler(void) { pthread_atfork(NULL, NULL, allocate_in_child); }

static void fork_with_handler(void)
{
    if (fork() == 0) {
        tally_print("child", &tally);
        _exit(7);
    }
    reap_all(1, 7);
}

/* Children whose memory nobody may look at, each with more events than the smallest pool holds. */
static void fork_hidden(void)
{
    EXPECT(prctl(PR_SET_DUMPABLE, 0) == 0);
    for (int i = 0; i < N_CHILDREN; i++) {
        if (fork() != 0)
            continue;
        for (unsigned n = 0; n < 60000; n++) {
            tally_release(&tally, tally_malloc(&tally, 16 + n % 64), 16 + n % 64);
            if (n % 2000 == 0)
                usleep(10000); /* longer than the collector takes to look for a process */
        }
        tally_print("child", &tally);
        _exit(7);
    }
    reap_all(N_CHILDREN, 7);
}

/* A product that wraps to 0 must not look like realloc(block, 0), which frees. */
static void overflow(void)
{
    volatile size_t half = SIZE_MAX / 2 + 1;
    void *block = tally_malloc(&tally, 50);
    EXPECT(reallocarray(block, half, 2) == NULL);
    tally_release(&tally, block, 50);
    tally_print("main", &tally);
}

static ucontext_t coroutine, scheduler;
static unsigned char *code;
static char *frame;

/* Calls malloc(33) from code that no module knows, with `frame` in rbp: to an unwinder it is code without frame pointers. */
static void call_with_frame(void)
{
    void *(*call)(void *, void *(*)(size_t), size_t);
    *(void **)&call = code;
    tally_release(&tally, tally_new(&tally, call(frame, malloc, 33), 33), 33);
}

/* A stack that is unmapped above the one in use, where something of the one in use still seems to point. */
static void unmap_stack(void)
{
    static const unsigned char bytes[] = {0x55,             /* push rbp */
                                          0x48, 0x89, 0xfd, /* mov rbp, rdi */
                                          0x48, 0x89, 0xd7, /* mov rdi, rdx */
                                          0xff, 0xd6,       /* call rsi */
                                          0x5d, 0xc3};      /* pop rbp; ret */
    enum { STACK_BYTES = 65536 };
    char *stacks = mmap(NULL, 2 * STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(stacks != MAP_FAILED && code != MAP_FAILED);
    memcpy(code, bytes, sizeof bytes);
    frame = stacks + STACK_BYTES + 16;
    for (int i = 0; i < 3; i++) {
        getcontext(&coroutine);
        coroutine.uc_stack.ss_sp = stacks;
        coroutine.uc_stack.ss_size = STACK_BYTES;
        coroutine.uc_link = &scheduler;
        makecontext(&coroutine, call_with_frame, 0);
        swapcontext(&scheduler, &coroutine);
        if (i == 1)
            EXPECT(munmap(stacks + STACK_BYTES, STACK_BYTES) == 0);
    }
    tally_print("main", &tally);
}

/* All the address space there is, in the child and then in its parent. */
static void fill(const char *name)
{
    struct tally filled = {0};
    void *block;
    while ((block = malloc(1 << 20)))
        tally_alloc(&filled, 1 << 20);
    tally_print(name, &filled);
}

static void fill_both(void)
{
    if (fork() == 0) {
        tally = (struct tally){0};
        fill("child");
        _exit(7);
    }
    reap_all(1, 7);
    fill("main");
}

/* What is no program must be refused at once, FIFOs above all. */
static void exec_file(char *path)
{
    char *arguments[] = {path, NULL};
    EXPECT(execv(path, arguments) == -1 && errno == EACCES);
}

int main(int argc, char **argv)
{
    EXPECT(argc > 1);
    if (strcmp(argv[1], "handler") == 0)
        fork_in_handler();
    else if (strcmp(argv[1], "atfork") == 0)
        fork_with_handler();
    else if (strcmp(argv[1], "hidden") == 0)
        fork_hidden();
    else if (strcmp(argv[1], "overflow") == 0)
        overflow();
    else if (strcmp(argv[1], "unmap") == 0)
        unmap_stack();
    else if (strcmp(argv[1], "fill") == 0)
        fill_both();
    else
        exec_file(argv[1]);
    return 0;
}
