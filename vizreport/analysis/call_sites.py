"""Where call stacks leave the allocator: their call sites."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.allocator_frames import is_allocator_frame
from vizreport.analysis.forest import Rows
from vizreport.kernels import get_kernels
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
    above, codes = stacks.find_above(), stacks.make_codes()
    next_row = np.arange(len(above) + 1)  # the last is -1's
    next_row[-1] = -1
    sites: Rows = leaves.copy()
    open_rows = _find_distinct(leaves, len(above))
    while len(open_rows):
        numbers, first = get_kernels().number_frames(stacks.pcs[open_rows], codes[open_rows])
        folded = _find_folded(name(open_rows[first]), open_rows[first])[numbers] & (above[open_rows] >= 0)
        if not folded.any():
            break
        open_rows = open_rows[folded]
        next_row[open_rows] = above[open_rows]
        sites = next_row[sites]
        open_rows = _find_distinct(above[open_rows], len(above))
    return sites


def _find_distinct(rows: Rows, n: int) -> Rows:
    """Returns which of n rows are there, increasing, without -1."""
    marked = np.zeros(n + 1, dtype=np.bool_)
    marked[rows] = True
    return np.flatnonzero(marked[:n])


def _find_folded(names: Names, rows: Rows) -> NDArray[np.bool_]:
    """Tells which rows, each once, have nothing but allocator frames: bool[n]."""
    mine = np.array([is_allocator_frame(frame) for frame in names.table], dtype=np.bool_)
    folded: NDArray[np.bool_] = np.logical_and.reduceat(mine[names.ids], names.starts[:-1])
    return folded[np.searchsorted(names.rows, rows)]
