"""Bins for what spreads over many powers of two: 0, 1, 2, 3, then each power of two in four equal parts.

A bin is at most a quarter as wide as its values are large, and edges are round: 4 5 6 7 8 10 12 14 16 20 24 28 32 ...
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PARTS = 4
"""Bins for each power of two, from 4 on. Bins of one power of two are neighbours: bin // PARTS tells which."""

N_LOG_BINS = PARTS * 63
"""Enough for every uint64."""


def find_log_bins(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Returns the bin of each value: int64[n] in [0, N_LOG_BINS).

    Exponent and upper bits of the mantissa of a float64 are the bin number but for a constant: 4 ns for each value.
    """
    # A value's fourth bit from the top is cleared, so that rounding to 53 bits carries into no other bin.
    floats = (values & ~(values >> np.uint64(3))).astype(np.float64)
    bins: NDArray[np.int64] = (floats.view(np.int64) >> 50) - (1023 * PARTS + PARTS)
    small = values < PARTS
    bins[small] = values[small].astype(np.int64)
    return bins


def find_log_edges(n_bins: int = N_LOG_BINS) -> NDArray[np.uint64]:
    """Returns the least value of each bin: uint64[n_bins]."""
    bins = np.arange(n_bins, dtype=np.uint64)
    exponents = np.maximum(bins // np.uint64(PARTS), np.uint64(1)) - np.uint64(1)
    edges: NDArray[np.uint64] = (bins % np.uint64(PARTS) + np.uint64(PARTS)) << exponents
    edges[:PARTS] = bins[:PARTS]
    return edges
