"""The heap as it lies in memory at one moment: blocks, and the holes between them, region by region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.regions import Regions, find_regions
from vizreport.model.live_set import LiveSet

MAX_PIECES = 50_000
N_ROWS = 128
LEAST_HOLE = 32
"""Bytes between two blocks that are a hole; less is a header and padding."""


@dataclass(frozen=True, slots=True)
class Holes:
    """What is free between the live blocks of each region.

    Attributes:
        counts: int64[n_regions], holes.
        bytes: uint64[n_regions], in them.
        largest: uint64[n_regions], bytes of the largest.
    """

    counts: NDArray[np.int64]
    bytes: NDArray[np.uint64]
    largest: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class HeapLayout:
    """Live blocks as pieces to draw. Where there are too many, neighbours smaller than a cell are one piece.

    Attributes:
        time_ns: The moment, ns since start.
        regions: Where the blocks lie.
        holes: Between the blocks.
        n_blocks: All live blocks.
        live_bytes: Of them.
        cell_bytes: A piece of several blocks lies in one aligned cell of so many bytes; 0: each piece is one block.
        addresses: uint64[n], where the piece begins, increasing.
        sizes: uint64[n], bytes from there to the end of its last block, holes in between included.
        blocks: int64[n], live blocks in the piece.
        bytes: uint64[n], live in the piece.
        start_times: uint64[n], ns since start, of the piece's largest block.
        stacks: uint32[n], stack node id of the piece's largest block.
        threads: uint32[n], index of the thread that allocated the piece's largest block.
    """

    time_ns: int
    regions: Regions
    holes: Holes
    n_blocks: int
    live_bytes: int
    cell_bytes: int
    addresses: NDArray[np.uint64]
    sizes: NDArray[np.uint64]
    blocks: NDArray[np.int64]
    bytes: NDArray[np.uint64]
    start_times: NDArray[np.uint64]
    stacks: NDArray[np.uint32]
    threads: NDArray[np.uint32]

    def __len__(self) -> int:
        """Returns the number of pieces."""
        return len(self.addresses)


@dataclass(frozen=True, slots=True)
class LayoutRows:
    """A layout wrapped into rows, as text is: each region begins a row, and a piece takes up to three rectangles.

    Attributes:
        row_bytes: Of a full row, a power of two.
        starts: int64[n_regions + 1], the first row of each region; the last: how many there are.
        pieces: int64[n], which piece each rectangle belongs to.
        tops: int64[n], first row.
        bottoms: int64[n], one past the last row.
        lefts: uint64[n], bytes from the row's begin.
        rights: uint64[n], one past the last byte.
    """

    row_bytes: int
    starts: NDArray[np.int64]
    pieces: NDArray[np.int64]
    tops: NDArray[np.int64]
    bottoms: NDArray[np.int64]
    lefts: NDArray[np.uint64]
    rights: NDArray[np.uint64]


def find_layout_regions(snapshots: Sequence[LiveSet]) -> Regions:
    """Finds the regions that hold the blocks of all the snapshots, so that they can be compared."""
    starts = np.concatenate([np.zeros(0, np.uint64), *(live.addresses for live in snapshots)])
    sizes = np.concatenate([np.zeros(0, np.uint64), *(live.sizes for live in snapshots)])
    return find_regions(starts, _find_ends(starts, sizes))


def lay_out(live: LiveSet, *, regions: Regions, max_pieces: int = MAX_PIECES) -> HeapLayout:
    """Lays out the live blocks in at most max_pieces pieces, or one for each region. All blocks lie in regions."""
    of_region = regions.find(live.addresses)
    cell, first = 0, np.arange(len(live), dtype=np.int64)
    while len(first) > max_pieces and cell < 1 << 62:
        cell = max(64, 2 * cell)
        first = _join_small(live, of_region, cell)
    largest = _find_largest(live.sizes, first)
    starts, ends = live.addresses[first], _find_ends(live.addresses, live.sizes)
    return HeapLayout(
        time_ns=live.time_ns,
        regions=regions,
        holes=_find_holes(live, of_region, len(regions.starts)),
        n_blocks=len(live),
        live_bytes=int(live.sizes.sum()),
        cell_bytes=cell,
        addresses=starts,
        sizes=(np.maximum.reduceat(ends, first) if len(first) else starts) - starts,
        blocks=np.diff(first, append=len(live)),
        bytes=np.add.reduceat(live.sizes, first) if len(first) else live.sizes,
        start_times=live.start_times[largest],
        stacks=live.stacks[largest],
        threads=live.threads[largest],
    )


def wrap_rows(layout: HeapLayout, *, n_rows: int = N_ROWS) -> LayoutRows:
    """Wraps a layout into about n_rows rows, more only where there are more regions."""
    sizes = layout.regions.sizes
    row = 64
    while row * n_rows < int(sizes.sum()) and row < 1 << 62:
        row *= 2
    starts = np.concatenate([[0], np.cumsum((sizes - np.uint64(1)) // np.uint64(row) + np.uint64(1))]).astype(np.int64)
    regions = layout.regions.find(layout.addresses)
    begins = layout.addresses - layout.regions.starts[regions]
    ends = begins + layout.sizes
    lasts = np.maximum(ends, begins + np.uint64(1)) - np.uint64(1)
    row_bytes = np.uint64(row)
    tops = starts[regions] + (begins // row_bytes).astype(np.int64)
    bottoms = starts[regions] + (lasts // row_bytes).astype(np.int64)
    lefts, rights = begins % row_bytes, lasts % row_bytes + np.uint64(1)
    one, inner = tops == bottoms, bottoms - tops > 1
    full = np.full(len(tops), row, dtype=np.uint64)
    zero = np.zeros(len(tops), dtype=np.uint64)
    parts = [
        (np.arange(len(tops)), tops, tops + 1, lefts, np.where(one, rights, full)),
        (np.flatnonzero(inner), tops + 1, bottoms, zero, full),
        (np.flatnonzero(~one), bottoms, bottoms + 1, zero, rights),
    ]
    pieces = np.concatenate([part[0] for part in parts])
    columns = [np.concatenate([part[k][part[0]] for part in parts]) for k in range(1, 5)]
    return LayoutRows(row, starts, pieces, columns[0], columns[1], columns[2], columns[3])


def _join_small(live: LiveSet, of_region: NDArray[np.int64], cell: int) -> NDArray[np.int64]:
    """Returns the first block of each piece, if neighbours smaller than a cell that begin in one cell are joined."""
    cells = live.addresses // np.uint64(cell)
    small = live.sizes < np.uint64(cell)
    # Behind a block that is as large as a cell none begins in the same one.
    joined: NDArray[np.bool_] = small[1:] & (cells[1:] == cells[:-1]) & (of_region[1:] == of_region[:-1])
    return np.flatnonzero(np.concatenate([[True], ~joined]))


def _find_largest(sizes: NDArray[np.uint64], first: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the largest block of each piece, of equal ones the first: int64[n_pieces]."""
    pieces = np.zeros(len(sizes), dtype=np.int64)
    pieces[first[1:]] = 1
    order = np.lexsort((~sizes, np.cumsum(pieces)))  # ends up piece by piece, the largest first
    return order[first]


def _find_holes(live: LiveSet, of_region: NDArray[np.int64], n_regions: int) -> Holes:
    """Measures what lies between one block's end and the next one's begin in the same region."""
    ends = _find_ends(live.addresses[:-1], live.sizes[:-1])
    begins = live.addresses[1:]
    free = np.where(begins > ends, begins - ends, np.uint64(0))
    hole = (free >= np.uint64(LEAST_HOLE)) & (of_region[1:] == of_region[:-1])
    free, regions = free[hole], of_region[1:][hole]
    n_bytes, largest = np.zeros(n_regions, dtype=np.uint64), np.zeros(n_regions, dtype=np.uint64)
    np.add.at(n_bytes, regions, free)
    np.maximum.at(largest, regions, free)
    return Holes(np.bincount(regions, minlength=n_regions), n_bytes, largest)


def _find_ends(addresses: NDArray[np.uint64], sizes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Returns where blocks end, at most where addresses do: uint64[n]."""
    ends: NDArray[np.uint64] = addresses + np.minimum(sizes, ~addresses)
    return ends
