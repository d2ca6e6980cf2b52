"""Call stacks that are one for a reader: the same path from call site to root, whatever ids it has in the trace."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.call_paths import make_path_nodes
from vizreport.analysis.forest import Rows, Values
from vizreport.kernels import get_kernels
from vizreport.model.stacks import Stacks
from vizreport.trace.format import NODE_FIRST_ID, NODE_UNWIND_GAP


@dataclass(frozen=True, slots=True)
class StackGroups:
    """Groups of call stacks of one image.

    Attributes:
        leaves: int64[n], the row of Stacks where one stack of each group begins; -1: it has no frame.
        roots: int64[n], format.NODE_COMPLETE, NODE_DEPTH_CUT or NODE_UNWIND_GAP: where the stacks end.
        groups: int64[n_stacks], the group of each stack.
        members: int64[n], the first stack of each group.
    """

    leaves: Rows
    roots: Rows
    groups: Rows
    members: Rows

    def sum_values(self, values: Values) -> Values:
        """Adds up m figures of each stack by group: uint64[n_stacks, m] to uint64[n, m]."""
        sums = np.zeros((len(self.leaves), values.shape[1]), dtype=np.uint64)
        for k in range(values.shape[1]):
            np.add.at(sums[:, k], self.groups, values[:, k])
        return sums


def group_stacks(stacks: Stacks, leaves: Rows, roots: Rows) -> StackGroups:
    """Groups call stacks.

    Args:
        stacks: The image's.
        leaves: int64[n], rows of Stacks where the stacks begin; -1: a stack without frames.
        roots: int64[n], as find_ends returns them.
    """
    groups, members = get_kernels().group_stacks(make_path_nodes(stacks), leaves, roots)
    return StackGroups(leaves[members], roots[members], groups, members)


def find_ends(stacks: Stacks, ids: NDArray[np.uint32]) -> tuple[Rows, Rows]:
    """Returns where call stacks begin and how they end.

    Args:
        stacks: The image's.
        ids: uint32[n], stack node ids.

    Returns:
        int64[n], rows of their leaves, -1 for a stack without frames; int64[n], their roots. A stack of which a node
        is lost is an unwind gap.
    """
    leaves = stacks.find_rows(ids)
    lost = np.where(ids < NODE_FIRST_ID, ids, NODE_UNWIND_GAP)
    roots = np.append(stacks.find_roots(), 0)[leaves]
    return leaves, np.where(leaves >= 0, roots, lost).astype(np.int64)
