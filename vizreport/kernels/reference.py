"""Replay in plain numpy: sorts by address and pairs neighbours. The oracle in tests/oracle does it one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.model.blocks import NOTHING_INHERITED, Blocks, Inherited
from vizreport.model.trace import Events
from vizreport.trace.format import CLASS_OF_KIND, KindClass

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Reallocations:
    """Tied halves: rows of RELEASE and of the MOVE or DONE that completed it; and what is on its own."""

    releases: Rows
    seconds: Rows
    n_untied: int


def replay(events: Events, inherited: Inherited = NOTHING_INHERITED) -> Blocks:
    """Pairs allocations with what ended them."""
    n_events, n_inherited = len(events), len(inherited.addresses)
    classes = CLASS_OF_KIND[events.kinds]
    tied = _tie_reallocations(classes, events.threads)

    starts = np.flatnonzero((classes == KindClass.ALLOC) | (classes == KindClass.MOVE))
    frees = np.flatnonzero(classes == KindClass.FREE)
    releases = np.concatenate([frees, tied.releases])
    ends = np.concatenate([frees, tied.seconds])

    block_addresses = np.concatenate([inherited.addresses, events.addresses[starts]])
    block_starts = np.concatenate([np.full(n_inherited, -1, dtype=np.int64), starts])
    ended, ending, doubled, doubling = _pair_neighbours(
        block_addresses, block_starts, events.addresses[releases], releases
    )
    block_ends = np.full(len(block_starts), n_events, dtype=np.int64)
    block_releases = block_ends.copy()
    block_ends[ended] = ends[ending]
    block_releases[ended] = releases[ending]
    block_ends[doubled] = block_starts[doubling]
    return Blocks(
        addresses=block_addresses,
        sizes=np.concatenate([inherited.sizes, events.sizes[starts]]),
        starts=block_starts,
        ends=block_ends,
        releases=block_releases,
        n_events=n_events,
        n_unmatched_frees=len(releases) - len(ended) + tied.n_untied,
        n_duplicates=len(doubled),
    )


def _pair_neighbours(
    block_addresses: NDArray[np.uint64], block_starts: Rows, release_addresses: NDArray[np.uint64], releases: Rows
) -> tuple[Rows, Rows, Rows, Rows]:
    """Pairs each start with what comes next at its address.

    Returns:
        Blocks that are released, by which release; blocks whose address another takes unreleased, by which block.
    """
    n_blocks = len(block_starts)
    addresses = np.concatenate([block_addresses, release_addresses])
    order = _sort_by_address(addresses, np.concatenate([block_starts, releases]))
    in_order = addresses[order]
    is_start = order < n_blocks
    followed = is_start[:-1] & (in_order[1:] == in_order[:-1])
    ended = np.flatnonzero(followed & ~is_start[1:])
    doubled = np.flatnonzero(followed & is_start[1:])
    return order[ended], order[ended + 1] - n_blocks, order[doubled], order[doubled + 1]


def _sort_by_address(addresses: NDArray[np.uint64], order_keys: Rows) -> Rows:
    """Returns the order by (address, order key)."""
    in_order = np.argsort(order_keys, kind="stable")
    return in_order[np.argsort(addresses[in_order], kind="stable")]


def _tie_reallocations(classes: NDArray[np.uint8], threads: NDArray[np.uint32]) -> _Reallocations:
    """Ties each second half to the innermost pending RELEASE of its thread, as brackets are matched.

    A RELEASE that was taken back (UNDO) or never completed is left out: its block lives on.
    """
    rows = np.flatnonzero((classes >= KindClass.RELEASE) & (classes <= KindClass.DONE))
    rows = rows[np.argsort(threads[rows], kind="stable")]
    opens = classes[rows] == KindClass.RELEASE
    first_of_thread = np.ones(len(rows), dtype=np.bool_)
    first_of_thread[1:] = threads[rows][1:] != threads[rows][:-1]

    levels = _nesting_levels(opens, first_of_thread)
    # Threads and levels together: neighbours of one level are an opening and what closes it.
    group = np.cumsum(first_of_thread)
    order = np.lexsort((np.arange(len(rows)), levels, group))
    tied = opens[order][:-1] & ~opens[order][1:]
    tied &= (levels[order][:-1] == levels[order][1:]) & (group[order][:-1] == group[order][1:])
    tied &= levels[order][:-1] >= 0
    releases, seconds = rows[order][:-1][tied], rows[order][1:][tied]
    completed = classes[seconds] != KindClass.UNDO
    n_seconds = int(np.count_nonzero(~opens & (classes[rows] != KindClass.UNDO)))
    n_completed = int(np.count_nonzero(completed))
    return _Reallocations(releases[completed], seconds[completed], n_seconds - n_completed)


def _nesting_levels(opens: NDArray[np.bool_], first_of_group: NDArray[np.bool_]) -> Rows:
    """Returns for each bracket how many were open around it, or -1 for a closing one that nothing opened.

    Depth never falls below zero: what is below its running minimum, group by group, is taken off.
    """
    n = len(opens)
    steps = np.where(opens, 1, -1).astype(np.int64)
    depth = np.cumsum(steps)
    group = np.cumsum(first_of_group) - 1
    depth -= np.concatenate([[0], depth])[np.flatnonzero(first_of_group)][group] if n else 0
    apart = group * np.int64(2 * n + 2)  # so that each group's minimum lies below the one's before
    lowest = np.minimum.accumulate(np.minimum(depth, 0) - apart) + apart
    before = np.zeros(n, dtype=np.int64)
    before[1:] = lowest[:-1]
    before[first_of_group] = 0
    untied = ~opens & (lowest < before)
    levels = np.where(opens, depth - lowest - 1, depth - lowest)
    return np.where(untied, -1, levels)
