"""The orders of call stacks that the terminal's table can have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vizreport.live.session import LiveFigures
from vizreport.live.showing import Shown
from vizreport.reports.stack_lists import NamedStack
from vizreport.units import format_bytes

_Figures = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of each call stack."""

    name: str
    find: Callable[[LiveFigures], _Figures]
    format: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Listing:
    """An order of call stacks: by the first column, those that have any of it.

    Attributes:
        name: As keys and messages call it.
        title: Above the table.
    """

    name: str
    title: str
    columns: tuple[Column, Column]

    def list_stacks(self, shown: Shown, n: int) -> tuple[NamedStack, ...]:
        """Returns the first call stacks."""
        first, second = (column.find(shown.figures) for column in self.columns)
        ranking = shown.lister.rank(first, np.where(first > 0, second, np.uint64(0)))
        return shown.lister.name(replace(ranking, order=ranking.order[:n]))


def _find_growth(figures: LiveFigures) -> _Figures:
    return np.maximum(figures.growth, 0).astype(np.uint64)


def _format_count(count: int) -> str:
    return f"{count:,}"


_LIVE = Column("live", lambda figures: figures.core.stacks.live_bytes, format_bytes)
_BLOCKS = Column("blocks", lambda figures: figures.core.stacks.live_blocks, _format_count)
_GROWTH = Column("per minute", _find_growth, format_bytes)
_ALLOCATED = Column("allocated", lambda figures: figures.core.stacks.bytes_allocated, format_bytes)
_ALLOCS = Column("allocs", lambda figures: figures.core.stacks.allocs, _format_count)
_TEMPORARY = Column("temporary", lambda figures: figures.core.stacks.temporary, _format_count)

LISTINGS = (
    Listing("live bytes", "Live call stacks", (_LIVE, _BLOCKS)),
    Listing("growing", "Growing call stacks, over the last minute", (_GROWTH, _LIVE)),
    Listing("live blocks", "Live call stacks, by blocks", (_BLOCKS, _LIVE)),
    Listing("allocated", "Call stacks by all they allocated", (_ALLOCATED, _ALLOCS)),
    Listing("allocations", "Call stacks by allocations", (_ALLOCS, _ALLOCATED)),
    Listing("temporary", "Call stacks by temporary allocations", (_TEMPORARY, _ALLOCS)),
)
