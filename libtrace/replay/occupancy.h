/* Where in the address space bytes were live, and when: a grid of rows of addresses by columns of time.
 *
 * A cell holds the bytes live in its row, summed over its column's time. Rows are granules: equal, aligned, a power of
 * two of bytes. They start at 64 bytes and double whenever more than max_rows of them were ever used, so memory is
 * bounded by the grid; which size they end with depends on the blocks, not on their order. A block costs a constant for
 * each row that it spans: what its start and its end change is noted, and added up along time when the grid is read.
 *
 * Called by vizreport through ctypes. A grid belongs to one thread at a time; several are independent.
 * kernels/occupancy.py does the same in numpy, and tests compare the two.
 */
#ifndef VZ_OCCUPANCY_H
#define VZ_OCCUPANCY_H

#include <stdint.h>

struct vz_occupancy;

/* Begin with nothing live. n_columns of width_ns, at least 1, cover [start, end]; max_rows is at least 2. NULL: no
 * memory. */
struct vz_occupancy *vz_occupancy_new(uint64_t start_ns, uint64_t end_ns, uint64_t width_ns, uint32_t n_columns,
                                      uint32_t max_rows);
void vz_occupancy_free(struct vz_occupancy *grid);

/* Add n blocks, any there are. A block is live from its start to its end, at least 2^-20 of a column, and at most to
 * the last column's end. */
void vz_occupancy_add(struct vz_occupancy *grid, uint64_t n, const uint64_t *addresses, const uint64_t *sizes,
                      const uint64_t *start_times, const uint64_t *end_times);

/* How many rows were used, and the logarithm of the bytes of each. */
uint32_t vz_occupancy_rows(const struct vz_occupancy *grid);
uint32_t vz_occupancy_shift(const struct vz_occupancy *grid);

/* Copy each row's number, address >> shift, in any order; and its cells, [rows][n_columns], in bytes times 2^-20 of a
 * column. */
void vz_occupancy_read(const struct vz_occupancy *grid, uint64_t *granules, uint64_t *cells);

#endif
