/* Fragments its heap: allocates many blocks, frees all but one in 32, and says itself which pages these hold. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { N_BLOCKS = 16000, KEEP_ONE_IN = 32, PAGE = 4096, N_PAGES = 1 << 14 };

static char *blocks[N_BLOCKS];
static unsigned live_on_page[N_PAGES];

static size_t size_of(int k) { return 41 + (size_t)k * 37 % 1000; }

static char *allocate(int k) { return malloc(size_of(k)); }

int main(void)
{
    for (int k = 0; k < N_BLOCKS; k++)
        blocks[k] = allocate(k);
    for (int k = 0; k < N_BLOCKS; k++)
        if (k % KEEP_ONE_IN != 0)
            free(blocks[k]);

    const uintptr_t base = (uintptr_t)blocks[0] / PAGE * PAGE; /* the heap grows upwards from the first */
    unsigned long long live = 0;
    for (int k = 0; k < N_BLOCKS; k += KEEP_ONE_IN) {
        live += size_of(k);
        for (size_t i = 0; i < size_of(k); i++)
            live_on_page[((uintptr_t)blocks[k] + i - base) / PAGE]++;
    }
    unsigned held = 0, mostly_empty = 0, empty_bytes = 0;
    for (int page = 0; page < N_PAGES; page++) {
        held += live_on_page[page] > 0;
        if (live_on_page[page] > 0 && live_on_page[page] <= PAGE / 4) {
            mostly_empty++;
            empty_bytes += PAGE - live_on_page[page];
        }
    }
    char line[128]; /* written without stdio, which allocates */
    int length = snprintf(line, sizeof line, "%llu %u %u %u\n", live, held, mostly_empty, empty_bytes);
    return write(STDOUT_FILENO, line, (size_t)length) == length ? 0 : 1;
}
