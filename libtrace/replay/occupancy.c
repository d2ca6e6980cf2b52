/* The grid behind the heatmap. The cells of a column lie together: most blocks end soon after they started, so most of
 * what is written lies near to what was written last. */
#include "occupancy.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "ids.h"

#define FIRST_SHIFT 6u
#define TICKS (UINT64_C(1) << 20) /* of a column */

struct vz_occupancy {
    uint64_t start, end; /* ns, both included */
    uint64_t width;      /* ns of a column */
    double columns_per_ns, ticks_per_ns;
    uint32_t n_columns, max_rows, n_rows, shift;
    uint32_t slot_shift; /* 64 minus the slots' logarithm; they are at most half full */
    uint32_t *slots;     /* row plus 1 of a granule; 0: empty */
    uint32_t *spanned;   /* rows of the block at hand: [max_rows] */
    uint64_t *granules;  /* of each row: [max_rows] */
    uint64_t *steps;     /* by how much each cell differs from the one before, modulo 2^64: [n_columns + 2][max_rows] */
};

/* A moment as a column and a fraction of it. */
struct moment {
    uint64_t column, ticks;
};

static uint64_t slot_mask(const struct vz_occupancy *grid) { return UINT64_MAX >> grid->slot_shift; }

VZ_EXPORT struct vz_occupancy *vz_occupancy_new(uint64_t start_ns, uint64_t end_ns, uint64_t width_ns,
                                                uint32_t n_columns, uint32_t max_rows)
{
    struct vz_occupancy *grid = calloc(1, sizeof *grid);
    if (grid == NULL)
        return NULL;
    *grid = (struct vz_occupancy){
        .start = start_ns,
        .end = end_ns,
        .width = width_ns,
        .columns_per_ns = 1.0 / (double)width_ns,
        .ticks_per_ns = (double)TICKS / (double)width_ns,
        .n_columns = n_columns,
        .max_rows = max_rows,
        .shift = FIRST_SHIFT,
        .slot_shift = 62,
    };
    while (slot_mask(grid) / 2 < max_rows)
        grid->slot_shift--;
    grid->slots = calloc(slot_mask(grid) + 1, sizeof *grid->slots);
    grid->spanned = calloc(max_rows, sizeof *grid->spanned);
    grid->granules = calloc(max_rows, sizeof *grid->granules);
    grid->steps = calloc((size_t)n_columns + 2, max_rows * sizeof *grid->steps);
    if (grid->slots == NULL || grid->spanned == NULL || grid->granules == NULL || grid->steps == NULL) {
        vz_occupancy_free(grid);
        return NULL;
    }
    return grid;
}

VZ_EXPORT void vz_occupancy_free(struct vz_occupancy *grid)
{
    if (grid == NULL)
        return;
    free(grid->slots);
    free(grid->spanned);
    free(grid->granules);
    free(grid->steps);
    free(grid);
}

/* The slot that holds the granule, or the empty one where it belongs. */
static uint32_t *find_slot(const struct vz_occupancy *grid, uint64_t granule)
{
    for (uint64_t at = vz_hash(granule, grid->slot_shift);; at = (at + 1) & slot_mask(grid)) {
        uint32_t *slot = &grid->slots[at];
        if (*slot == 0 || grid->granules[*slot - 1] == granule)
            return slot;
    }
}

/* The granule's row, a new one where it has none; false: there is no room. */
static bool find_row(struct vz_occupancy *grid, uint64_t granule, uint32_t *row)
{
    uint32_t *slot = find_slot(grid, granule);
    if (*slot == 0) {
        if (grid->n_rows == grid->max_rows)
            return false;
        grid->granules[grid->n_rows++] = granule;
        *slot = grid->n_rows;
    }
    *row = *slot - 1;
    return true;
}

/* Doubles the granules and joins the rows that become one. */
static void coarsen(struct vz_occupancy *grid)
{
    uint32_t n_old = grid->n_rows;
    memset(grid->slots, 0, (slot_mask(grid) + 1) * sizeof *grid->slots);
    grid->shift++;
    grid->n_rows = 0;
    for (uint32_t old = 0; old < n_old; old++)
        (void)find_row(grid, grid->granules[old] >> 1, &grid->spanned[old]); /* never more rows than before */
    for (uint32_t column = 0; column < grid->n_columns + 2; column++) {
        uint64_t *steps = grid->steps + (size_t)column * grid->max_rows;
        for (uint32_t old = 0; old < n_old; old++) {
            uint64_t step = steps[old]; /* a joined row never comes after the old ones */
            steps[old] = 0;
            steps[grid->spanned[old]] += step;
        }
    }
}

/* Fills `spanned` with the rows of all granules that hold bytes of [address, last]; returns how many they are. */
static uint32_t span_rows(struct vz_occupancy *grid, uint64_t address, uint64_t last)
{
    for (;; coarsen(grid)) {
        uint64_t first = address >> grid->shift, n = (last >> grid->shift) - first + 1;
        uint32_t k = 0;
        if (n > grid->max_rows)
            continue;
        while (k < n && find_row(grid, first + k, &grid->spanned[k]))
            k++;
        if (k == n)
            return k;
    }
}

static struct moment find_moment(const struct vz_occupancy *grid, uint64_t time)
{
    uint64_t since = time <= grid->start ? 0 : time - grid->start;
    if (time > grid->end)
        since = grid->end + 1 - grid->start;
    uint64_t column = (uint64_t)((double)since * grid->columns_per_ns); /* may be off by one: a division is slower */
    if (column * grid->width > since)
        column--;
    else if (since - column * grid->width >= grid->width)
        column++;
    return (struct moment){column, (uint64_t)((double)(since - column * grid->width) * grid->ticks_per_ns)};
}

/* From `at` on, the row has so many bytes more (modulo 2^64: or less). */
static void step(struct vz_occupancy *grid, uint32_t row, struct moment at, uint64_t bytes)
{
    uint64_t *steps = grid->steps + at.column * grid->max_rows + row;
    steps[0] += bytes * (TICKS - at.ticks);
    steps[grid->max_rows] += bytes * at.ticks;
}

VZ_EXPORT void vz_occupancy_add(struct vz_occupancy *grid, uint64_t n, const uint64_t *addresses, const uint64_t *sizes,
                                const uint64_t *start_times, const uint64_t *end_times)
{
    for (uint64_t k = 0; k < n; k++) {
        if (sizes[k] == 0)
            continue;
        uint64_t address = addresses[k];
        uint64_t last = sizes[k] - 1 <= UINT64_MAX - address ? address + (sizes[k] - 1) : UINT64_MAX;
        struct moment start = find_moment(grid, start_times[k]), end = find_moment(grid, end_times[k]);
        if (end.column < start.column || (end.column == start.column && end.ticks <= start.ticks))
            end = (struct moment){start.column, start.ticks + 1};
        uint32_t n_rows = span_rows(grid, address, last);
        for (uint32_t i = 0; i < n_rows; i++) {
            uint64_t from = grid->granules[grid->spanned[i]] << grid->shift;
            uint64_t to = from + ((UINT64_C(1) << grid->shift) - 1);
            uint64_t bytes = (to < last ? to : last) - (from > address ? from : address) + 1;
            step(grid, grid->spanned[i], start, bytes);
            step(grid, grid->spanned[i], end, 0 - bytes);
        }
    }
}

VZ_EXPORT uint32_t vz_occupancy_rows(const struct vz_occupancy *grid) { return grid->n_rows; }

VZ_EXPORT uint32_t vz_occupancy_shift(const struct vz_occupancy *grid) { return grid->shift; }

VZ_EXPORT void vz_occupancy_read(const struct vz_occupancy *grid, uint64_t *granules, uint64_t *cells)
{
    for (uint32_t row = 0; row < grid->n_rows; row++) {
        uint64_t live = 0;
        granules[row] = grid->granules[row];
        for (uint32_t column = 0; column < grid->n_columns; column++) {
            live += grid->steps[(size_t)column * grid->max_rows + row];
            cells[(size_t)row * grid->n_columns + column] = live;
        }
    }
}
