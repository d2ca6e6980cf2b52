/* threads ROUNDS [THREADS]: each thread allocates and frees; one block in eight is handed over to whoever takes it next. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#define N_LIVE 256
#define N_SHARED 64
#define MAX_THREADS 256

static _Atomic(void *) shared[N_SHARED];
static long rounds;

static void *churn(void *argument)
{
    void *live[N_LIVE] = {0};
    uint32_t random = (uint32_t)(uintptr_t)argument;
    for (long i = 0; i < rounds; i++) {
        random = random * 1664525u + 1013904223u;
        uint32_t at = random >> 8;
        void *block = malloc(16 + (random >> 23));
        if (at % 8 == 0) {
            free(atomic_exchange(&shared[(at >> 3) % N_SHARED], block));
        } else {
            free(live[at % N_LIVE]);
            live[at % N_LIVE] = block;
        }
    }
    for (int i = 0; i < N_LIVE; i++)
        free(live[i]);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[MAX_THREADS];
    int n_threads = argc > 2 ? atoi(argv[2]) : 4;
    rounds = argc > 1 ? atol(argv[1]) : 1000000;
    if (n_threads < 1 || n_threads > MAX_THREADS)
        return 2;
    for (int i = 0; i < n_threads; i++)
        if (pthread_create(&threads[i], NULL, churn, (void *)(uintptr_t)(i + 1)) != 0)
            return 1;
    for (int i = 0; i < n_threads; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < N_SHARED; i++)
        free(atomic_load(&shared[i]));
    return 0;
}
