/* busy SECONDS THREADS: threads that do nothing but allocate and free blocks of mixed sizes, until the time is over.
 * Prints how often they did.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define N_LIVE 256
#define MAX_THREADS 256

static atomic_bool is_over;

static void *churn(void *argument)
{
    void *live[N_LIVE] = {0};
    uint32_t random = (uint32_t)(uintptr_t)argument;
    uintptr_t n = 0;
    for (; !atomic_load_explicit(&is_over, memory_order_relaxed); n++) {
        random = random * 1664525u + 1013904223u;
        void **slot = &live[(random >> 8) % N_LIVE];
        free(*slot);
        *slot = malloc(16 + (random >> 23));
    }
    for (int i = 0; i < N_LIVE; i++)
        free(live[i]);
    return (void *)n;
}

int main(int argc, char **argv)
{
    pthread_t threads[MAX_THREADS];
    uintptr_t sum = 0;
    unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    int n_threads = argc > 2 ? atoi(argv[2]) : 2;
    if (n_threads < 1 || n_threads > MAX_THREADS)
        return 2;
    for (int i = 0; i < n_threads; i++)
        if (pthread_create(&threads[i], NULL, churn, (void *)(uintptr_t)(i + 1)) != 0)
            return 1;
    sleep(seconds);
    atomic_store(&is_over, 1);
    for (int i = 0; i < n_threads; i++) {
        void *n;
        pthread_join(threads[i], &n);
        sum += (uintptr_t)n;
    }
    printf("%ju iterations\n", (uintmax_t)sum);
    return 0;
}
