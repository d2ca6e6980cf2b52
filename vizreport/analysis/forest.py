"""Forests as columns: each node names its parent, which has a lower number, or -1 at the top.

What call trees, groups of call stacks and flame graphs are made by. All of it works level by level, in numpy.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Values = NDArray[np.uint64]


def find_depths(parents: Rows) -> Rows:
    """Returns how many nodes are above each: int64[n]."""
    depths = (parents >= 0).astype(np.int64)
    jump = parents.copy()
    rows = np.flatnonzero(jump >= 0)
    while len(rows):  # each round doubles how far a node looks
        depths[rows], jump[rows] = depths[rows] + depths[jump[rows]], jump[jump[rows]]
        rows = rows[jump[rows] >= 0]
    return depths


def find_marked(parents: Rows, marked: NDArray[np.bool_]) -> Rows:
    """Returns for each node the nearest that is marked, itself or above, or -1: int64[n]."""
    found = np.where(marked, np.arange(len(parents)), parents)
    while True:
        rows = np.flatnonzero((found >= 0) & ~marked[found])
        if len(rows) == 0:
            return found
        found[rows] = found[found[rows]]


def sum_subtrees(parents: Rows, values: Values) -> Values:
    """Returns the sums over each node and all below it.

    Args:
        parents: int64[n].
        values: uint64[n, m], m figures of each node alone.
    """
    totals: Values = values.copy()
    for rows in reversed(list(_levels(parents))[1:]):
        rows = rows[np.argsort(parents[rows], kind="stable")]
        above, starts = np.unique(parents[rows], return_index=True)
        totals[above] += np.add.reduceat(totals[rows], starts, axis=0)
    return totals


def merge_nodes(parents: Rows, keys: Rows) -> tuple[Rows, Rows]:
    """Merges nodes that stand under the same node, after merging, and have the same key.

    Args:
        parents: int64[n].
        keys: int64[n], not negative.

    Returns:
        int64[n], what each node became; int64[k], the parents of those, level by level.
    """
    merged = np.full(len(parents), -1, dtype=np.int64)
    parts: list[Rows] = []
    n_merged, n_keys = 0, int(keys.max(initial=0)) + 1
    for rows in _levels(parents):
        above = np.where(parents[rows] >= 0, merged[parents[rows]], -1)
        codes, inverse = np.unique((above + 1) * n_keys + keys[rows], return_inverse=True)
        merged[rows] = n_merged + inverse
        parts.append(codes // n_keys - 1)
        n_merged += len(codes)
    return merged, np.concatenate([np.zeros(0, np.int64), *parts])


def _levels(parents: Rows) -> Iterator[Rows]:
    """Yields the nodes of each depth, the top first."""
    depths = find_depths(parents)
    order = np.argsort(depths, kind="stable")
    yield from np.split(order, np.cumsum(np.bincount(depths))[:-1]) if len(parents) else ()
