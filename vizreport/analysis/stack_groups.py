"""Call stacks that are one for a reader: the same path from call site to root, whatever ids it has in the trace."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.call_paths import CallPaths, find_paths
from vizreport.analysis.forest import Rows, Values
from vizreport.model.stacks import Stacks
from vizreport.trace.format import NODE_FIRST_ID, NODE_UNWIND_GAP


@dataclass(frozen=True, slots=True)
class StackGroups:
    """Groups of call stacks of one image.

    Attributes:
        paths: From the root down.
        ends: int64[n], last node of each group's path; -1: it has no frame.
        roots: int64[n], format.NODE_COMPLETE, NODE_DEPTH_CUT or NODE_UNWIND_GAP: where the stacks end.
        groups: int64[n_stacks], the group of each stack.
        members: int64[n], one stack of each group.
    """

    paths: CallPaths
    ends: Rows
    roots: Rows
    groups: Rows
    members: Rows

    def sum_values(self, values: Values) -> Values:
        """Adds up m figures of each stack by group: uint64[n_stacks, m] to uint64[n, m]."""
        sums = np.zeros((len(self.ends), values.shape[1]), dtype=np.uint64)
        np.add.at(sums, self.groups, values)
        return sums

    def find_rows(self, group: int) -> list[int]:
        """Returns the rows of Stacks of a group's path, call site first."""
        rows: list[int] = []
        node = int(self.ends[group])
        while node >= 0:
            rows.append(int(self.paths.rows[node]))
            node = int(self.paths.parents[node])
        return rows


def group_stacks(stacks: Stacks, leaves: Rows, roots: Rows) -> StackGroups:
    """Groups call stacks.

    Args:
        stacks: The image's.
        leaves: int64[n], rows of Stacks where the stacks begin; -1: a stack without frames.
        roots: int64[n], as find_ends returns them.
    """
    paths = find_paths(stacks, leaves)
    # Stacks without frames are told apart by how they end; the others are by their paths, which know it.
    keys = np.where(paths.ends >= 0, paths.ends + NODE_FIRST_ID, roots)
    _, first, groups = np.unique(keys, return_index=True, return_inverse=True)
    return StackGroups(paths, paths.ends[first], roots[first], groups.astype(np.int64), first.astype(np.int64))


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
