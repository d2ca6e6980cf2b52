"""Which event ends which block, in numpy: by sorting, for many events at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def pair_neighbours(
    block_addresses: NDArray[np.uint64], block_starts: Rows, release_addresses: NDArray[np.uint64], releases: Rows
) -> tuple[Rows, Rows, Rows, Rows]:
    """Pairs each block with what comes next at its address.

    Args:
        block_addresses: uint64[n_blocks].
        block_starts: int64[n_blocks], row of the event that allocated it; -1: live before the events.
        release_addresses: uint64[n_releases], what is given back.
        releases: int64[n_releases], rows of the events that do.

    Returns:
        Blocks that are released, by which release; blocks whose address another takes unreleased, by which block.
    """
    n_blocks = len(block_starts)
    addresses = np.concatenate([block_addresses, release_addresses])
    in_order = np.argsort(np.concatenate([block_starts, releases]), kind="stable")
    order = in_order[np.argsort(addresses[in_order], kind="stable")]
    sorted_addresses = addresses[order]
    is_block = order < n_blocks
    followed = is_block[:-1] & (sorted_addresses[1:] == sorted_addresses[:-1])
    ended = np.flatnonzero(followed & ~is_block[1:])
    doubled = np.flatnonzero(followed & is_block[1:])
    return order[ended], order[ended + 1] - n_blocks, order[doubled], order[doubled + 1]


def tie_halves(threads: NDArray[np.uint32], opens: NDArray[np.bool_]) -> Rows:
    """Ties each second half of a reallocation to the innermost pending first half of its thread, as brackets match.

    Args:
        threads: uint32[n], of first and second halves in their order.
        opens: bool[n], it is a first half.

    Returns:
        int64[n]: of a second half the index of its first half; -1 for those without one, and for first halves.
    """
    order = np.argsort(threads, kind="stable")
    first_of_thread = np.ones(len(order), dtype=np.bool_)
    first_of_thread[1:] = threads[order][1:] != threads[order][:-1]
    levels = _find_levels(opens[order], first_of_thread)
    # Threads and levels together: neighbours of one level are an opening and what closes it.
    group = np.cumsum(first_of_thread)
    nested = np.lexsort((levels, group))
    before, after = order[nested][:-1], order[nested][1:]
    tied = opens[before] & ~opens[after]
    tied &= (levels[nested][:-1] == levels[nested][1:]) & (group[nested][:-1] == group[nested][1:])
    first_halves = np.full(len(threads), -1, dtype=np.int64)
    first_halves[after[tied]] = before[tied]
    return first_halves


def _find_levels(opens: NDArray[np.bool_], first_of_group: NDArray[np.bool_]) -> Rows:
    """Returns for each bracket how many were open around it, or -1 for a closing one that nothing opened.

    Depth never falls below zero: what is below its running minimum, group by group, is taken off.
    """
    n = len(opens)
    depth = np.cumsum(np.where(opens, 1, -1).astype(np.int64))
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
