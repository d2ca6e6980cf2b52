"""A span of time in equal bins: the columns of every picture that has a time axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TimeBins:
    """Bins of a whole number of ns, without gaps; the last one may reach beyond the end.

    Attributes:
        start_ns: First moment of the first bin, ns since start.
        end_ns: Last moment that matters; it lies in the last bin.
        width_ns: Of each bin, at least 1.
        n: How many there are, at least 1.
    """

    start_ns: int
    end_ns: int
    width_ns: int
    n: int

    @classmethod
    def cover(cls, start_ns: int, end_ns: int, n_max: int) -> TimeBins:
        """Covers [start, end] with at most n_max bins, as narrow as can be."""
        end_ns = max(start_ns, end_ns)
        span = end_ns - start_ns + 1
        width = -(-span // n_max)
        return cls(start_ns, end_ns, width, -(-span // width))

    @property
    def edges(self) -> NDArray[np.uint64]:
        """uint64[n + 1]: where each bin starts, and where the last one ends, ns since start."""
        bins = np.arange(self.n + 1, dtype=np.uint64)
        edges: NDArray[np.uint64] = bins * np.uint64(self.width_ns) + np.uint64(self.start_ns)
        return edges

    @property
    def last_share(self) -> float:
        """How much of the last bin lies before the end: (0, 1]."""
        return (self.end_ns + 1 - self.start_ns - (self.n - 1) * self.width_ns) / self.width_ns

    def find(self, times: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Returns the bin of each time: int64[n_times]. What lies outside goes to the first or the last one."""
        inside = np.clip(times, np.uint64(self.start_ns), np.uint64(self.end_ns)) - np.uint64(self.start_ns)
        bins: NDArray[np.int64] = (inside // np.uint64(self.width_ns)).astype(np.int64)
        return bins
