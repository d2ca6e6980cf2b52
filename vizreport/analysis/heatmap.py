"""How full each part of the address space was, over all of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.regions import Regions, find_regions
from vizreport.analysis.time_bins import TimeBins
from vizreport.kernels import get_kernels
from vizreport.kernels.occupancy import TICKS, OccupancyCells
from vizreport.model.block_batch import NEVER, BlockBatch

N_COLUMNS = 1000
N_ROWS = 1000
_OCTAVES = 8


@dataclass(frozen=True, slots=True)
class Heatmap:
    """Mean live bytes by address and time, inherited blocks included.

    Rows are equal and aligned; those of a region follow each other, and the next region's follow without a break: row r
    starts at the address that folds to r * row_bytes.

    Attributes:
        bins: Time of the columns.
        regions: What the rows cover: where at least one byte was live at some time.
        row_bytes: Of each row, a power of two.
        mean_bytes: float32[n_rows, n_columns], bytes live in the row, averaged over the column's time.
        touched: bool[n_rows, n_columns], some byte was live, for however short a time.
    """

    bins: TimeBins
    regions: Regions
    row_bytes: int
    mean_bytes: NDArray[np.float32]
    touched: NDArray[np.bool_]

    @property
    def row_addresses(self) -> NDArray[np.uint64]:
        """uint64[n_rows], where each row starts."""
        folded = np.arange(len(self.mean_bytes), dtype=np.uint64) * np.uint64(self.row_bytes)
        regions = np.searchsorted(self.regions.offsets, folded, side="right") - 1
        addresses: NDArray[np.uint64] = self.regions.starts[regions] + (folded - self.regions.offsets[regions])
        return addresses

    @property
    def levels(self) -> NDArray[np.uint8]:
        """uint8[n_rows, n_columns], for drawing: 0 nothing was live, 255 the row was full all the time.

        In between by the logarithm: 255 + 254/8 * log2(mean_bytes / row_bytes), and at least 1.
        """
        with np.errstate(divide="ignore"):
            octaves = np.log2(self.mean_bytes / np.float32(self.row_bytes))
        levels = np.clip(np.rint(255 + 254 / _OCTAVES * octaves), 1, 255)
        return np.where(self.touched, levels, 0).astype(np.uint8)


class HeatmapAccumulator:
    """Adds up batches of blocks; memory is bounded by rows times columns."""

    def __init__(self, start_ns: int, end_ns: int, *, n_rows: int = N_ROWS, n_columns: int = N_COLUMNS) -> None:
        """Starts with nothing live; the columns cover [start, end]; n_rows is at least 2."""
        self._bins = TimeBins.cover(start_ns, end_ns, n_columns)
        self._n_rows = n_rows
        # Twice the rows that are drawn, so that what regions leave out doesn't cost resolution.
        self._grid = get_kernels().make_occupancy(
            start_ns=self._bins.start_ns,
            end_ns=self._bins.end_ns,
            width_ns=self._bins.width_ns,
            n_columns=self._bins.n,
            max_rows=2 * n_rows,
        )

    def add(self, batch: BlockBatch) -> None:
        """Adds a batch."""
        self._grid.add(batch.addresses, batch.sizes, batch.start_times, batch.end_times)

    def result(self) -> Heatmap:
        """Returns the map of what was added so far."""
        return _make_heatmap(self._grid.read(), self._bins, self._n_rows)


def take_occupancy(addresses: NDArray[np.uint64], sizes: NDArray[np.uint64], *, max_rows: int) -> OccupancyCells:
    """Returns where the blocks of one moment lie: one column."""
    grid = get_kernels().make_occupancy(start_ns=0, end_ns=0, width_ns=1, n_columns=1, max_rows=max_rows)
    grid.add(addresses, sizes, np.zeros_like(addresses), np.full_like(addresses, NEVER))
    return grid.read()


def join_occupancies(moments: Sequence[OccupancyCells], bins: TimeBins, *, n_rows: int) -> Heatmap:
    """Makes a map of moments: what was live at one of them stands for its whole bin.

    Args:
        moments: As take_occupancy gives them, one for each bin.
        bins: Of the moments.
        n_rows: At most so many.
    """
    shift = max(moment.shift for moment in moments)
    parts = [moment.granules >> np.uint64(shift - moment.shift) for moment in moments]
    granules = np.unique(np.concatenate(parts))
    cells = np.zeros((len(granules), len(moments)), dtype=np.int64)
    for k, (moment, part) in enumerate(zip(moments, parts, strict=True)):
        np.add.at(cells[:, k], np.searchsorted(granules, part), moment.cells[:, 0])
    return _make_heatmap(OccupancyCells(shift, granules, cells), bins, n_rows)


def _make_heatmap(cells: OccupancyCells, bins: TimeBins, n_rows: int) -> Heatmap:
    """Leaves out the gaps between what was used, and joins granules until there are few enough rows."""
    shift, regions = _choose_rows(cells, n_rows)
    rows = regions.fold(cells.granules << np.uint64(cells.shift)) >> np.uint64(shift)
    ticks = np.zeros((_count_rows(regions, shift), bins.n), dtype=np.int64)
    np.add.at(ticks, rows.astype(np.int64), cells.cells)
    mean_bytes = np.maximum(ticks, 0) / TICKS  # no sum of real blocks is beyond 2^63
    mean_bytes[:, -1:] /= bins.last_share
    return Heatmap(bins, regions, 1 << shift, mean_bytes.astype(np.float32), ticks > 0)


def _choose_rows(cells: OccupancyCells, n_rows: int) -> tuple[int, Regions]:
    """Returns the smallest rows, as a power of two, of which at most n_rows are drawn, and the regions they cover."""
    granules, shift = cells.granules, cells.shift
    while True:
        starts = granules << np.uint64(shift)
        ends = starts + np.uint64((1 << shift) - 1)
        regions = find_regions(starts, ends, granule=1 << shift, max_regions=max(1, n_rows // 8))
        if _count_rows(regions, shift) <= n_rows:
            return shift, regions
        granules, shift = np.unique(granules >> np.uint64(1)), shift + 1


def _count_rows(regions: Regions, shift: int) -> int:
    """Returns how many rows cover the regions; only the address space's last one may be short of a byte."""
    return (int(regions.offsets[-1]) + (1 << shift) - 1) >> shift
