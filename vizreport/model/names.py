"""The frames of call-stack nodes, as far as they have names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.model.frames import Frame


@dataclass(frozen=True, slots=True)
class Names:
    """What was asked about the nodes of one image. A node has one frame, and one more for each inlined function.

    Attributes:
        rows: int64[n], increasing: the rows of Stacks that were asked for.
        starts: int64[n + 1], where the frames of each row start in ``ids``.
        ids: int64[m], rows of ``table``: innermost frame first, the function that the linker knows last.
        table: The distinct frames.
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    ids: NDArray[np.int64]
    table: tuple[Frame, ...]

    def __post_init__(self) -> None:
        """Makes the columns read-only."""
        for column in (self.rows, self.starts, self.ids):
            column.flags.writeable = False

    def frames(self, row: int) -> tuple[Frame, ...]:
        """Returns the frames of one node, innermost first.

        Raises:
            KeyError: The row was not asked for.
        """
        at = int(np.searchsorted(self.rows, row))
        if at == len(self.rows) or int(self.rows[at]) != row:
            raise KeyError(row)
        return tuple(self.table[frame] for frame in self.ids[self.starts[at] : self.starts[at + 1]])
