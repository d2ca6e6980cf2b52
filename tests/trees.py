"""Call trees as a test writes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vizreport.analysis.call_tree import CallTree
from vizreport.analysis.figures import ALLOCATED, COUNT, LEAKED, PEAK, TEMPORARY
from vizreport.analysis.forest import sum_subtrees
from vizreport.model.frames import Frame

FIGURES = {"peak": PEAK, "leaked": LEAKED, "allocated": ALLOCATED, "count": COUNT, "temporary": TEMPORARY}


def make_tree(*nodes: tuple[int, str | None], ends: Sequence[int] = (), **figures: Sequence[int]) -> CallTree:
    """Makes a tree of (parent, function), numbered from 1; figures are each node's own."""
    own = np.zeros((len(nodes) + 1, len(FIGURES)), np.uint64)
    for name, values in figures.items():
        own[1 : len(values) + 1, FIGURES[name]] = values
    parents = np.array([-1, *(parent for parent, _ in nodes)], np.int64)
    return CallTree(
        parents=parents,
        frames=np.arange(-1, len(nodes), dtype=np.int64),
        self_values=own,
        other_values=np.zeros_like(own),
        total_values=sum_subtrees(parents, own),
        ends=np.array(ends, np.int64),
        table=tuple(Frame(function, "m", k) for k, (_, function) in enumerate(nodes)),
    )
