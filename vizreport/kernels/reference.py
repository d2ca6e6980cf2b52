"""Replay in plain numpy, block by block: the fallback where the C kernel was not built, and its twin in tests.

Memory is bounded by live blocks and call stacks, as in the kernel. An UNDO is a step of its own between stretches of
other events: it is rare, and what it brings back is known only once everything before it is.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from vizreport.kernels.accounts import Accounts
from vizreport.kernels.held import ANY_BLOCK, NO_BLOCKS, NONE_PENDING, Ends, Held, Mask, Pending, Rows, inherit
from vizreport.kernels.order import sort_live
from vizreport.kernels.pairing import pair_neighbours, tie_halves
from vizreport.model.block_batch import NEVER, BlockBatch
from vizreport.model.live_set import LiveSet
from vizreport.model.replay import CoreResults
from vizreport.model.trace import Events
from vizreport.trace.event_block import EventBlock, find_stacked
from vizreport.trace.format import CLASS_OF_KIND, KindClass

_NO_ROWS = np.zeros(0, np.int64)


class ReferenceReplay:
    """The replay of one image; kernels.Replay is its contract."""

    def __init__(self, edges: NDArray[np.uint64], inherited: LiveSet | None = None) -> None:
        """See kernels.Replay."""
        self._accounts = Accounts(edges)
        self._live = inherit(inherited) if inherited is not None else NO_BLOCKS
        self._pending = NONE_PENDING
        self._allocs: dict[int, int] = {}  # of each thread

    def feed(self, block: EventBlock, *, ended: bool = False) -> BlockBatch | None:
        """See kernels.Replay."""
        events = block.expand()
        batches: list[BlockBatch] = []
        begin = 0
        undos = np.flatnonzero(CLASS_OF_KIND[events.kinds] == KindClass.UNDO).tolist()
        for at in [*undos, len(events)]:
            if begin < at:
                batches.append(self._advance(_slice(events, begin, at), free_stacks=block.free_stacks))
            if at < len(events):
                batches.append(self._undo(_slice(events, at, at + 1)))
            begin = at + 1
        return _join_batches(batches) if ended else None

    def take_live_set(self, time_ns: int) -> LiveSet:
        """See kernels.Replay."""
        live = self._sort_live()
        return LiveSet(time_ns, live.addresses, live.sizes, live.start_times, live.stacks, live.threads)

    def take_live_places(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """See kernels.Replay."""
        live = self._sort_live()
        return live.addresses, live.sizes

    def take_live_batch(self) -> BlockBatch:
        """See kernels.Replay."""
        live = self._sort_live()
        n = len(live)
        zeros = np.zeros(n, np.uint32)
        return _make_batch(live, np.full(n, NEVER), zeros, zeros, np.zeros(n, np.bool_))

    def take_results(self) -> CoreResults:
        """See kernels.Replay."""
        live = self._sort_live()
        sizes = live.sizes[~live.own]
        return self._accounts.take_results(int(sizes.sum(dtype=np.uint64)), len(sizes))

    def copy(self) -> ReferenceReplay:
        """See kernels.Replay."""
        return deepcopy(self)

    @property
    def n_bytes(self) -> int:
        """See kernels.Replay."""
        columns = [getattr(self._live, field.name) for field in fields(self._live)]
        return self._accounts.n_bytes + sum(int(column.nbytes) for column in columns)

    def _sort_live(self) -> Held:
        """Returns all live blocks in order: a block whose reallocation is pending is one."""
        pending = self._pending.blocks.take(self._pending.found)
        live = pending.join(self._live)
        is_pending = np.arange(len(live)) < len(pending)
        return live.take(sort_live(live.addresses, live.sizes, live.start_times, is_pending))

    def _advance(self, events: Events, *, free_stacks: bool) -> BlockBatch:
        """Replays events none of which is an UNDO."""
        classes = CLASS_OF_KIND[events.kinds]
        starts = np.flatnonzero((classes == KindClass.ALLOC) | (classes == KindClass.MOVE))
        blocks = self._live.join(self._start(events, starts))
        block_starts = np.concatenate([np.full(len(self._live), -1, np.int64), starts])
        gone = np.flatnonzero((classes == KindClass.FREE) | (classes == KindClass.RELEASE))
        given, by, doubled, doubling = pair_neighbours(blocks.addresses, block_starts, events.addresses[gone], gone)
        temporary = self._find_temporary(events, starts, blocks.take(given), gone[by])
        kept = np.ones(len(blocks), np.bool_)
        kept[given] = kept[doubled] = False
        self._live = blocks.take(kept)

        frees = classes[gone[by]] == KindClass.FREE
        rows = gone[by][frees]
        freed = Ends(
            rows,
            blocks.take(given[frees]),
            events.threads[rows],
            events.stacks[rows],
            temporary[frees],
            np.ones(len(rows), np.bool_),
        )
        first_halves = _release(events, classes, blocks, given[~frees], gone[by][~frees], temporary[~frees])
        moved, n_unmatched = self._tie(events, classes, first_halves)
        n_unmatched += int(np.count_nonzero(classes == KindClass.FREE)) - len(rows)
        ends = freed.join(moved, _displace(blocks.take(doubled), block_starts[doubling], events.threads))
        self._count_allocs(events, starts)
        walked = find_stacked(events.kinds, free_stacks=free_stacks)
        self._accounts.add(events, starts, ends, n_unmatched=n_unmatched, walked=walked)
        return _make_batch(ends.blocks, events.times[ends.rows], ends.stacks, ends.threads, ends.temporary)

    def _undo(self, event: Events) -> BlockBatch:
        """Replays one UNDO: the thread's innermost first half is taken back."""
        nothing = NO_BLOCKS
        mine = np.flatnonzero(self._pending.threads == event.threads[0])
        if len(mine):
            back = self._pending.take(mine[-1:])
            self._pending = self._pending.take(np.arange(len(self._pending)) != mine[-1])
            block = back.blocks.take(back.found)
            if np.isin(block.addresses, self._live.addresses).any():
                nothing = block  # another has the address: this one ends
            else:
                self._live = self._live.join(block)
        ends = _displace(nothing, np.zeros(len(nothing), np.int64), event.threads)
        self._accounts.add(event, _NO_ROWS, ends, n_unmatched=0, walked=np.zeros(1, np.bool_))
        return _make_batch(ends.blocks, event.times[ends.rows], ends.stacks, ends.threads, ends.temporary)

    def _start(self, events: Events, starts: Rows) -> Held:
        """Returns the blocks that events allocate."""
        threads = events.threads[starts]
        order = np.argsort(threads, kind="stable")
        distinct, firsts, counts = np.unique(threads[order], return_index=True, return_counts=True)
        numbers = np.zeros(len(starts), np.int64)
        numbers[order] = np.arange(1, len(starts) + 1) - np.repeat(firsts - self._counts_of(distinct), counts)
        return Held(
            events.addresses[starts],
            events.sizes[starts],
            events.times[starts],
            events.stacks[starts],
            threads,
            numbers,
            np.ones(len(starts), np.bool_),
        )

    def _counts_of(self, threads: NDArray[np.uint32]) -> Rows:
        """Returns how many allocations each of some threads had made before."""
        return np.array([self._allocs.get(thread, 0) for thread in threads.tolist()], np.int64)

    def _count_allocs(self, events: Events, starts: Rows) -> None:
        distinct, counts = np.unique(events.threads[starts], return_counts=True)
        for thread, count in zip(distinct.tolist(), counts.tolist(), strict=True):
            self._allocs[thread] = self._allocs.get(thread, 0) + count

    def _find_temporary(self, events: Events, starts: Rows, blocks: Held, rows: Rows) -> Mask:
        """Tells which blocks are given back, at a row each, before their threads allocated again."""
        n = len(events) + 1
        distinct, dense = np.unique(np.concatenate([events.threads[starts], blocks.threads]), return_inverse=True)
        keys = np.sort(dense[: len(starts)] * n + starts)
        thread = dense[len(starts) :]
        n_since = np.searchsorted(keys, thread * n + rows) - np.searchsorted(keys, thread * n)
        is_last: Mask = self._counts_of(distinct)[thread] + n_since == blocks.numbers
        return is_last & blocks.own

    def _tie(self, events: Events, classes: NDArray[np.uint8], first_halves: Pending) -> tuple[Ends, int]:
        """Completes reallocations; what has no second half stays pending.

        Returns:
            What ends; how many second halves ended no block.
        """
        pending = self._pending.join(first_halves)
        rows = np.flatnonzero((classes >= KindClass.RELEASE) & (classes <= KindClass.DONE))
        opens = classes[rows] == KindClass.RELEASE
        n_before = len(self._pending)
        tied = tie_halves(
            np.concatenate([self._pending.threads, events.threads[rows]]),
            np.concatenate([np.ones(n_before, np.bool_), opens]),
        )
        # What is tied are places among pending and rows: those of rows that open follow the pending ones in order.
        place = np.concatenate([np.arange(n_before), n_before + np.cumsum(opens) - 1])
        closing = np.flatnonzero(tied >= 0)
        halves = pending.take(place[tied[closing]])
        still = np.ones(len(pending), np.bool_)
        still[place[tied[closing]]] = False
        self._pending = pending.take(still)
        found = halves.take(halves.found)
        at = rows[closing - n_before][halves.found]
        n_unmatched = int(np.count_nonzero(~opens)) - len(at)
        ends = Ends(at, found.blocks, found.threads, found.stacks, found.temporary, np.ones(len(at), np.bool_))
        return ends, n_unmatched


def _release(
    events: Events, classes: NDArray[np.uint8], blocks: Held, given: Rows, at: Rows, temporary: Mask
) -> Pending:
    """Returns the first halves among events, with the blocks that they give back, each at its row."""
    rows = np.flatnonzero(classes == KindClass.RELEASE)
    places = np.searchsorted(rows, at)
    block_of = np.zeros(len(rows), np.int64)
    block_of[places] = given
    found, is_temporary = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
    found[places] = True
    is_temporary[places] = temporary
    # Any block stands for none; there may be none at all.
    filled = blocks if len(blocks) else ANY_BLOCK
    return Pending(filled.take(block_of), found, events.threads[rows], events.stacks[rows], is_temporary)


def _displace(blocks: Held, rows: Rows, threads: NDArray[np.uint32]) -> Ends:
    """Returns blocks that end because others took their addresses."""
    n = len(blocks)
    order = np.argsort(rows, kind="stable")
    no = np.zeros(n, np.bool_)
    return Ends(rows[order], blocks.take(order), threads[rows[order]], np.zeros(n, np.uint32), no, no)


def _slice(events: Events, begin: int, end: int) -> Events:
    return Events(
        events.kinds[begin:end],
        events.threads[begin:end],
        events.times[begin:end],
        events.addresses[begin:end],
        events.sizes[begin:end],
        events.stacks[begin:end],
    )


def _make_batch(
    blocks: Held,
    end_times: NDArray[np.uint64],
    end_stacks: NDArray[np.uint32],
    end_threads: NDArray[np.uint32],
    temporary: Mask,
) -> BlockBatch:
    return BlockBatch(
        blocks.addresses,
        blocks.sizes,
        blocks.start_times,
        end_times,
        blocks.stacks,
        end_stacks,
        blocks.threads,
        end_threads,
        temporary,
        ~blocks.own,
    )


def _join_batches(batches: list[BlockBatch]) -> BlockBatch:
    return BlockBatch(*(np.concatenate([getattr(batch, name) for batch in batches]) for name in BlockBatch.__slots__))
