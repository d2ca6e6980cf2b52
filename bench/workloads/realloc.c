/* realloc ROUNDS: 64 buffers grow by half, as vectors and string builders do, and start again when they reach 64 KiB. */
#include <stdint.h>
#include <stdlib.h>

#define N_BUFFERS 64
#define LARGEST 65536

int main(int argc, char **argv)
{
    static char *buffers[N_BUFFERS];
    static size_t sizes[N_BUFFERS];
    long rounds = argc > 1 ? atol(argv[1]) : 1000000;
    uint32_t random = 1;
    for (long i = 0; i < rounds; i++) {
        random = random * 1664525u + 1013904223u;
        uint32_t at = (random >> 8) % N_BUFFERS;
        if (sizes[at] > LARGEST) {
            free(buffers[at]);
            buffers[at] = NULL;
            sizes[at] = 0;
        }
        size_t size = sizes[at] + sizes[at] / 2 + 24;
        char *grown = realloc(buffers[at], size);
        if (!grown)
            return 1;
        grown[size - 1] = 1;
        buffers[at] = grown;
        sizes[at] = size;
    }
    for (int i = 0; i < N_BUFFERS; i++)
        free(buffers[i]);
    return 0;
}
