"""Interned call stacks of one process image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.trace.format import NODE_FIRST_ID, NODE_UNWIND_GAP


@dataclass(frozen=True, slots=True)
class Stacks:
    """A forest of frames: a stack is the id of its leaf.

    Attributes:
        ids: uint32[n], increasing; from format.NODE_FIRST_ID.
        parents: uint32[n], id of the caller's node, less than the node's own, or a root.
        pcs: uint64[n], return addresses, or the interrupted pc itself.
        generations: uint32[n], code generation that resolves the pc.
        interrupted: bool[n], the pc was interrupted by a signal.
    """

    ids: NDArray[np.uint32]
    parents: NDArray[np.uint32]
    pcs: NDArray[np.uint64]
    generations: NDArray[np.uint32]
    interrupted: NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Makes the columns read-only."""
        for column in (self.ids, self.parents, self.pcs, self.generations, self.interrupted):
            column.flags.writeable = False

    def find_rows(self, ids: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Returns the row of each id, or -1 for roots and for nodes that the trace lost."""
        if len(self.ids) == 0:
            return np.full(len(ids), -1, dtype=np.int64)
        first, last = int(self.ids[0]), int(self.ids[-1])
        if last - first + 1 == len(self.ids):  # no node is lost
            places = ids.astype(np.int64) - first
            places[(ids < first) | (ids > last)] = -1
            return places
        rows = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1).astype(np.int64)
        rows[self.ids[rows] != ids] = -1
        return rows

    def find_above(self) -> NDArray[np.int64]:
        """Returns the row of each node's caller, or -1 if there is none: int64[n]."""
        return self.find_rows(self.parents)

    def make_codes(self) -> NDArray[np.uint64]:
        """Returns generation * 2 + interrupted of each node: uint64[n]."""
        codes: NDArray[np.uint64] = self.generations.astype(np.uint64) * np.uint64(2) + self.interrupted
        return codes

    def find_roots(self) -> NDArray[np.uint32]:
        """Returns the root of each node: uint32[n]. A lost ancestor makes it an unwind gap."""
        above = self.find_above()
        roots = np.where(self.parents < NODE_FIRST_ID, self.parents, NODE_UNWIND_GAP).astype(np.uint32)
        ends = roots[above < 0]
        if (ends == ends[:1]).all():  # most traces have only whole stacks
            return np.full(len(roots), ends[0] if len(ends) else 0, dtype=np.uint32)
        # Pointer jumping: each round doubles how far a node looks; parents have lower rows, so it ends.
        jump = np.where(above < 0, np.arange(len(above)), above)
        while True:
            further = jump[jump]
            if np.array_equal(further, jump):
                return roots[jump]
            jump = further
