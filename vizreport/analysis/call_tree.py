"""The tree of functions that call stacks make: how much each of them accounts for, itself and with all it calls.

From the root down, or from the leaf up (inverted). The text tree, the flame graph and the report's table all are this.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.allocator_frames import is_allocator_frame
from vizreport.analysis.call_paths import LEFT_OUT, CallPaths
from vizreport.analysis.forest import Rows, Values, find_marked, number_depth_first, sum_subtrees
from vizreport.kernels.paths import merge_nodes
from vizreport.model.frames import Frame
from vizreport.model.names import Names

SMALLER = Frame("(smaller call paths)", None, 0)
"""Stands in trees for what is too small to be shown."""


@dataclass(frozen=True, slots=True)
class CallTree:
    """Functions by who called them, or inverted by whom they called. Node 0 is all stacks together.

    A node's total is its self, its other, and the totals of the nodes below it.

    Attributes:
        parents: int64[n], less than the node's own number; of node 0: -1.
        frames: int64[n], rows of ``table``; of node 0: -1.
        self_values: uint64[n, m], m figures of the stacks that end here. Of node 0: those without frames.
        other_values: uint64[n, m], of those that go on in parts too small to be shown.
        total_values: uint64[n, m].
        ends: int64[n_stacks], the node at which each stack ends; 0 where all its figures are 0.
        table: Frames. Calls from different lines of a function are one node; its frame has the line of the largest.
    """

    parents: Rows
    frames: Rows
    self_values: Values
    other_values: Values
    total_values: Values
    ends: Rows
    table: tuple[Frame, ...]

    def __post_init__(self) -> None:
        """Makes the columns read-only."""
        for column in (self.parents, self.frames, self.self_values, self.other_values, self.total_values, self.ends):
            column.flags.writeable = False

    def __len__(self) -> int:
        """Returns the number of nodes."""
        return len(self.parents)

    def find_children(self, figure: int) -> tuple[Rows, Rows]:
        """Returns int64[n + 1] and int64[n - 1]: where each node's children start in the second, the largest first."""
        totals = self.total_values[1:, figure]
        order = np.lexsort((np.arange(len(totals)), np.uint64((1 << 64) - 1) - totals, self.parents[1:]))
        starts = np.searchsorted(self.parents[1:][order], np.arange(len(self) + 1))
        return starts.astype(np.int64), order + 1


def build_tree(paths: CallPaths, names: Names, values: Values, *, inverted: bool, folded: bool = True) -> CallTree:
    """Builds the tree of functions.

    Args:
        paths: Of the stacks, from their call sites on; from the root down, or inverted.
        names: Of all rows in ``paths`` that are not left out.
        values: uint64[n_stacks, m], m figures of each stack; the first decides whose line a node shows.
        inverted: How ``paths`` run.
        folded: Leave out inlined allocator frames too.
    """
    names = _name_left_out(names)
    parents, frames, ends = _expand(paths, names, inverted=inverted)
    is_allocator = np.array([folded and is_allocator_frame(frame) for frame in names.table], dtype=np.bool_)
    folding = is_allocator[frames]
    if inverted:
        parents = _fold_top(parents, folding)
    else:
        ends = _fold_ends(parents, ends, folding)
    functions = _number_functions(names.table)
    merged, tree_parents = merge_nodes(parents, functions[frames])
    n_nodes, at = len(tree_parents) + 1, np.append(merged + 1, 0)[ends]  # node 0 is all

    own = np.zeros((n_nodes, values.shape[1]), dtype=np.uint64)
    other = own.copy()
    np.add.at(own, at[~paths.cut], values[~paths.cut])
    np.add.at(other, at[paths.cut], values[paths.cut])
    tree_parents = np.concatenate([[-1], tree_parents + 1])
    totals = sum_subtrees(tree_parents, own + other)
    shown = _pick_frames(parents, ends, values, merged)
    kept: NDArray[np.bool_] = np.logical_or.reduce(totals > 0, axis=1)  # what was folded away has nothing left
    kept[0] = True
    index = np.cumsum(kept) - 1
    return CallTree(
        parents=np.concatenate([[-1], index[tree_parents[kept][1:]]]),
        frames=np.concatenate([[-1], frames[shown]])[kept],
        self_values=own[kept],
        other_values=other[kept],
        total_values=totals[kept],
        ends=np.where(kept[at], index[at], 0),
        table=names.table,
    )


def sort_depth_first(tree: CallTree) -> CallTree:
    """Returns the tree with its nodes numbered so that all that is below a node follows it at once."""
    places = number_depth_first(tree.parents)
    order = np.argsort(places)
    return CallTree(
        parents=np.append(places, -1)[tree.parents[order]],
        frames=tree.frames[order],
        self_values=tree.self_values[order],
        other_values=tree.other_values[order],
        total_values=tree.total_values[order],
        ends=places[tree.ends],
        table=tree.table,
    )


def _name_left_out(names: Names) -> Names:
    """Returns the names with SMALLER for what was left out."""
    return Names(
        rows=np.concatenate([[LEFT_OUT], names.rows]),
        starts=np.concatenate([[0], names.starts + 1]),
        ids=np.concatenate([[len(names.table)], names.ids]),
        table=(*names.table, SMALLER),
    )


def _expand(paths: CallPaths, names: Names, *, inverted: bool) -> tuple[Rows, Rows, Rows]:
    """Makes a node of each frame, inlined ones too.

    Returns:
        int64[k], parents; int64[k], rows of names.table; int64[n_stacks], the last node of each stack.
    """
    at = np.searchsorted(names.rows, paths.rows)
    starts, counts = names.starts[at], names.starts[at + 1] - names.starts[at]
    first = np.cumsum(counts) - counts
    of_node = np.repeat(np.arange(len(paths)), counts)
    step = np.arange(len(of_node)) - first[of_node]
    last = np.append(first + counts - 1, -1)
    parents = np.where(step > 0, np.arange(len(of_node)) - 1, last[paths.parents[of_node]])
    # Innermost first, as names have them, is the way up.
    inside = step if inverted else counts[of_node] - 1 - step
    return parents, names.ids[starts[of_node] + inside], last[paths.ends]


def _fold_ends(parents: Rows, ends: Rows, folding: NDArray[np.bool_]) -> Rows:
    """Takes an allocator's frames from the leaf ends, all but the outermost: returns where stacks end now."""
    return np.append(find_marked(parents, ~folding | (parents < 0)), -1)[ends]


def _fold_top(parents: Rows, folding: NDArray[np.bool_]) -> Rows:
    """Takes an allocator's frames from the top, where inverted paths have their leaves.

    Returns parents, -1 where there were only such frames above. A stack that has nothing else ends at its outermost.
    """
    first_other = np.append(find_marked(parents, ~folding), -1)
    return np.where(first_other[parents] < 0, -1, parents)


def _number_functions(table: tuple[Frame, ...]) -> Rows:
    """Returns numbers that are equal where frames are of one function: int64[len(table)]."""
    numbers: dict[tuple[str | int | None, str | None], int] = {}
    return np.array(
        [numbers.setdefault((frame.function or frame.address, frame.module), len(numbers)) for frame in table],
        dtype=np.int64,
    )


def _pick_frames(parents: Rows, ends: Rows, values: Values, merged: Rows) -> Rows:
    """Returns for each merged node the node with the largest first figure of those it was made of."""
    own = np.zeros((len(parents) + 1, 1), dtype=np.uint64)
    np.add.at(own, ends, values[:, :1])
    totals = sum_subtrees(parents, own[:-1])[:, 0]
    order = np.lexsort((np.uint64((1 << 64) - 1) - totals, merged))
    _, first = np.unique(merged[order], return_index=True)
    return order[first]
