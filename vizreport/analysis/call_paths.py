"""The distinct paths that call stacks take, as a forest of stack nodes; from the root down, or from the leaf up.

Nothing has a name here: what is too small to be shown is cut off before names are looked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.forest import Rows, Values, find_marked, sum_subtrees
from vizreport.kernels import get_kernels
from vizreport.kernels.paths import PathNodes
from vizreport.model.stacks import Stacks
from vizreport.trace.format import NODE_FIRST_ID, NODE_UNWIND_GAP

_NONE: Rows = np.zeros(0, dtype=np.int64)

LEFT_OUT = -1
"""In ``rows``: the node stands for frames that were left out between the one above it and those below it."""


@dataclass(frozen=True, slots=True)
class CallPaths:
    """Distinct paths, and which of them each of the stacks takes that were asked for.

    Attributes:
        parents: int64[n], less than the node's own number, or -1.
        rows: int64[n], a row of Stacks, or LEFT_OUT.
        codes: int64[n], equal where pc, generation and interruption are equal.
        ends: int64[n_stacks], the last node of each stack's path; -1: it has none.
        cut: bool[n_stacks], whether more of the path was there and was cut off.
    """

    parents: Rows
    rows: Rows
    codes: Rows
    ends: Rows
    cut: NDArray[np.bool_]

    def __len__(self) -> int:
        """Returns the number of nodes."""
        return len(self.parents)


def find_paths(stacks: Stacks, leaves: Rows) -> CallPaths:
    """Returns the paths from the root down to these leaves. Ids name paths, and a path may have several names."""
    paths = get_kernels().find_paths(make_path_nodes(stacks), leaves)
    return CallPaths(paths.parents, paths.rows, paths.frames, paths.ends, np.zeros(len(leaves), dtype=np.bool_))


def make_path_nodes(stacks: Stacks) -> PathNodes:
    """Returns the nodes as kernels take them."""
    # Stacks that end differently (whole, cut, for want of unwind data) are different, however equal their frames.
    roots = np.where(stacks.parents < NODE_FIRST_ID, stacks.parents, NODE_UNWIND_GAP).astype(np.uint32)
    return PathNodes(stacks.find_above(), roots, stacks.pcs, stacks.make_codes())


def prune_paths(paths: CallPaths, values: Values, minimum: Values) -> CallPaths:
    """Cuts off the nodes that are below the minimum in every figure.

    Args:
        paths: From the root down.
        values: uint64[n_stacks, m], m figures of each stack.
        minimum: uint64[m].
    """
    return keep_paths(paths, _reach_minimum(sum_paths(paths, values), minimum))


def sum_paths(paths: CallPaths, values: Values) -> Values:
    """Returns m figures of each node with all below it: uint64[n, m], of uint64[n_stacks, m]."""
    return sum_subtrees(paths.parents, _add_up(paths, values))


def keep_paths(paths: CallPaths, kept: NDArray[np.bool_]) -> CallPaths:
    """Cuts off the nodes that are not kept: bool[n]. Those above a kept node must be kept."""
    index = np.full(len(paths) + 1, -1, dtype=np.int64)
    index[np.flatnonzero(kept)] = np.arange(np.count_nonzero(kept))
    nearest = np.append(find_marked(paths.parents, kept), -1)[paths.ends]
    return CallPaths(
        index[paths.parents[kept]], paths.rows[kept], paths.codes[kept], index[nearest], nearest != paths.ends
    )


def elide_paths(paths: CallPaths, kept: NDArray[np.bool_], weights: NDArray[np.float64], most: int) -> CallPaths:
    """Leaves out what lies between the nodes that are kept and the leaves: no stack loses the frame that it ends with.

    Args:
        paths: From the root down, whole.
        kept: bool[n]. Those above a kept node must be kept.
        weights: float64[n_stacks], which leaves are worth most.
        most: How many leaves are shown below what was left out. Stacks with another leaf end at the node above it.
    """
    short = keep_paths(paths, kept)
    cut = np.flatnonzero(short.cut)
    above, gaps = np.unique(short.ends[cut], return_inverse=True)
    n_codes = int(paths.codes.max(initial=0)) + 1
    nodes = paths.ends[cut]
    keys, first, leaves = np.unique(gaps * n_codes + paths.codes[nodes], return_index=True, return_inverse=True)
    shown = np.sort(np.argsort(-np.bincount(leaves, weights[cut], len(keys)), kind="stable")[:most])
    gap_of_leaf = len(short) + keys // n_codes
    ends, number = short.ends.copy(), gap_of_leaf.copy()
    number[shown] = len(short) + len(above) + np.arange(len(shown))
    ends[cut] = number[leaves]
    shown_nodes = nodes[first[shown]]
    return CallPaths(
        np.concatenate([short.parents, above, gap_of_leaf[shown]]),
        np.concatenate([short.rows, np.full(len(above), LEFT_OUT), paths.rows[shown_nodes]]),
        np.concatenate([short.codes, np.full(len(above), n_codes), paths.codes[shown_nodes]]),
        ends,
        np.zeros(len(ends), dtype=np.bool_),
    )


def add_left_out(paths: CallPaths) -> CallPaths:
    """Adds a stack that has nothing but a node LEFT_OUT: it stands for all stacks that have no path here."""
    return CallPaths(
        np.append(paths.parents, -1),
        np.append(paths.rows, LEFT_OUT),
        np.append(paths.codes, int(paths.codes.max(initial=0)) + 1),
        np.append(paths.ends, len(paths)),
        np.append(paths.cut, False),
    )


def invert_paths(paths: CallPaths, values: Values, minimum: Values) -> CallPaths:
    """Returns the paths from the leaf up, without the nodes that are below the minimum in every figure.

    Args:
        paths: From the root down, whole.
        values: uint64[n_stacks, m], m figures of each stack.
        minimum: uint64[m].
    """
    own = _add_up(paths, values)
    leaf = np.flatnonzero(np.isin(np.arange(len(paths)), paths.ends))
    at = leaf.copy()  # where each distinct stack is on its way to the root
    ends = np.full(len(leaf), -1, dtype=np.int64)
    open_stacks = np.arange(len(leaf))
    parts: list[tuple[Rows, Rows, Rows]] = [(_NONE, _NONE, _NONE)]
    n_nodes, n_codes = 0, int(paths.codes.max(initial=0)) + 1
    while len(open_stacks):
        keys = (ends[open_stacks] + 1) * n_codes + paths.codes[at[open_stacks]]
        distinct, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        totals = np.zeros((len(distinct), own.shape[1]), dtype=np.uint64)
        np.add.at(totals, inverse, own[leaf[open_stacks]])
        kept = _reach_minimum(totals, minimum)
        parts.append(
            (distinct[kept] // n_codes - 1, paths.rows[at[open_stacks[first[kept]]]], distinct[kept] % n_codes)
        )
        number = np.where(kept, n_nodes + np.cumsum(kept) - 1, -1)[inverse]
        n_nodes += int(np.count_nonzero(kept))
        open_stacks, number = open_stacks[number >= 0], number[number >= 0]
        ends[open_stacks] = number
        at[open_stacks] = paths.parents[at[open_stacks]]
        open_stacks = open_stacks[at[open_stacks] >= 0]
    parents, rows, codes = (np.concatenate(column) for column in zip(*parts, strict=True))
    of_node = np.full(len(paths) + 1, -1, dtype=np.int64)
    of_node[leaf] = ends
    cut = np.zeros(len(paths) + 1, dtype=np.bool_)
    cut[leaf] = at >= 0
    return CallPaths(parents, rows, codes, of_node[paths.ends], cut[paths.ends])


def _add_up(paths: CallPaths, values: Values) -> Values:
    """Returns the sums of the stacks that end at each node: uint64[n, m]."""
    sums = np.zeros((len(paths), values.shape[1]), dtype=np.uint64)
    found = paths.ends >= 0
    np.add.at(sums, paths.ends[found], values[found])
    return sums


def _reach_minimum(totals: Values, minimum: Values) -> NDArray[np.bool_]:
    reached: NDArray[np.bool_] = np.logical_or.reduce(totals >= np.maximum(minimum, 1), axis=1)
    return reached
