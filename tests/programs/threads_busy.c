/* threads_busy THREADS PAIRS: all threads allocate and free at once. Prints its peak resident memory in KiB. */
#include <pthread.h>
#include <string.h>

#include "tally.h"

static pthread_barrier_t together;
static unsigned n_pairs;

static void *work(void *argument)
{
    pthread_barrier_wait(&together);
    for (unsigned i = 0; i < n_pairs; i++)
        free(malloc(163));
    pthread_barrier_wait(&together);
    return argument;
}

static void print_peak(void)
{
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    EXPECT(status);
    while (fgets(line, sizeof line, status))
        if (strncmp(line, "VmHWM:", 6) == 0)
            printf("%ld\n", atol(line + 6));
    fclose(status);
}

int main(int argc, char **argv)
{
    static pthread_t threads[4096];
    unsigned n_threads = argc > 1 ? (unsigned)atoi(argv[1]) : 200;
    n_pairs = argc > 2 ? (unsigned)atoi(argv[2]) : 10000;
    EXPECT(n_threads > 0 && n_threads <= 4096);
    pthread_barrier_init(&together, NULL, n_threads);
    for (unsigned i = 0; i < n_threads; i++)
        EXPECT(pthread_create(&threads[i], NULL, work, NULL) == 0);
    for (unsigned i = 0; i < n_threads; i++)
        EXPECT(pthread_join(threads[i], NULL) == 0);
    print_peak();
    return 0;
}
