"""The replay of one image so far, with what its figures need of the last minute.

Figures depend on the events alone, not on how they were cut into blocks: what must be known of the past is noted at
fixed times.
"""

from __future__ import annotations

from collections import deque
from copy import copy
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.heatmap import Heatmap
from vizreport.kernels import get_kernels
from vizreport.live.occupancy import OccupancyHistory
from vizreport.model.replay import CoreResults, StackTable, Timeline
from vizreport.trace.event_block import EventBlock
from vizreport.trace.format import CLASS_OF_KIND, KindClass

_S = 1_000_000_000
RATE_NS = 2 * _S
GROWTH_NS = 60 * _S
_RATE_STEP_NS = _S // 10
_GROWTH_STEP_NS = 5 * _S
# Bins of the timeline: of each width so many that the next, ten times as wide, go on where they end.
_BIN_WIDTHS_NS = (_S // 100, _S // 10, _S, 10 * _S, 100 * _S, 1000 * _S)
_BINS_UNTIL = 600


@dataclass(frozen=True, slots=True)
class Rate:
    """What happened in the last two seconds of the recording, per second."""

    events: float
    bytes_allocated: float


@dataclass(frozen=True, slots=True)
class _Level:
    """What was live by stack after the last event at or before a time; stacks with nothing live are left out."""

    time_ns: int
    stacks: NDArray[np.uint32]
    live_bytes: NDArray[np.uint64]


@dataclass(slots=True)
class _Step:
    """What was fed of one step of time.

    Attributes:
        number: The step ends before (number + 1) * _RATE_STEP_NS.
    """

    number: int
    n_events: int
    bytes_allocated: int


class Run:
    """The replay of one image so far."""

    def __init__(self, start_ns: int) -> None:
        """Begins with nothing.

        Args:
            start_ns: The image's beginning.
        """
        self._start_ns = start_ns
        self._replay = get_kernels().make_replay(_make_edges(start_ns))
        self._fed_ns = start_ns
        self._steps: deque[_Step] = deque()  # of the last seconds, oldest first
        self._levels: deque[_Level] = deque()  # of the last minute, oldest first
        self._next_level_ns = start_ns + _GROWTH_STEP_NS
        self._occupancy = OccupancyHistory(start_ns)

    def feed(self, block: EventBlock) -> None:
        """Replays the next events."""
        while (at := block.find_row(min(self._next_level_ns, self._occupancy.next_ns))) < len(block):
            if at > 0:
                head, block = block.split(at)
                self._feed(head)
            following_ns = int(block.run_times[0])
            if following_ns > self._next_level_ns:
                self._note_level(following_ns)
            if following_ns > self._occupancy.next_ns:
                self._occupancy.note(self._replay, following_ns)
        self._feed(block)

    def take_results(self, now_ns: int) -> CoreResults:
        """Returns the results so far, at a time that is not before the last event's: the timeline ends with its bin."""
        core = self._replay.take_results()
        return replace(core, timeline=_cut(core.timeline, now_ns))

    def draw_heatmap(self, now_ns: int) -> Heatmap | None:
        """Returns where blocks were live, at or after the last event; None: there were none."""
        return self._occupancy.draw(self._replay, now_ns)

    def measure_rate(self, now_ns: int) -> Rate:
        """Returns what was fed of the last seconds before a time, at or after the last event's."""
        first = now_ns // _RATE_STEP_NS - RATE_NS // _RATE_STEP_NS + 1
        seconds = max(now_ns - max(first * _RATE_STEP_NS, self._start_ns), _RATE_STEP_NS) / _S
        recent = [step for step in self._steps if step.number >= first]
        return Rate(
            sum(step.n_events for step in recent) / seconds, sum(step.bytes_allocated for step in recent) / seconds
        )

    def measure_growth(self, now_ns: int, table: StackTable) -> NDArray[np.int64]:
        """Returns by how many bytes per minute each stack of the table grew: since a minute ago, or the start.

        Args:
            now_ns: At or after the last event.
            table: As it is now.
        """
        since = max(now_ns - GROWTH_NS - (now_ns - GROWTH_NS - self._start_ns) % _GROWTH_STEP_NS, self._start_ns)
        if since > self._start_ns and since >= self._fed_ns:
            return np.zeros(len(table), np.int64)
        before = np.zeros(len(table), np.int64)
        level = next((level for level in reversed(self._levels) if level.time_ns <= since), None)
        if level is not None:
            before[np.searchsorted(table.stacks, level.stacks)] = level.live_bytes
        gained = table.live_bytes.astype(np.int64) - before
        growth: NDArray[np.int64] = np.rint(gained * (GROWTH_NS / max(now_ns - since, _S))).astype(np.int64)
        return growth

    def copy(self) -> Run:
        """Returns another one that goes on from the same state."""
        twin = copy(self)
        twin._replay = self._replay.copy()
        twin._occupancy = self._occupancy.copy()
        twin._steps, twin._levels = deque(map(copy, self._steps)), self._levels.copy()
        return twin

    @property
    def n_bytes(self) -> int:
        """About how much memory it has: what a copy costs, at most."""
        levels = sum(level.stacks.nbytes + level.live_bytes.nbytes for level in self._levels)
        return self._replay.n_bytes + levels + self._occupancy.n_bytes

    def _feed(self, block: EventBlock) -> None:
        """Replays events none of which is behind the next level."""
        self._replay.feed(block)
        last_ns = int(block.run_times[-1])
        self._fed_ns = max(self._fed_ns, last_ns)
        for step in _count_steps(block, last_ns // _RATE_STEP_NS - RATE_NS // _RATE_STEP_NS):
            if self._steps and self._steps[-1].number == step.number:
                self._steps[-1].n_events += step.n_events
                self._steps[-1].bytes_allocated += step.bytes_allocated
            else:
                self._steps.append(step)
        while self._steps[0].number < self._steps[-1].number - RATE_NS // _RATE_STEP_NS:
            self._steps.popleft()

    def _note_level(self, following_ns: int) -> None:
        """Notes what is live at the next level's time; following_ns: when the next event is, later than that."""
        table = self._replay.take_results().stacks
        some = np.flatnonzero(table.live_bytes)
        level = self._next_level_ns
        self._levels.append(_Level(level, table.stacks[some], table.live_bytes[some]))
        while len(self._levels) > 1 and self._levels[1].time_ns <= level - GROWTH_NS - _GROWTH_STEP_NS:
            self._levels.popleft()
        # Until something happens, this one stands for all.
        self._next_level_ns = level - (level - following_ns) // _GROWTH_STEP_NS * _GROWTH_STEP_NS


def _count_steps(block: EventBlock, first: int) -> list[_Step]:
    """Returns how much a block has of each step from one on, in order; the last is its last event's at any rate."""
    numbers = block.run_times // np.uint64(_RATE_STEP_NS)
    last = np.flatnonzero(np.append(numbers[1:] != numbers[:-1], True))
    last = last[numbers[last] >= np.uint64(max(first, 0))]
    starts = np.searchsorted(numbers, numbers[last])
    ends = block.run_ends[last].tolist()
    begins = [int(block.run_ends[run - 1]) if run else 0 for run in starts.tolist()]
    sized = block.sized[begins[0] :]
    at = len(block.sizes) - int(np.count_nonzero(sized))
    classes = CLASS_OF_KIND[block.kinds[begins[0] :][sized]]
    sizes = np.where((classes == KindClass.ALLOC) | (classes == KindClass.MOVE), block.sizes[at:], np.uint64(0))
    bounds = [int(np.count_nonzero(sized[: row - begins[0]])) for row in [*begins, len(block)]]
    allocated = [int(sizes[begin:end].sum(dtype=np.uint64)) for begin, end in pairwise(bounds)]
    return [
        _Step(number, end - begin, n_bytes)
        for number, begin, end, n_bytes in zip(numbers[last].tolist(), begins, ends, allocated, strict=True)
    ]


def _make_edges(start_ns: int) -> NDArray[np.uint64]:
    """Returns edges that need no end: bins get wider with the recording's age, from 1/600 to 1/60 of it."""
    parts = [np.zeros(1, np.uint64)]
    for width in _BIN_WIDTHS_NS:
        first = int(parts[-1][-1]) // width + 1
        parts.append(np.arange(first, _BINS_UNTIL + 1, dtype=np.uint64) * np.uint64(width))
    edges: NDArray[np.uint64] = np.concatenate(parts) + np.uint64(start_ns)
    return edges


def _cut(timeline: Timeline, now_ns: int) -> Timeline:
    """Leaves out the bins that have not begun."""
    n = max(int(np.searchsorted(timeline.edges[:-1], np.uint64(now_ns), side="right")), 1)
    columns = (getattr(timeline, name)[:n] for name in Timeline.__slots__[1:])
    return Timeline(timeline.edges[: n + 1], *columns)
