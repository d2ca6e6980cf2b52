"""The call stacks of an image that account for most of something, with names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.allocator_frames import fold_stack
from vizreport.analysis.call_sites import find_call_sites
from vizreport.analysis.forest import Rows, Values, climb
from vizreport.analysis.stack_groups import find_ends, group_stacks
from vizreport.model.frames import Frame
from vizreport.model.names import Names
from vizreport.model.replay import StackTable
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Image
from vizreport.symbols.symbolizer import StackNamer


@dataclass(frozen=True, slots=True)
class NamedStack:
    """What is said of one call stack.

    Attributes:
        values: Two figures; the list says which. Stacks are ordered by the first, then the second.
        stack: Frames, leaf first.
        root: format.NODE_COMPLETE, NODE_DEPTH_CUT or NODE_UNWIND_GAP: where the stack ends.
    """

    values: tuple[int, int]
    stack: tuple[Frame, ...]
    root: int


@dataclass(frozen=True, slots=True)
class StackList:
    """The largest of some call stacks.

    Attributes:
        entries: As many as were asked for, largest first.
        n_stacks: How many there are.
    """

    entries: tuple[NamedStack, ...]
    n_stacks: int


NO_STACKS = StackList((), 0)


class StackLister:
    """Lists call stacks of one image by several figures. Only those that are listed are named.

    Attributes:
        groups: Stacks that are one for a reader.
        sites: int64[n], the row of Stacks where each row of the table begins.
    """

    def __init__(
        self, image: Image, stacks: Stacks, table: StackTable, symbolizer: StackNamer, *, folded: bool
    ) -> None:
        """Groups the stacks.

        Args:
            image: Whose stacks they are.
            stacks: All of its stacks.
            table: What they account for.
            symbolizer: Of the trace.
            folded: Leave out allocator frames.
        """
        self._image, self._stacks, self._symbolizer, self._folded = image, stacks, symbolizer, folded
        self._leaves, roots = find_ends(stacks, table.stacks)
        self.sites = find_call_sites(stacks, self._leaves, self.name_rows) if folded else self._leaves
        self.groups = group_stacks(stacks, self.sites, roots)

    def name_rows(self, rows: Rows) -> Names:
        """Returns the names of rows of the stacks."""
        return self._symbolizer.name_stacks(self._image, self._stacks, rows)

    def rank(self, first: NDArray[np.uint64], second: NDArray[np.uint64]) -> Ranking:
        """Orders the stacks that have any of two figures.

        Args:
            first: uint64[n], of each row of the table.
            second: uint64[n].
        """
        values = self.groups.sum_values(np.column_stack([first, second]))
        top = np.uint64((1 << 64) - 1)
        some = np.flatnonzero((values > 0).any(axis=1))
        return Ranking(some[np.lexsort((top - values[some, 1], top - values[some, 0]))], values)

    def name(self, ranking: Ranking) -> tuple[NamedStack, ...]:
        """Returns the stacks of a ranking, with names."""
        stacks = self._find_frames(self.groups.leaves[ranking.order])
        return tuple(
            NamedStack(
                (int(ranking.values[group, 0]), int(ranking.values[group, 1])),
                fold_stack(stack) if self._folded else stack,
                int(self.groups.roots[group]),
            )
            for group, stack in zip(ranking.order.tolist(), stacks, strict=True)
        )

    def name_members(self, ranking: Ranking) -> list[tuple[Frame, ...]]:
        """Returns for each stack of a ranking one of those that it stands for, allocator frames and all."""
        return self._find_frames(self._leaves[self.groups.members[ranking.order]])

    def _find_frames(self, leaves: Rows) -> list[tuple[Frame, ...]]:
        """Returns the frames of the stacks that begin at these rows, leaf first."""
        above = self._stacks.find_above()
        stacks = [climb(above, leaf) for leaf in leaves.tolist()]
        names = self.name_rows(np.array([row for stack in stacks for row in stack], dtype=np.int64))
        frames = {row: names.frames(row) for row in names.rows.tolist()}
        return [tuple(frame for row in stack for frame in frames[row]) for stack in stacks]


@dataclass(frozen=True, slots=True)
class Ranking:
    """An order of groups.

    Attributes:
        order: int64[k], groups, the largest first.
        values: uint64[n, 2], of all groups.
    """

    order: Rows
    values: Values
