"""Forests as columns: each node names its parent, which has a lower number, or -1 at the top.

What call trees, groups of call stacks and flame graphs are made by. All of it works level by level, in numpy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vizreport.kernels.paths import iterate_levels

Rows = NDArray[np.int64]
Values = NDArray[np.uint64]


def climb(parents: Rows, node: int) -> list[int]:
    """Returns a node, unless it is -1, and all above it, up to the top."""
    nodes: list[int] = []
    while node >= 0:
        nodes.append(node)
        node = int(parents[node])
    return nodes


def find_marked(parents: Rows, marked: NDArray[np.bool_]) -> Rows:
    """Returns for each node the nearest that is marked, itself or above, or -1: int64[n]."""
    found = np.where(marked, np.arange(len(parents)), parents)
    while True:
        rows = np.flatnonzero((found >= 0) & ~marked[found])
        if len(rows) == 0:
            return found
        found[rows] = found[found[rows]]


def number_depth_first(parents: Rows) -> Rows:
    """Returns each node's place where all below a node follow it at once: int64[n]. Siblings keep their order."""
    sizes = sum_subtrees(parents, np.ones((len(parents), 1), dtype=np.uint64))[:, 0].astype(np.int64)
    order = np.argsort(parents, kind="stable")
    before = np.cumsum(sizes[order]) - sizes[order]
    steps = np.empty_like(sizes)  # from the node above
    steps[order] = before - before[np.searchsorted(parents[order], parents[order])] + 1
    places = steps - 1
    for rows in list(iterate_levels(parents))[1:]:
        places[rows] = places[parents[rows]] + steps[rows]
    return places


def sum_subtrees(parents: Rows, values: Values) -> Values:
    """Returns the sums over each node and all below it.

    Args:
        parents: int64[n].
        values: uint64[n, m], m figures of each node alone.
    """
    totals: Values = values.copy()
    for rows in reversed(list(iterate_levels(parents))[1:]):
        rows = rows[np.argsort(parents[rows], kind="stable")]
        above, starts = np.unique(parents[rows], return_index=True)
        totals[above] += np.add.reduceat(totals[rows], starts, axis=0)
    return totals
