/* endings WAY LEDGER [THREADS [CALLS]]: threads allocate, and write every call into LEDGER (a shared mapping of that
 * file) before and after they make it; then the process ends in one WAY. What the ledger says survives any death.
 *
 * Ways: run (until killed), kill, _exit, abort, segfault, quick_exit, exit, exec. CALLS: after how many of the first
 * thread's rounds the end comes.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "tally.h"

#define MAX_THREADS 16

/* Read by the tests: 8 words of 8 bytes for each thread, after a first row: pid, number of threads, threads running. */
struct row {
    _Atomic uint64_t allocs_begun, allocs_done, frees_begun, frees_done;
    uint64_t unused[4];
};

static struct {
    _Atomic uint64_t pid, n_threads, running;
    uint64_t unused[5];
    struct row rows[MAX_THREADS];
} * ledger;

static struct {
    const char *way;
    uint64_t n_calls;
    char *self;
    volatile int *unmapped;
} plan;

static void end(void)
{
    if (strcmp(plan.way, "kill") == 0)
        kill(getpid(), SIGKILL);
    else if (strcmp(plan.way, "_exit") == 0)
        _exit(3);
    else if (strcmp(plan.way, "abort") == 0)
        abort();
    else if (strcmp(plan.way, "segfault") == 0)
        *plan.unmapped = 1;
    else if (strcmp(plan.way, "quick_exit") == 0)
        quick_exit(4);
    else if (strcmp(plan.way, "exit") == 0)
        exit(5);
    else if (strcmp(plan.way, "exec") == 0)
        execl(plan.self, plan.self, "done", (char *)NULL);
}

static void *counted_malloc(struct row *row, size_t bytes)
{
    row->allocs_begun++;
    void *block = malloc(bytes);
    row->allocs_done++;
    EXPECT(block != NULL);
    return block;
}

static void counted_free(struct row *row, void *block)
{
    row->frees_begun++;
    free(block);
    row->frees_done++;
}

static void *counted_realloc(struct row *row, void *block, size_t bytes)
{
    row->allocs_begun++;
    row->frees_begun++;
    block = realloc(block, bytes);
    row->allocs_done++;
    row->frees_done++;
    EXPECT(block != NULL);
    return block;
}

static void *work(void *argument)
{
    struct row *row = argument;
    void *blocks[8] = {NULL};
    ledger->running++;
    while (ledger->running < ledger->n_threads)
        usleep(100);
    for (uint64_t i = 0;; i++) {
        void **block = &blocks[i * 5 % 8];
        if (*block)
            counted_free(row, *block);
        *block = counted_malloc(row, 199 + i % 100);
        if (i % 3 == 0)
            *block = counted_realloc(row, *block, 409 + i % 1000);
        if (row == ledger->rows && i == plan.n_calls)
            end();
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "done") == 0)
        return 6;
    EXPECT(argc > 2);
    plan.way = argv[1];
    plan.self = argv[0];
    plan.unmapped = (volatile int *)(uintptr_t)8;
    unsigned n_threads = argc > 3 ? (unsigned)atoi(argv[3]) : 1;
    plan.n_calls = argc > 4 ? strtoull(argv[4], NULL, 10) : 10000;
    int file = open(argv[2], O_RDWR | O_CREAT, 0600);
    EXPECT(n_threads > 0 && n_threads <= MAX_THREADS && ftruncate(file, sizeof *ledger) == 0);
    ledger = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    EXPECT(ledger != MAP_FAILED);
    ledger->pid = (uint64_t)getpid();
    ledger->n_threads = n_threads;
    for (unsigned i = 1; i < n_threads; i++) {
        pthread_t thread;
        EXPECT(pthread_create(&thread, NULL, work, &ledger->rows[i]) == 0);
    }
    work(&ledger->rows[0]);
    return 0;
}
