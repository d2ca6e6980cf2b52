"""Where in the address space bytes were live, and when, in plain numpy: the twin of libtrace/replay/occupancy.c."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TICKS = 1 << 20
"""Parts of a column's time, to which starts and ends are rounded down."""

_FIRST_SHIFT = 6


@dataclass(frozen=True, slots=True)
class OccupancyCells:
    """What a grid holds.

    Attributes:
        shift: A granule is 2^shift bytes.
        granules: uint64[n_rows], address >> shift, increasing: those in which a byte was ever live.
        cells: int64[n_rows, n_columns], bytes times ticks: TICKS of them are one byte live all the column's time.
    """

    shift: int
    granules: NDArray[np.uint64]
    cells: NDArray[np.int64]


class ReferenceOccupancy:
    """A grid; kernels.Occupancy is its contract."""

    def __init__(self, *, start_ns: int, end_ns: int, width_ns: int, n_columns: int, max_rows: int) -> None:
        """See kernels.Kernels.make_occupancy."""
        self._start, self._end, self._width = start_ns, end_ns, width_ns
        self._max_rows = max_rows
        self._shift = _FIRST_SHIFT
        self._granules = np.zeros(0, dtype=np.uint64)
        # By how much a cell differs from the one before, modulo 2^64. One column more for what ends with the last one.
        self._steps = np.zeros((0, n_columns + 2), dtype=np.uint64)

    def add(
        self,
        addresses: NDArray[np.uint64],
        sizes: NDArray[np.uint64],
        start_times: NDArray[np.uint64],
        end_times: NDArray[np.uint64],
    ) -> None:
        """See kernels.Occupancy."""
        some = sizes > 0
        addresses, sizes = addresses[some], sizes[some]
        lasts = addresses + np.minimum(sizes - np.uint64(1), ~addresses)
        starts, ends = self._find_ticks(start_times[some]), self._find_ticks(end_times[some])
        ends = np.maximum(ends, starts + np.uint64(1))
        blocks, granules = self._span(addresses, lasts)
        rows = np.searchsorted(self._granules, granules)
        froms = granules << np.uint64(self._shift)
        tos = froms + np.uint64((1 << self._shift) - 1)
        n_bytes = np.minimum(tos, lasts[blocks]) - np.maximum(froms, addresses[blocks]) + np.uint64(1)
        self._step(rows, starts[blocks], n_bytes)
        self._step(rows, ends[blocks], np.uint64(0) - n_bytes)

    def read(self) -> OccupancyCells:
        """See kernels.Occupancy."""
        cells = np.cumsum(self._steps, axis=1, dtype=np.uint64)[:, :-2]
        return OccupancyCells(self._shift, self._granules.copy(), cells.view(np.int64))

    def _find_ticks(self, times: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Returns moments in ticks since the start: the column times TICKS, plus the part of it that has passed."""
        since = np.clip(times, np.uint64(self._start), np.uint64(self._end)) - np.uint64(self._start)
        since += (times > np.uint64(self._end)).astype(np.uint64)
        columns, rest = np.divmod(since, np.uint64(self._width))
        ticks: NDArray[np.uint64] = columns * np.uint64(TICKS) + (rest * (TICKS / self._width)).astype(np.uint64)
        return ticks

    def _span(
        self, addresses: NDArray[np.uint64], lasts: NDArray[np.uint64]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """Returns each granule with bytes of a block, and which block; makes sure that all have rows."""
        while True:
            firsts = addresses >> np.uint64(self._shift)
            counts = ((lasts >> np.uint64(self._shift)) - firsts).astype(np.int64) + 1
            if len(counts) == 0 or counts.max() <= self._max_rows:
                blocks = np.repeat(np.arange(len(counts)), counts)
                within = np.arange(len(blocks)) - np.repeat(np.cumsum(counts) - counts, counts)
                granules = firsts[blocks] + within.astype(np.uint64)
                new = np.setdiff1d(granules, self._granules)
                if len(self._granules) + len(new) <= self._max_rows:
                    if len(new):
                        known = np.union1d(self._granules, new)
                        self._join(known, np.searchsorted(known, self._granules))
                    return blocks, granules
            self._shift += 1
            known, rows = np.unique(self._granules >> np.uint64(1), return_inverse=True)
            self._join(known, rows)

    def _join(self, granules: NDArray[np.uint64], rows: NDArray[np.int64]) -> None:
        """Takes these granules for rows; old rows go to the given ones."""
        steps = np.zeros((len(granules), self._steps.shape[1]), dtype=np.uint64)
        np.add.at(steps, rows, self._steps)
        self._granules, self._steps = granules, steps

    def _step(self, rows: NDArray[np.int64], ticks: NDArray[np.uint64], n_bytes: NDArray[np.uint64]) -> None:
        """From these moments on, rows have so many bytes more (modulo 2^64: or less)."""
        columns, parts = (ticks // np.uint64(TICKS)).astype(np.int64), ticks % np.uint64(TICKS)
        cells = rows * self._steps.shape[1] + columns
        steps = self._steps.reshape(-1)
        np.add.at(steps, cells, n_bytes * (np.uint64(TICKS) - parts))
        np.add.at(steps, cells + 1, n_bytes * parts)
