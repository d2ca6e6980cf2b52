"""Some consecutive events of one image as the columns of a decoded EVENTS block: the unit that replay is fed with.

Tighter than model.trace.Events: only events that have a size or a stack have one here, and each time and each address
stands once. docs/trace-format.md, "Columns", is where the columns come from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.model.trace import Events
from vizreport.trace import format as fmt

_LAST_NS = (1 << 64) - 1
_MASKS = {
    classes: np.isin(fmt.CLASS_OF_KIND, classes)
    for classes in (fmt.SIZED_CLASSES, fmt.STACKED_CLASSES, fmt.STACKED_CLASSES + fmt.FREE_STACKED_CLASSES)
}


@dataclass(frozen=True, slots=True)
class EventBlock:
    """Events of one image, at most format.MAX_EVENTS, in order.

    Attributes:
        kinds: uint8[n], numbers of kinds.def.
        threads: uint32[n], indexes of Image.threads.
        run_times: uint64[n_runs], ns since start, times that events have.
        run_ends: uint32[n_runs], where the events of each time end; increasing, the last is n.
        addresses: uint64[n_addresses], the block's addresses; some may be equal.
        ordinals: uint32[n], which of ``addresses`` each event has.
        sizes: uint64[n_sized], bytes, of the events whose kind has a size.
        stacks: uint32[n_stacked], stack node ids, of the events whose kind has a stack.
        free_stacks: Frees have stacks.
    """

    kinds: NDArray[np.uint8]
    threads: NDArray[np.uint32]
    run_times: NDArray[np.uint64]
    run_ends: NDArray[np.uint32]
    addresses: NDArray[np.uint64]
    ordinals: NDArray[np.uint32]
    sizes: NDArray[np.uint64]
    stacks: NDArray[np.uint32]
    free_stacks: bool

    def __len__(self) -> int:
        """Returns the number of events."""
        return len(self.kinds)

    @property
    def sized(self) -> NDArray[np.bool_]:
        """bool[n]: the event has a size."""
        return find_sized(self.kinds)

    @property
    def stacked(self) -> NDArray[np.bool_]:
        """bool[n]: the event has a stack."""
        return find_stacked(self.kinds, free_stacks=self.free_stacks)

    @property
    def times(self) -> NDArray[np.uint64]:
        """uint64[n]: time of each event, ns since start."""
        return np.repeat(self.run_times, np.diff(self.run_ends, prepend=np.uint32(0)))

    def find_row(self, time_ns: int) -> int:
        """Returns how many of the events happened at or before a time."""
        latest = np.uint64(min(time_ns, _LAST_NS))  # a trace may say anything, and a caller goes on from there
        runs = int(np.searchsorted(self.run_times, latest, side="right"))
        return int(self.run_ends[runs - 1]) if runs else 0

    def split(self, row: int) -> tuple[EventBlock, EventBlock]:
        """Returns the events before a row, and those from it on; neither may be none."""
        n_sized, n_stacked = np.count_nonzero(self.sized[:row]), np.count_nonzero(self.stacked[:row])
        run = int(np.searchsorted(self.run_ends, row, side="left"))
        head_ends = self.run_ends[: run + 1].copy()
        head_ends[-1] = row
        tail_run = run + int(self.run_ends[run] == row)
        head = EventBlock(
            self.kinds[:row], self.threads[:row], self.run_times[: run + 1], head_ends, self.addresses,
            self.ordinals[:row], self.sizes[:n_sized], self.stacks[:n_stacked], self.free_stacks,
        )  # fmt: skip
        tail = EventBlock(
            self.kinds[row:], self.threads[row:], self.run_times[tail_run:],
            self.run_ends[tail_run:] - np.uint32(row), self.addresses,
            self.ordinals[row:], self.sizes[n_sized:], self.stacks[n_stacked:], self.free_stacks,
        )  # fmt: skip
        return head, tail

    def expand(self) -> Events:
        """Returns the same with one value for each event in every column."""
        n = len(self)
        sizes, stacks = np.zeros(n, dtype=np.uint64), np.zeros(n, dtype=np.uint32)
        sizes[self.sized] = self.sizes
        stacks[self.stacked] = self.stacks
        return Events(self.kinds, self.threads, self.times, self.addresses[self.ordinals], sizes, stacks)


def find_sized(kinds: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tells which events have a size: bool[n]."""
    return _MASKS[fmt.SIZED_CLASSES][kinds]


def find_stacked(kinds: NDArray[np.uint8], *, free_stacks: bool) -> NDArray[np.bool_]:
    """Tells which events have a stack: bool[n]."""
    classes = fmt.STACKED_CLASSES + fmt.FREE_STACKED_CLASSES if free_stacks else fmt.STACKED_CLASSES
    return _MASKS[classes][kinds]


def pack_events(events: Events) -> EventBlock:
    """Returns at most format.MAX_EVENTS events as a block; frees have no stacks in it."""
    n = len(events)
    is_last = np.ones(n, np.bool_)
    is_last[:-1] = events.times[1:] != events.times[:-1]
    run_ends = np.flatnonzero(is_last) + 1
    return EventBlock(
        kinds=events.kinds,
        threads=events.threads,
        run_times=events.times[run_ends - 1],
        run_ends=run_ends.astype(np.uint32),
        addresses=events.addresses,
        ordinals=np.arange(n, dtype=np.uint32),
        sizes=events.sizes[find_sized(events.kinds)],
        stacks=events.stacks[find_stacked(events.kinds, free_stacks=False)],
        free_stacks=False,
    )
