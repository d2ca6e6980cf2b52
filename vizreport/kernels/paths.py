"""The distinct paths of call stacks, and the distinct frames in them, in plain numpy: level by level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.model.distinct import sort_distinct
from vizreport.trace.format import NODE_FIRST_ID

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PathNodes:
    """The nodes of an image, by row.

    Attributes:
        above: int64[n], row of the caller, less than the node's own, or -1.
        roots: uint32[n], how the stack ends, less than format.NODE_FIRST_ID, where above is -1; else any value.
        pcs: uint64[n].
        codes: uint64[n], generation * 2 + interrupted.
    """

    above: Rows
    roots: NDArray[np.uint32]
    pcs: NDArray[np.uint64]
    codes: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Paths:
    """A node for each distinct path from a root down to a leaf, in the order in which rows have the first of its kind.

    Attributes:
        parents: int64[n], less than the node's own number, or -1.
        rows: int64[n], the first that has this path.
        frames: int64[n], equal where pc and code are.
        ends: int64[n_leaves], the last node of each leaf's path; -1: it has none.
    """

    parents: Rows
    rows: Rows
    frames: Rows
    ends: Rows


def number_frames(pcs: NDArray[np.uint64], codes: NDArray[np.uint64]) -> tuple[Rows, Rows]:
    """Returns numbers that are equal for equal frames, 0, 1, ... as they come, and the index of the first of each."""
    _, pc_numbers = np.unique(pcs, return_inverse=True)
    _, code_numbers = np.unique(codes, return_inverse=True)
    pairs = pc_numbers.astype(np.int64) * (int(code_numbers.max(initial=0)) + 1) + code_numbers
    return _number(pairs)


def _number(keys: Rows) -> tuple[Rows, Rows]:
    """Returns numbers that are equal for equal keys, as number_frames does."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return ranks[inverse], first[order].astype(np.int64)


def find_paths(nodes: PathNodes, leaves: Rows) -> Paths:
    """Returns the paths from the root down to leaves: int64[n_leaves], rows, or -1 for one that has no path."""
    used = _find_used(nodes.above, leaves)
    index = np.full(len(nodes.above) + 1, -1, dtype=np.int64)  # the last is -1's
    index[used] = np.arange(len(used))
    frames, _ = number_frames(nodes.pcs[used], nodes.codes[used])
    # Stacks that end differently are different, however equal their frames.
    ends = np.where(nodes.above[used] < 0, nodes.roots[used].astype(np.int64), NODE_FIRST_ID)
    merged, _ = merge_nodes(index[nodes.above[used]], frames * (NODE_FIRST_ID + 1) + ends)
    numbers, first = _number(merged)
    parents = index[nodes.above[used[first]]]
    return Paths(
        parents=np.append(numbers, -1)[parents],
        rows=used[first],
        frames=frames[first],
        ends=np.append(numbers, -1)[index[leaves]],
    )


def group_stacks(nodes: PathNodes, leaves: Rows, roots: Rows) -> tuple[Rows, Rows]:
    """Groups stacks whose paths are equal and end equally.

    Args:
        nodes: The image's.
        leaves: int64[n], rows; -1: a stack without frames.
        roots: int64[n], how a stack without frames ends, less than format.NODE_FIRST_ID; else any value.

    Returns:
        int64[n], the group of each stack, 0, 1, ... as they come; int64[n_groups], the first stack of each.
    """
    ends = find_paths(nodes, leaves).ends
    return _number(np.where(ends >= 0, ends + NODE_FIRST_ID, roots))


def _find_used(above: Rows, leaves: Rows) -> Rows:
    """Returns the rows of leaves and of all above them, increasing."""
    used = np.zeros(len(above), dtype=np.bool_)
    rows = sort_distinct(leaves[leaves >= 0])
    while len(rows):
        used[rows] = True
        rows = sort_distinct(above[rows])
        rows = rows[rows >= 0]
        rows = rows[~used[rows]]
    return np.flatnonzero(used)


def find_depths(parents: Rows) -> Rows:
    """Returns how many nodes are above each: int64[n]."""
    depths = (parents >= 0).astype(np.int64)
    jump = parents.copy()
    rows = np.flatnonzero(jump >= 0)
    while len(rows):  # each round doubles how far a node looks
        depths[rows], jump[rows] = depths[rows] + depths[jump[rows]], jump[jump[rows]]
        rows = rows[jump[rows] >= 0]
    return depths


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
    for rows in iterate_levels(parents):
        above = np.where(parents[rows] >= 0, merged[parents[rows]], -1)
        codes, inverse = np.unique((above + 1) * n_keys + keys[rows], return_inverse=True)
        merged[rows] = n_merged + inverse
        parts.append(codes // n_keys - 1)
        n_merged += len(codes)
    return merged, np.concatenate([np.zeros(0, np.int64), *parts])


def iterate_levels(parents: Rows) -> Iterator[Rows]:
    """Yields the nodes of each depth, the top first."""
    depths = find_depths(parents)
    order = np.argsort(depths, kind="stable")
    yield from np.split(order, np.cumsum(np.bincount(depths))[:-1]) if len(parents) else ()
