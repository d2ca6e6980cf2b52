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


@dataclass(frozen=True, slots=True)
class TreeSize:
    """How large the trees may be.

    Attributes:
        nodes: Of the upright tree at most, without the leaves below.
        leaves: Of those whose path was too small at most.
        inverted_share: Parts of the whole below which a path of the inverted tree is cut.
    """

    nodes: int
    leaves: int
    inverted_share: float


REPORT_SIZE = TreeSize(nodes=30_000, leaves=15_000, inverted_share=0.0005)


@dataclass(frozen=True, slots=True)
class PageTree:
    """A call tree, and which stacks end in a part of it that is too small to be shown.

    Attributes:
        tree: Its figures are those that were given.
        cut: bool[n_stacks].
    """

    tree: CallTree
    cut: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PageTrees:
    """The same call stacks both ways up."""

    upright: PageTree
    inverted: PageTree


def build_page_trees(paths: CallPaths, values: Values, name: Namer, size: TreeSize = REPORT_SIZE) -> PageTrees:
    """Builds both trees. Only what they show is named.

    Args:
        paths: Of some stacks, whole, from their call sites on.
        values: uint64[n_stacks, m], what these account for.
        name: Gives the names of rows.
        size: At most so large.
    """
    wholes = values.sum(axis=0, dtype=np.uint64)
    shares = (values / np.maximum(wholes, 1)).sum(axis=1)
    upright = elide_paths(paths, _choose_nodes(sum_paths(paths, values), wholes, size.nodes), shares, size.leaves)
    inverted = invert_paths(paths, values, (wholes * size.inverted_share).astype(np.uint64))
    rows: Rows = np.concatenate([upright.rows, inverted.rows])
    names = name(rows[rows != LEFT_OUT])
    return PageTrees(
        PageTree(build_tree(upright, names, values, inverted=False), upright.cut),
        PageTree(build_tree(inverted, names, values, inverted=True), inverted.cut),
    )


def _choose_nodes(totals: Values, wholes: Values, most: int) -> NDArray[np.bool_]:
    """Returns which nodes stay: at most so many, those with the largest share of any figure; none with nothing."""
    shares = (totals / np.maximum(wholes, 1)).max(axis=1)
    kept: NDArray[np.bool_] = shares > 0
    if np.count_nonzero(kept) > most:
        kept = shares > np.partition(shares, -most - 1)[-most - 1]
    return kept
