/* threads_many THREADS BLOCKS: all threads are alive at once, then allocate BLOCKS blocks of 163 bytes each and free
 * all but one.
 *
 * Odd threads are named "odd N". Stacks are small, so that a thousand of them fit anywhere.
 */
#include <pthread.h>

#include "tally.h"

static pthread_barrier_t together;
static unsigned n_blocks;

struct worker {
    pthread_t thread;
    struct tally tally;
    unsigned number;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    char name[16];
    if (worker->number % 2) {
        snprintf(name, sizeof name, "odd %u", worker->number);
        EXPECT(pthread_setname_np(pthread_self(), name) == 0);
    }
    pthread_barrier_wait(&together);
    for (unsigned i = 0; i < n_blocks; i++) {
        void *block = tally_malloc(&worker->tally, 163);
        if (i)
            tally_release(&worker->tally, block, 163);
    }
    pthread_barrier_wait(&together);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct worker workers[4096];
    struct tally sum = {0};
    pthread_attr_t attributes;
    unsigned n_threads = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
    n_blocks = argc > 2 ? (unsigned)atoi(argv[2]) : 10;
    EXPECT(n_threads > 0 && n_threads <= 4096);
    pthread_barrier_init(&together, NULL, n_threads);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 * 1024);
    for (unsigned i = 0; i < n_threads; i++) {
        workers[i].number = i;
        EXPECT(pthread_create(&workers[i].thread, &attributes, work, &workers[i]) == 0);
    }
    for (unsigned i = 0; i < n_threads; i++) {
        EXPECT(pthread_join(workers[i].thread, NULL) == 0);
        tally_add(&sum, &workers[i].tally);
    }
    tally_print("threads_many", &sum);
    return 0;
}
