"""Who allocated in which part of the time what was freed in which: what any chosen range of time is answered from.

With bins b in [first, last] chosen: allocated in the range is the sum of rows with first <= alloc_bin <= last; live at
the range's end of those with alloc_bin <= last < free_bin; and allocated there and still live of those that are both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.time_bins import TimeBins
from vizreport.model.block_batch import NEVER, BlockBatch

N_RANGE_BINS = 64
_MOST_IDS = 1 << 26  # a recorder's table of nodes has no more
_PENDING = 1 << 20


@dataclass(frozen=True, slots=True)
class RangeTable:
    """An image's own blocks by slot and by when they began and ended, rows sorted by these three.

    Attributes:
        bins: The time of both.
        n_slots: Slot n_slots - 1 is everything that was given no slot of its own.
        slots: int64[n], what the block's call stack counts for.
        alloc_bins: int64[n].
        free_bins: int64[n], not before alloc_bins; bins.n: live at the end.
        bytes: uint64[n].
        blocks: uint64[n].
    """

    bins: TimeBins
    n_slots: int
    slots: NDArray[np.int64]
    alloc_bins: NDArray[np.int64]
    free_bins: NDArray[np.int64]
    bytes: NDArray[np.uint64]
    blocks: NDArray[np.uint64]

    def __len__(self) -> int:
        """Returns the number of rows."""
        return len(self.slots)

    def sum_allocated(self) -> NDArray[np.uint64]:
        """Returns the bytes that each slot allocated in each bin: uint64[n_slots, n_bins]."""
        allocated = np.zeros((self.n_slots, self.bins.n), dtype=np.uint64)
        np.add.at(allocated, (self.slots, self.alloc_bins), self.bytes)
        return allocated

    def sum_live(self) -> NDArray[np.uint64]:
        """Returns the live bytes of each slot at the end of each bin: uint64[n_slots, n_bins]."""
        steps = np.zeros((self.n_slots, self.bins.n + 1), dtype=np.uint64)
        np.add.at(steps, (self.slots, self.alloc_bins), self.bytes)
        np.subtract.at(steps, (self.slots, self.free_bins), self.bytes)
        live: NDArray[np.uint64] = np.cumsum(steps, axis=1, dtype=np.uint64)[:, :-1]
        return live


def coarsen_ranges(table: RangeTable, most_rows: int) -> RangeTable:
    """Returns the table with its bins in pairs, and pairs of these, until it has no more rows than that."""
    while len(table) > most_rows and table.bins.n > 1:
        table = _pair_bins(table)
    return table


def _pair_bins(table: RangeTable) -> RangeTable:
    bins = replace(table.bins, width_ns=2 * table.bins.width_ns, n=(table.bins.n + 1) // 2)
    free_bins = np.where(table.free_bins == table.bins.n, bins.n, table.free_bins // 2)
    keys = (table.slots * bins.n + table.alloc_bins // 2) * (bins.n + 1) + free_bins
    order = np.argsort(keys, kind="stable")
    first = np.flatnonzero(np.diff(keys[order], prepend=-1))
    of_bytes, blocks = (np.add.reduceat(column[order], first) for column in (table.bytes, table.blocks))
    cells, free_bins = np.divmod(keys[order][first], bins.n + 1)
    slots, alloc_bins = np.divmod(cells, bins.n)
    return RangeTable(bins, table.n_slots, slots, alloc_bins, free_bins, of_bytes, blocks)


class RangeAccumulator:
    """Adds up batches of blocks.

    Blocks that end in the bin where they began, nearly all of them, go to a plain table of slots by bins; the others to
    one row for each combination that occurs.
    """

    def __init__(
        self,
        start_ns: int,
        end_ns: int,
        *,
        stacks: NDArray[np.uint32],
        slots: NDArray[np.int64],
        n_bins: int = N_RANGE_BINS,
    ) -> None:
        """Starts with nothing.

        Args:
            start_ns: The bins cover [start, end].
            end_ns: See start_ns.
            stacks: uint32[n], stack node ids.
            slots: int64[n], what each of these counts for, not negative; a node of a call tree, say.
            n_bins: At most so many bins.
        """
        self._bins = TimeBins.cover(start_ns, end_ns, n_bins)
        self._other = int(slots.max(initial=-1)) + 1
        known = stacks < _MOST_IDS
        # One more than the slot, so that 0 is no slot, and pages of ids that don't occur take no memory.
        self._slots = np.zeros(int(stacks[known].max(initial=0)) + 2, dtype=np.int64)
        self._slots[stacks[known]] = slots[known] + 1
        self._short = np.zeros((2, (self._other + 1) * self._bins.n), dtype=np.uint64)
        self._keys = np.zeros(0, dtype=np.uint64)
        self._sums = np.zeros((0, 2), dtype=np.uint64)
        self._pending: list[tuple[NDArray[np.uint64], NDArray[np.uint64]]] = []
        self._n_pending = 0

    def add(self, batch: BlockBatch) -> None:
        """Adds a batch."""
        starts, ends = self._bins.find(batch.start_times), self._bins.find(batch.end_times)
        ends[batch.end_times == NEVER] = self._bins.n
        slots = self._slots[np.minimum(batch.start_stacks, np.uint32(len(self._slots) - 1))] - 1
        cells = np.where(slots < 0, self._other, slots) * self._bins.n + starts
        own = ~batch.inherited
        short, long = np.flatnonzero(own & (starts >= ends)), np.flatnonzero(own & (starts < ends))
        np.add.at(self._short[0], cells[short], batch.sizes[short])
        np.add.at(self._short[1], cells[short], np.uint64(1))
        keys = (cells[long] * (self._bins.n + 1) + ends[long]).astype(np.uint64)
        self._pending.append((keys, np.stack([batch.sizes[long], np.ones(len(long), np.uint64)], axis=1)))
        self._n_pending += len(keys)
        if self._n_pending > max(_PENDING, len(self._keys)):
            self._merge()

    def result(self) -> RangeTable:
        """Returns the table of what was added so far."""
        cells = np.flatnonzero(self._short[1])
        keys = cells * (self._bins.n + 1) + cells % self._bins.n
        self._pending.append((keys.astype(np.uint64), self._short[:, cells].T))
        self._merge()
        self._short[:] = 0
        cells, free_bins = np.divmod(self._keys.astype(np.int64), self._bins.n + 1)
        slots, alloc_bins = np.divmod(cells, self._bins.n)
        return RangeTable(
            self._bins, self._other + 1, slots, alloc_bins, free_bins, self._sums[:, 0].copy(), self._sums[:, 1].copy()
        )

    def _merge(self) -> None:
        """Brings what is pending together with the rows there are."""
        keys = np.concatenate([self._keys, *(keys for keys, _ in self._pending)])
        sums = np.concatenate([self._sums, *(sums for _, sums in self._pending)])
        self._pending.clear()
        self._n_pending = 0
        if len(keys):
            order = np.argsort(keys)
            keys = keys[order]
            firsts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
            self._keys, self._sums = keys[firsts], np.add.reduceat(sums[order], firsts, axis=0)
