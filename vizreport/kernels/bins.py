"""The timeline of a replay, filled stretch by stretch of events, in numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vizreport.kernels.held import Rows
from vizreport.model.replay import Timeline


class Bins:
    """What Timeline is made of, so far. Row 0 of what is live are bytes, row 1 are blocks."""

    def __init__(self, edges: NDArray[np.uint64]) -> None:
        """Begins in the first bin with nothing live."""
        n = len(edges) - 1
        self._edges = edges
        self._at = 0
        self._now = np.zeros((2, 1), np.uint64)
        self._low, self._high, self._last = (np.zeros((2, n), np.uint64) for _ in range(3))
        self._counts = np.zeros((3, n), np.uint64)

    def add(
        self,
        times: NDArray[np.uint64],
        live: NDArray[np.uint64],
        starts: Rows,
        sizes: NDArray[np.uint64],
        frees: NDArray[np.bool_],
    ) -> None:
        """Adds some events.

        Args:
            times: uint64[n], ns.
            live: uint64[2, n], after each event.
            starts: Rows of those that allocate.
            sizes: uint64[n_starts].
            frees: bool[n], they free.
        """
        bins = np.searchsorted(self._edges[1:-1], times, side="right")
        bins = np.maximum.accumulate(np.maximum(bins, self._at))  # times that go back stay where they are
        ends = np.flatnonzero(np.append(bins[1:] != bins[:-1], True))
        self._enter(bins[ends], live[:, ends], int(bins[-1]))
        for row in (0, 1):
            np.minimum.at(self._low[row], bins, live[row])
            np.maximum.at(self._high[row], bins, live[row])
        self._last[:, bins[ends]] = live[:, ends]
        np.add.at(self._counts[0], bins[starts], np.uint64(1))
        np.add.at(self._counts[1], bins[frees], np.uint64(1))
        np.add.at(self._counts[2], bins[starts], sizes)
        self._now = live[:, -1:]

    def _enter(self, visited: Rows, lasts: NDArray[np.uint64], until: int) -> None:
        """Begins the bins up to one with what the bin with events before them leaves live."""
        entered = np.arange(self._at + 1, until + 1)
        carried = np.concatenate([self._now, lasts], axis=1)[:, np.searchsorted(visited, entered, side="left")]
        for column in (self._low, self._high, self._last):
            column[:, entered] = carried
        self._at = until

    @property
    def n_bytes(self) -> int:
        """Memory of the bins."""
        return sum(each.nbytes for each in (self._low, self._high, self._last, self._counts))

    def take_timeline(self) -> Timeline:
        """Returns a copy of the timeline as it is if nothing more happens."""
        begun, n = self._at, len(self._edges) - 1
        self._enter(np.zeros(0, np.int64), self._now[:, :0], n - 1)
        self._at = begun  # the bins after it are entered again when something happens in them
        low, high, last = self._low.copy(), self._high.copy(), self._last.copy()
        return Timeline(self._edges, low[0], high[0], last[0], low[1], high[1], last[1], *self._counts.copy())
