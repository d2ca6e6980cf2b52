"""Call stacks that end too early."""

from __future__ import annotations

import numpy as np

from vizreport.model.replay import StackTable
from vizreport.model.stacks import Stacks
from vizreport.trace.format import NODE_FIRST_ID, NODE_UNWIND_GAP


def count_gaps(table: StackTable, stacks: Stacks) -> int:
    """Counts the events whose stack was cut for want of unwind data or module, or of which nodes are lost."""
    rows = stacks.find_rows(table.stacks)
    roots = np.where(table.stacks < NODE_FIRST_ID, table.stacks, NODE_UNWIND_GAP)
    found = rows >= 0
    roots[found] = stacks.find_roots()[rows[found]]
    return int(table.walks[roots == NODE_UNWIND_GAP].sum())
