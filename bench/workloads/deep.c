/* deep ROUNDS: a recursive walk, 20 to 100 frames deep, that allocates on its way down and frees on its way up.
 *
 * As in a compiler or an interpreter, consecutive stacks share most of their frames, and paths recur: 1,024 of them.
 */
#include <stdint.h>
#include <stdlib.h>

static uint32_t random_state = 1;

static uint32_t next_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static uint64_t left(uint32_t path, int depth);
static uint64_t right(uint32_t path, int depth);

static uint64_t descend(uint32_t path, int depth)
{
    if (depth == 0)
        return path;
    return (path >> (depth % 10)) & 1 ? left(path, depth - 1) : right(path, depth - 1);
}

static __attribute__((noinline)) uint64_t left(uint32_t path, int depth)
{
    uint64_t *block = malloc(sizeof *block * (1 + path % 16));
    if (!block)
        abort();
    *block = descend(path, depth) + 1;
    uint64_t sum = *block;
    free(block);
    return sum;
}

static __attribute__((noinline)) uint64_t right(uint32_t path, int depth)
{
    uint64_t sum = descend(path, depth) + 2;
    if (depth % 4 == 0)
        free(malloc(16 + path % 64));
    return sum;
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atol(argv[1]) : 10000;
    uint64_t sum = 0;
    for (long i = 0; i < rounds; i++) {
        uint32_t path = next_random() % 1024;
        sum += left(path, 20 + (int)(path * 80 / 1024));
    }
    return sum == 0;
}
