"""The call tree of one process image that a page carries: whole, unless a page can't carry it.

From it the page makes the inverted tree and the figures of a range of time. What a page can't carry loses the middle of
its smallest paths, not the functions that allocate: that and where it begins stays.
"""

from __future__ import annotations

import numpy as np

from vizreport.analysis.call_paths import LEFT_OUT, CallPaths, elide_paths, sum_paths
from vizreport.analysis.call_sites import Namer
from vizreport.analysis.call_tree import CallTree, build_tree, sort_depth_first
from vizreport.analysis.forest import Values

_MOST_BYTES = 4 << 20
"""What the tree may take of a page."""
_LEAVES_PER_NODE = 0.1


def build_page_tree(
    paths: CallPaths, values: Values, name: Namer, *, most_nodes: int = _MOST_BYTES, most_bytes: int = _MOST_BYTES
) -> CallTree:
    """Builds the tree, from the root down, numbered depth first.

    Args:
        paths: Of some stacks, whole, from their call sites on.
        values: uint64[n_stacks, m], what these account for.
        name: Gives the names of rows.
        most_nodes: How many nodes of the paths may stay, without functions that allocate below what was left out.
        most_bytes: How much the tree may take of a page, by estimate_bytes.
    """
    n_kept = min(len(paths), most_nodes)
    while True:
        kept = paths if n_kept == len(paths) else _cut(paths, values, n_kept)
        tree = build_tree(kept, name(kept.rows[kept.rows != LEFT_OUT]), values, inverted=False)
        if (estimate := estimate_bytes(tree)) <= most_bytes or n_kept == 0:
            return sort_depth_first(tree)
        n_kept = int(n_kept * min(0.9 * most_bytes / estimate, 0.7))


def estimate_bytes(tree: CallTree) -> int:
    """Returns how much a tree takes of a page, in gzipped base64, if it packs badly.

    A compiler's takes 0.8 bytes for a node and 4 for an end, random stacks with random figures more than twice as much.
    """
    names = {tree.table[frame].function or "" for frame in np.unique(tree.frames[1:]).tolist()}
    return 2 * len(tree) + 10 * len(np.unique(tree.ends)) + sum(16 + len(name) for name in names)


def _cut(paths: CallPaths, values: Values, n_kept: int) -> CallPaths:
    """Keeps the nodes with the largest share of any figure, and below them the functions with the largest shares."""
    wholes = np.maximum(values.sum(axis=0, dtype=np.uint64), 1)
    shares = (sum_paths(paths, values) / wholes).max(axis=1)
    least = float(np.partition(shares, -n_kept - 1)[-n_kept - 1])  # fewer where several have the same: parents go first
    return elide_paths(paths, shares > least, (values / wholes).sum(axis=1), int(n_kept * _LEAVES_PER_NODE))
