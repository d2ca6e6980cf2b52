/* deep FRAMES [TIMES]: allocates at the bottom of FRAMES nested calls, TIMES times; the last block stays in use. */
#include "tally.h"

static struct tally tally;

/* The result is kept in memory after the call, so that no compiler makes a loop of it: every level has a frame. */
static __attribute__((noinline)) uint64_t descend(uint64_t frames, void **block)
{
    if (frames == 0) {
        *block = tally_malloc(&tally, 151);
        return 0;
    }
    volatile uint64_t below = descend(frames - 1, block);
    return below + 1;
}

int main(int argc, char **argv)
{
    uint64_t frames = argc > 1 ? strtoull(argv[1], NULL, 10) : 10;
    uint64_t times = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    void *block = NULL;
    for (uint64_t i = 0; i < times; i++) {
        if (block)
            tally_release(&tally, block, 151);
        EXPECT(descend(frames, &block) == frames);
    }
    tally_print("deep", &tally);
    return 0;
}
