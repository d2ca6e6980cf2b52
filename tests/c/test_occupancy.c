/* The grid of live bytes: however rows are joined, no byte's time is lost; and any values are taken. */
#include "libtrace/replay/occupancy.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { N_BLOCKS = 5000, N_COLUMNS = 20 };

static const uint64_t START = 1000, WIDTH = UINT64_C(1) << 20; /* a tick is a nanosecond */
static uint64_t addresses[N_BLOCKS], sizes[N_BLOCKS], starts[N_BLOCKS], ends[N_BLOCKS];

static uint64_t draw(uint64_t below)
{
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (state >> 20) % below;
}

static void make_blocks(uint64_t span)
{
    for (int k = 0; k < N_BLOCKS; k++) {
        addresses[k] = (draw(3) << 40) + draw(span);
        sizes[k] = draw(8) == 0 ? draw(span) : draw(200);
        starts[k] = START + draw(N_COLUMNS * WIDTH);
        ends[k] = draw(5) == 0 ? UINT64_MAX : starts[k] + 1 + draw(draw(2) ? 100 : N_COLUMNS * WIDTH);
    }
}

/* Bytes times ticks of all blocks in a column. */
static uint64_t sum_blocks(uint64_t column)
{
    uint64_t from = START + column * WIDTH, to = from + WIDTH, sum = 0;
    for (int k = 0; k < N_BLOCKS; k++) {
        uint64_t first = starts[k] > from ? starts[k] : from, end = ends[k] < to ? ends[k] : to;
        sum += first < end ? sizes[k] * (end - first) : 0;
    }
    return sum;
}

static void check_sums(uint64_t span, uint32_t max_rows)
{
    make_blocks(span);
    struct vz_occupancy *grid = vz_occupancy_new(START, START + N_COLUMNS * WIDTH - 1, WIDTH, N_COLUMNS, max_rows);
    CHECK(grid != NULL);
    vz_occupancy_add(grid, N_BLOCKS / 2, addresses, sizes, starts, ends);
    vz_occupancy_add(grid, N_BLOCKS - N_BLOCKS / 2, addresses + N_BLOCKS / 2, sizes + N_BLOCKS / 2,
                     starts + N_BLOCKS / 2, ends + N_BLOCKS / 2);
    uint32_t n_rows = vz_occupancy_rows(grid);
    CHECK(n_rows <= max_rows);
    uint64_t *granules = calloc(n_rows, sizeof *granules);
    uint64_t *cells = calloc((size_t)n_rows * N_COLUMNS, sizeof *cells);
    CHECK(granules != NULL && cells != NULL);
    vz_occupancy_read(grid, granules, cells);
    for (uint32_t column = 0; column < N_COLUMNS; column++) {
        uint64_t sum = 0;
        for (uint32_t row = 0; row < n_rows; row++)
            sum += cells[row * N_COLUMNS + column];
        CHECK(sum == sum_blocks(column));
    }
    free(granules);
    free(cells);
    vz_occupancy_free(grid);
}

/* Values that no program makes: the sanitizers say whether they are taken well. */
static void check_any_values(void)
{
    for (int k = 0; k < N_BLOCKS; k++) {
        addresses[k] = UINT64_MAX - draw(1 << (k % 20));
        sizes[k] = UINT64_MAX >> draw(64);
        starts[k] = draw(3) ? draw(5 * WIDTH) : UINT64_MAX - draw(5);
        ends[k] = draw(3) ? draw(5 * WIDTH) : 0;
    }
    struct vz_occupancy *grid = vz_occupancy_new(START, START, 1, 1, 2);
    CHECK(grid != NULL);
    vz_occupancy_add(grid, N_BLOCKS, addresses, sizes, starts, ends);
    CHECK(vz_occupancy_rows(grid) <= 2);
    vz_occupancy_free(grid);
}

int main(void)
{
    check_sums(100000, 1024);
    check_sums(100000000, 64);
    check_sums(100000000, 4096);
    check_any_values();
    return 0;
}
