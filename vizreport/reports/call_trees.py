"""The call trees of one process image that a page shows: from the root down, and inverted.

Both are cut to a number of nodes that a page can carry. From the root down, paths that are too small lose their middle,
not the function that allocates; inverted, their far end, which stays in the sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.call_paths import LEFT_OUT, CallPaths, elide_paths, invert_paths, sum_paths
from vizreport.analysis.call_sites import Namer
from vizreport.analysis.call_tree import CallTree, build_tree
from vizreport.analysis.forest import Rows, Values
from vizreport.analysis.metrics import METRICS, take_values
from vizreport.model.replay import StackTable

_MOST_NODES = 30_000
_MOST_LEAVES = 15_000
_INVERTED_SHARE = 0.0005


@dataclass(frozen=True, slots=True)
class PageTree:
    """A call tree, and which stacks end in a part of it that is too small to be shown.

    Attributes:
        tree: Its figures are those of ``analysis.metrics.METRICS``.
        cut: bool[n_stacks].
    """

    tree: CallTree
    cut: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PageTrees:
    """The same call stacks both ways up."""

    upright: PageTree
    inverted: PageTree


def build_page_trees(paths: CallPaths, table: StackTable, name: Namer) -> PageTrees:
    """Builds both trees. Only what they show is named.

    Args:
        paths: Of the table's stacks, whole, from their call sites on.
        table: What the stacks account for.
        name: Gives the names of rows.
    """
    values = take_values(table, list(METRICS))
    wholes = values.sum(axis=0, dtype=np.uint64)
    shares = (values / np.maximum(wholes, 1)).sum(axis=1)
    upright = elide_paths(paths, _choose_nodes(sum_paths(paths, values), wholes), shares, _MOST_LEAVES)
    inverted = invert_paths(paths, values, (wholes * _INVERTED_SHARE).astype(np.uint64))
    rows: Rows = np.concatenate([upright.rows, inverted.rows])
    names = name(rows[rows != LEFT_OUT])
    return PageTrees(
        PageTree(build_tree(upright, names, values, inverted=False), upright.cut),
        PageTree(build_tree(inverted, names, values, inverted=True), inverted.cut),
    )


def _choose_nodes(totals: Values, wholes: Values) -> NDArray[np.bool_]:
    """Returns which nodes stay: at most _MOST_NODES, those with the largest share of any figure; none with nothing."""
    shares = (totals / np.maximum(wholes, 1)).max(axis=1)
    kept: NDArray[np.bool_] = shares > 0
    if np.count_nonzero(kept) > _MOST_NODES:
        kept = shares > np.partition(shares, -_MOST_NODES - 1)[-_MOST_NODES - 1]
    return kept
