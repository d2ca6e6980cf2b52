/* losses PROCESSES THREADS PAIRS: each of the processes runs so many threads, each of which makes PAIRS blocks and frees them, 64
 * live at a time, in no order that compresses well, and in some seconds. One line for each process: nothing is in use in the end. */
#include <pthread.h>
#include <sys/wait.h>

#include "tally.h"

#define N_LIVE 64
#define MAX_THREADS 64
#define BURST 512  /* pairs before a pause */
#define SECONDS 3u /* of pauses in all */

static uint64_t n_pairs;

/* xorshift64* */
static uint32_t draw(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * 0x2545f4914f6cdd1dULL >> 32);
}

static void *churn(void *argument)
{
    struct tally *tally = argument;
    struct {
        void *block;
        size_t bytes;
    } live[N_LIVE] = {0};
    uint64_t state = 1;
    for (uint64_t i = 0; i < n_pairs; i++) {
        uint32_t at = draw(&state) % N_LIVE;
        if (live[at].block)
            tally_release(tally, live[at].block, live[at].bytes);
        live[at].bytes = draw(&state) % 4096 + 1;
        live[at].block = tally_malloc(tally, live[at].bytes);
        if (i % BURST == BURST - 1)
            usleep((useconds_t)(SECONDS * 1000000 * BURST / n_pairs));
    }
    for (uint32_t at = 0; at < N_LIVE; at++) {
        if (live[at].block)
            tally_release(tally, live[at].block, live[at].bytes);
    }
    return NULL;
}

static void run_threads(unsigned n_threads)
{
    static struct tally tallies[MAX_THREADS], sum;
    pthread_t threads[MAX_THREADS];
    for (unsigned i = 1; i < n_threads; i++)
        EXPECT(pthread_create(&threads[i], NULL, churn, &tallies[i]) == 0);
    churn(&tallies[0]);
    for (unsigned i = 1; i < n_threads; i++)
        EXPECT(pthread_join(threads[i], NULL) == 0);
    for (unsigned i = 0; i < n_threads; i++)
        tally_add(&sum, &tallies[i]);
    tally_print("losses", &sum);
}

int main(int argc, char **argv)
{
    unsigned n_processes = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    unsigned n_threads = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
    n_pairs = argc > 3 ? strtoull(argv[3], NULL, 10) : 1000;
    EXPECT(n_threads >= 1 && n_threads <= MAX_THREADS);
    for (unsigned i = 1; i < n_processes; i++) {
        pid_t child = fork();
        EXPECT(child >= 0);
        if (child == 0) {
            run_threads(n_threads);
            return 0;
        }
    }
    run_threads(n_threads);
    for (unsigned i = 1; i < n_processes; i++) {
        int status;
        EXPECT(wait(&status) > 0 && status == 0);
    }
    return 0;
}
