"""The call trees of one process image that a page shows: from the root down, and inverted.

Both are cut to a number of nodes that a page can carry. What is cut off stays in the sums, as smaller parts of the
function that it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.call_paths import CallPaths, find_paths, invert_paths, prune_paths
from vizreport.analysis.call_tree import CallTree, build_tree
from vizreport.analysis.forest import Rows, Values, sum_subtrees
from vizreport.analysis.stack_groups import find_ends
from vizreport.model.replay import StackTable
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Image
from vizreport.symbols.symbolizer import Symbolizer

_MOST_NODES = 40_000
_INVERTED_SHARE = 0.0005


@dataclass(frozen=True, slots=True)
class PageTree:
    """A call tree, and which stacks end in a part of it that is too small to be shown.

    Attributes:
        tree: Its figures are those of ``stack_figures``.
        cut: bool[n_stacks].
    """

    tree: CallTree
    cut: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PageTrees:
    """The same call stacks both ways up."""

    upright: PageTree
    inverted: PageTree


def stack_figures(table: StackTable) -> Values:
    """Returns the figures of each stack that pages show: uint64[n_stacks, 5], as views.calltree.METRICS."""
    return np.column_stack(
        [table.peak_bytes, table.live_bytes, table.bytes_allocated, table.allocs, table.temporary]
    ).astype(np.uint64)


def build_page_trees(image: Image, stacks: Stacks, table: StackTable, symbolizer: Symbolizer) -> PageTrees:
    """Builds both trees. Only what they show is named."""
    values = stack_figures(table)
    leaves, _ = find_ends(stacks, table.stacks)
    paths = find_paths(stacks, leaves)
    wholes = values.sum(axis=0, dtype=np.uint64)
    upright = prune_paths(paths, values, _find_minimum(paths, values, wholes))
    inverted = invert_paths(paths, values, (wholes * _INVERTED_SHARE).astype(np.uint64))
    rows: Rows = np.concatenate([upright.rows, inverted.rows])
    names = symbolizer.name_stacks(image, stacks, rows)
    return PageTrees(
        PageTree(build_tree(upright, names, values, inverted=False), upright.cut),
        PageTree(build_tree(inverted, names, values, inverted=True), inverted.cut),
    )


def _find_minimum(paths: CallPaths, values: Values, wholes: Values) -> Values:
    """Returns the figures below which nodes are cut off, so that at most _MOST_NODES stay."""
    if len(paths) <= _MOST_NODES:
        return np.ones_like(wholes)
    own = np.zeros((len(paths), values.shape[1]), dtype=np.uint64)
    found = paths.ends >= 0
    np.add.at(own, paths.ends[found], values[found])
    shares = (sum_subtrees(paths.parents, own) / np.maximum(wholes, 1)).max(axis=1)
    share = np.partition(shares, len(shares) - _MOST_NODES)[len(shares) - _MOST_NODES]
    minimum: Values = np.ceil(wholes * np.nextafter(share, 1)).astype(np.uint64)
    return minimum
