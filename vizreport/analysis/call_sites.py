"""Where call stacks leave the allocator: their call sites."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vizreport.analysis.allocator_frames import is_allocator_frame
from vizreport.analysis.forest import Rows
from vizreport.model.names import Names
from vizreport.model.stacks import Stacks

Namer = Callable[[Rows], Names]


def find_call_sites(stacks: Stacks, leaves: Rows, name: Namer) -> Rows:
    """Returns the row of each stack's first node that has another frame than an allocator's.

    Args:
        stacks: The image's.
        leaves: int64[n], rows of leaf nodes; -1: a stack without frames.
        name: Gives the names of rows.

    Returns:
        int64[n], rows. A stack of nothing but allocator frames keeps its outermost.
    """
    above = stacks.find_above()
    sites: Rows = leaves.copy()
    open_rows = np.unique(leaves[leaves >= 0])
    while len(open_rows):
        names = name(open_rows)
        mine = np.array([is_allocator_frame(frame) for frame in names.table], dtype=np.bool_)
        folded = np.logical_and.reduceat(mine[names.ids], names.starts[:-1]) & (above[names.rows] >= 0)
        if not folded.any():
            break
        next_row = np.arange(len(above))
        next_row[names.rows[folded]] = above[names.rows[folded]]
        found = sites >= 0
        sites[found] = next_row[sites[found]]
        open_rows = np.unique(above[names.rows[folded]])
    return sites
