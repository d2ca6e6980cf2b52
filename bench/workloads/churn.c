/* churn ROUNDS: one thread allocates and frees blocks of mixed sizes, with 1,000 of them alive at a time. */
#include <stdint.h>
#include <stdlib.h>

#define N_LIVE 1000

int main(int argc, char **argv)
{
    static void *live[N_LIVE];
    long rounds = argc > 1 ? atol(argv[1]) : 1000000;
    uint32_t random = 1;
    for (long i = 0; i < rounds; i++) {
        random = random * 1664525u + 1013904223u;
        void **slot = &live[(random >> 8) % N_LIVE];
        free(*slot);
        *slot = malloc(16 + (random >> 22));
    }
    for (int i = 0; i < N_LIVE; i++)
        free(live[i]);
    return 0;
}
