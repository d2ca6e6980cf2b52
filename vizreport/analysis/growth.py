"""Whether memory keeps growing, and where: slopes that neither a burst nor the start of the program decides.

The slope is Theil and Sen's: the median of the slopes between all pairs of moments. The trend is Kendall's tau of bytes
against time: how many more pairs rise than fall, of all pairs; 1 where every later moment has more.
Sources: P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63 (1968).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NS_PER_MINUTE = 60_000_000_000
WARM_UP = 0.25
"""The share of the time, from the start, that is not looked at."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How series of live bytes grew.

    Attributes:
        bytes_per_minute: float64[n_series], robust slope; negative where it shrank.
        trends: float64[n_series], in [-1, 1].
    """

    bytes_per_minute: NDArray[np.float64]
    trends: NDArray[np.float64]


def measure_growth(live_bytes: NDArray[np.uint64], *, bin_ns: int, warm_up: float = WARM_UP) -> Growth:
    """Measures how fast live bytes grow, once a program has warmed up.

    Args:
        live_bytes: uint64[n_series, n_bins], at the end of equal bins.
        bin_ns: How wide a bin is.
        warm_up: Share of the bins, from the first, that is left out.
    """
    values = live_bytes[:, int(live_bytes.shape[1] * warm_up) :].astype(np.float64)
    first, second = np.triu_indices(values.shape[1], k=1)
    if len(first) == 0:
        return Growth(np.zeros(len(values)), np.zeros(len(values)))
    slopes, trends = np.zeros(len(values)), np.zeros(len(values))
    apart = (second - first).astype(np.float64)
    for start in range(0, len(values), 256):  # a few MiB at a time
        part = slice(start, start + 256)
        rises = values[part][:, second] - values[part][:, first]
        slopes[part] = np.median(rises / apart, axis=1)
        trends[part] = np.sign(rises).mean(axis=1)
    return Growth(slopes * (NS_PER_MINUTE / bin_ns), trends)
