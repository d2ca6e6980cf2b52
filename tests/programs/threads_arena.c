/* threads_arena THREADS ROUNDS: threads share one arena and hand blocks to each other, and all is freed in the end.
 *
 * Each round takes a block from a shared table (whoever put it there), reallocates or frees it, and puts another there:
 * the address that one thread gives up is at once another's. A recorder that gets the order wrong sees doubled
 * addresses. With 0 rounds only the threads themselves remain: what the C library allocates for them.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tally.h"

#define MAX_THREADS 64
#define N_PLACES 32

/* A block's size is written in its first bytes, so that whoever takes it can count it. */
static _Atomic(uint64_t *) places[N_PLACES];
static pthread_barrier_t together;
static uint64_t n_rounds;

static uint64_t *make(struct tally *tally, size_t bytes)
{
    uint64_t *block = tally_malloc(tally, bytes);
    *block = bytes;
    return block;
}

static uint64_t *resize(struct tally *tally, uint64_t *block, size_t bytes)
{
    block = tally_realloc(tally, block, *block, bytes);
    *block = bytes;
    return block;
}

static void *work(void *argument)
{
    struct tally *tally = argument;
    uint64_t random = (uintptr_t)argument;
    pthread_barrier_wait(&together);
    for (uint64_t i = 0; i < n_rounds; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        size_t bytes = 8 + (random >> 33) % 300;
        uint64_t *block = atomic_exchange(&places[(random >> 50) % N_PLACES], NULL);
        if (block && random >> 63) {
            tally_release(tally, block, *block);
            block = NULL;
        }
        block = block ? resize(tally, block, bytes) : make(tally, bytes);
        block = atomic_exchange(&places[(random >> 45) % N_PLACES], block);
        if (block)
            tally_release(tally, block, *block);
    }
    pthread_barrier_wait(&together);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct tally tallies[MAX_THREADS];
    static pthread_t threads[MAX_THREADS];
    struct tally sum = {0};
    unsigned n_threads = argc > 1 ? (unsigned)atoi(argv[1]) : 8;
    n_rounds = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
    EXPECT(n_threads <= MAX_THREADS && mallopt(M_ARENA_MAX, 1) == 1);
    pthread_barrier_init(&together, NULL, n_threads);
    for (unsigned i = 0; i < n_threads; i++)
        EXPECT(pthread_create(&threads[i], NULL, work, &tallies[i]) == 0);
    for (unsigned i = 0; i < n_threads; i++) {
        EXPECT(pthread_join(threads[i], NULL) == 0);
        tally_add(&sum, &tallies[i]);
    }
    for (unsigned i = 0; i < N_PLACES; i++)
        if (places[i])
            tally_release(&sum, places[i], *places[i]);
    tally_print("threads_arena", &sum);
    return 0;
}
