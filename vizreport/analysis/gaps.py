"""Call stacks that end too early."""

from __future__ import annotations

import numpy as np

from vizreport.model.stacks import Stacks
from vizreport.model.trace import Events
from vizreport.trace.format import NODE_FIRST_ID, NODE_UNWIND_GAP


def count_gaps(events: Events, stacks: Stacks) -> int:
    """Counts the events whose stack was cut for want of unwind data or module, or of which nodes are lost."""
    leaves, counts = np.unique(events.stacks, return_counts=True)
    rows = stacks.find_rows(leaves)
    roots = np.where(leaves < NODE_FIRST_ID, leaves, NODE_UNWIND_GAP)
    found = rows >= 0
    roots[found] = stacks.find_roots()[rows[found]]
    return int(counts[roots == NODE_UNWIND_GAP].sum())
