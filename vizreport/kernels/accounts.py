"""The core results of a replay, added up stretch by stretch of events, in numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vizreport.kernels.bins import Bins
from vizreport.kernels.held import Ends, Rows
from vizreport.kernels.mappings import Mappings
from vizreport.kernels.tables import Table
from vizreport.model.replay import CoreResults, Peak, StackTable, ThreadTable, Totals
from vizreport.model.trace import Events
from vizreport.trace.format import CLASS_OF_KIND, KindClass

_STACK_COLUMNS = (
    "allocs", "bytes_allocated", "frees", "live_bytes", "live_blocks", "peak_bytes", "peak_blocks", "temporary",
    "lifetime_ns", "walks",
)  # fmt: skip
_FREEING = np.isin(np.arange(len(KindClass)), (KindClass.FREE, KindClass.MOVE, KindClass.DONE))


class Accounts:
    """What CoreResults is made of, so far."""

    def __init__(self, edges: NDArray[np.uint64]) -> None:
        """Begins with nothing; edges are the Timeline's."""
        self._stacks = Table(*_STACK_COLUMNS)
        self._threads = Table("allocs", "bytes_allocated", "frees", "foreign_frees")
        self._pairs = Table("blocks", "bytes")
        self._bins = Bins(edges)
        self._mappings = Mappings()
        self._peak = Peak(0, 0, 0, -1)
        self._live_bytes = np.uint64(0)
        self._live_blocks = 0
        self._n_events = self._n_unmatched = self._n_duplicates = self._n_temporary = 0
        self._allocs = self._frees = 0
        self._bytes_allocated = 0

    def add(self, events: Events, starts: Rows, ends: Ends, *, n_unmatched: int, walked: NDArray[np.bool_]) -> None:
        """Adds some events.

        Args:
            events: Which.
            starts: Rows of those that allocate a block.
            ends: The blocks that end with them.
            n_unmatched: Frees among them of addresses where nothing was live.
            walked: bool[n_events], a call stack was taken.
        """
        own = ends.blocks.own
        frees = _FREEING[CLASS_OF_KIND[events.kinds]]
        live_bytes, live_blocks = self._follow(events, starts, ends)
        self._raise_peak(events, starts, ends, live_bytes, live_blocks)
        self._bins.add(
            events.times, np.stack([live_bytes, live_blocks.astype(np.uint64)]), starts, events.sizes[starts], frees
        )
        self._add_stacks(events, starts, ends, walked)
        self._add_threads(events, starts, ends, frees)
        self._add_mappings(events)
        self._n_events += len(events)
        self._n_unmatched += n_unmatched
        self._n_duplicates += int(np.count_nonzero(~ends.freed))
        self._n_temporary += int(np.count_nonzero(ends.temporary & own))
        self._allocs += len(starts)
        self._frees += int(np.count_nonzero(frees))
        self._bytes_allocated += int(events.sizes[starts].sum(dtype=np.uint64))
        self._live_bytes, self._live_blocks = live_bytes[-1], int(live_blocks[-1])

    def _follow(self, events: Events, starts: Rows, ends: Ends) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Returns live bytes and blocks of own blocks after each event."""
        own = ends.blocks.own
        change = np.zeros(len(events), np.uint64)
        change[starts] = events.sizes[starts]
        np.subtract.at(change, ends.rows[own], ends.blocks.sizes[own])
        steps = np.zeros(len(events), np.int64)
        steps[starts] = 1
        np.subtract.at(steps, ends.rows[own], 1)
        return self._live_bytes + np.cumsum(change, dtype=np.uint64), self._live_blocks + np.cumsum(steps)

    def _raise_peak(
        self,
        events: Events,
        starts: Rows,
        ends: Ends,
        live_bytes: NDArray[np.uint64],
        live_blocks: NDArray[np.int64],
    ) -> None:
        """Notes a new peak, and what is live then by stack; called before the stacks' own figures change."""
        at = int(live_bytes.argmax())
        if live_bytes[at] <= self._peak.bytes:
            return
        self._peak = Peak(int(live_bytes[at]), int(live_blocks[at]), int(events.times[at]), self._n_events + at)
        until, own = starts[starts <= at], ends.blocks.own & (ends.rows <= at)
        stacks = self._stacks
        stacks["peak_bytes"][:] = stacks["live_bytes"]
        stacks["peak_blocks"][:] = stacks["live_blocks"]
        stacks.add(events.stacks[until], peak_bytes=events.sizes[until], peak_blocks=1)
        gone = ends.blocks.take(own)
        stacks.subtract(gone.stacks, peak_bytes=gone.sizes, peak_blocks=1)

    def _add_stacks(self, events: Events, starts: Rows, ends: Ends, walked: NDArray[np.bool_]) -> None:
        sizes, own = events.sizes[starts], ends.blocks.own
        self._stacks.add(events.stacks[starts], allocs=1, bytes_allocated=sizes, live_bytes=sizes, live_blocks=1)
        self._stacks.add(events.stacks[walked], walks=1)
        gone = ends.blocks.take(own)
        self._stacks.subtract(gone.stacks, live_bytes=gone.sizes, live_blocks=1)
        lifetimes = (events.times[ends.rows[own]] - gone.start_times) * ends.freed[own]
        self._stacks.add(gone.stacks, frees=ends.freed[own], temporary=ends.temporary[own], lifetime_ns=lifetimes)

    def _add_threads(self, events: Events, starts: Rows, ends: Ends, frees: NDArray[np.bool_]) -> None:
        self._threads.add(events.threads[starts], allocs=1, bytes_allocated=events.sizes[starts])
        self._threads.add(events.threads[frees], frees=1)
        counted = ends.freed & ends.blocks.own
        starters, enders = ends.blocks.threads[counted], ends.threads[counted]
        self._threads.add(enders, foreign_frees=starters != enders)
        pairs = starters.astype(np.uint64) << np.uint64(32) | enders
        self._pairs.add(pairs, blocks=1, bytes=ends.blocks.sizes[counted])

    def _add_mappings(self, events: Events) -> None:
        classes = CLASS_OF_KIND[events.kinds]
        rows = np.flatnonzero((classes == KindClass.MAP) | (classes == KindClass.UNMAP))
        for row in rows.tolist():  # few: mappings are no heap blocks
            change = self._mappings.map if classes[row] == KindClass.MAP else self._mappings.unmap
            change(int(events.addresses[row]), int(events.sizes[row]))

    @property
    def n_bytes(self) -> int:
        """Memory of the sums."""
        return sum(table.n_bytes for table in (self._stacks, self._threads, self._pairs)) + self._bins.n_bytes

    def take_results(self, inherited_bytes: int, inherited_blocks: int) -> CoreResults:
        """Returns copies of the results so far."""
        totals = Totals(
            n_events=self._n_events,
            allocs=self._allocs,
            frees=self._frees,
            bytes_allocated=self._bytes_allocated,
            live_bytes=int(self._live_bytes),
            live_blocks=self._live_blocks,
            inherited_bytes=inherited_bytes,
            inherited_blocks=inherited_blocks,
            n_unmatched_frees=self._n_unmatched,
            n_duplicates=self._n_duplicates,
            n_temporary=self._n_temporary,
            mapped_bytes=self._mappings.mapped_bytes,
            peak_mapped_bytes=self._mappings.peak_bytes,
        )
        stacks = StackTable(self._stacks.ids.astype(np.uint32), *(self._stacks[name].copy() for name in _STACK_COLUMNS))
        pairs = self._pairs.ids
        threads = ThreadTable(
            threads=self._threads.ids.astype(np.uint32),
            allocs=self._threads["allocs"].copy(),
            bytes_allocated=self._threads["bytes_allocated"].copy(),
            frees=self._threads["frees"].copy(),
            foreign_frees=self._threads["foreign_frees"].copy(),
            pair_starts=(pairs >> np.uint64(32)).astype(np.uint32),
            pair_ends=(pairs & np.uint64(0xFFFFFFFF)).astype(np.uint32),
            pair_blocks=self._pairs["blocks"].copy(),
            pair_bytes=self._pairs["bytes"].copy(),
        )
        return CoreResults(totals, self._peak, stacks, threads, self._bins.take_timeline())
