"""What was live at the end, by call stack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vizreport.model.replay import StackTable
from vizreport.model.stacks import Stacks
from vizreport.trace.format import NODE_FIRST_ID, NODE_UNWIND_GAP


@dataclass(frozen=True, slots=True)
class Leak:
    """Blocks of one call stack that were never freed.

    Attributes:
        rows: Rows of Stacks, leaf first.
        root: format.NODE_COMPLETE, NODE_DEPTH_CUT or NODE_UNWIND_GAP: where the stack ends.
    """

    bytes: int
    blocks: int
    rows: tuple[int, ...]
    root: int


def find_leaks(table: StackTable, stacks: Stacks) -> tuple[Leak, ...]:
    """Groups the image's own live blocks by call stack, those with most bytes first.

    Ids are names of paths, and a path may have several names, so paths are compared.
    """
    leaking = np.flatnonzero(table.live_blocks)
    ids = table.stacks[leaking]
    leaves = stacks.find_rows(ids)
    above = stacks.find_above().tolist()
    representatives = _Representatives(stacks, above)
    lost = np.where(ids < NODE_FIRST_ID, ids, NODE_UNWIND_GAP)

    # What a stack is known by: its leaf's representative, or minus its root where it has no frame.
    keys = [
        representatives.find(row) if row >= 0 else ~root
        for row, root in zip(leaves.tolist(), lost.tolist(), strict=True)
    ]
    names, merged = np.unique(np.array(keys, dtype=np.int64), return_inverse=True)
    n_blocks, n_bytes = (np.zeros(len(names), dtype=np.uint64) for _ in range(2))
    np.add.at(n_blocks, merged, table.live_blocks[leaking])
    np.add.at(n_bytes, merged, table.live_bytes[leaking])

    roots = stacks.find_roots()
    leaks = [
        Leak(size, count, _walk(above, name), int(roots[name]) if name >= 0 else ~name)
        for size, count, name in zip(n_bytes.tolist(), n_blocks.tolist(), names.tolist(), strict=True)
    ]
    return tuple(sorted(leaks, key=lambda leak: (-leak.bytes, -leak.blocks, leak.rows)))


def _walk(above: list[int], row: int) -> tuple[int, ...]:
    """Returns the rows of a stack's frames, leaf first."""
    rows: list[int] = []
    while row >= 0:
        rows.append(row)
        row = above[row]
    return tuple(rows)


class _Representatives:
    """One row for each path: the first that was asked for of those that name it."""

    def __init__(self, stacks: Stacks, above: list[int]) -> None:
        codes = stacks.generations.astype(np.uint64) * np.uint64(2) + stacks.interrupted
        self._frames = list(zip(stacks.pcs.tolist(), codes.tolist(), stacks.parents.tolist(), strict=True))
        self._above = above
        self._of_row: dict[int, int] = {}
        self._of_path: dict[tuple[int, int, int], int] = {}

    def find(self, leaf: int) -> int:
        for row in reversed(self._climb(leaf)):
            pc, code, parent = self._frames[row]
            caller = self._above[row]
            key = (pc, code, self._of_row[caller] if caller >= 0 else ~parent)
            self._of_row[row] = self._of_path.setdefault(key, row)
        return self._of_row[leaf]

    def _climb(self, row: int) -> list[int]:
        """Returns the rows from this one on that have no representative yet."""
        rows: list[int] = []
        while row >= 0 and row not in self._of_row:
            rows.append(row)
            row = self._above[row]
        return rows
