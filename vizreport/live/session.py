"""What a trace holds so far: replays each image as its events arrive, and gives figures at any time.

Knows no network and no browser. A forked image starts with nothing here: what it inherited is not its own in any
figure, and waiting for its parent to get to the fork would hold it back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vizreport.kernels import Replay, get_kernels
from vizreport.model.replay import CoreResults, StackTable, Timeline
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Image, Session
from vizreport.trace.event_block import EventBlock
from vizreport.trace.format import CLASS_OF_KIND, KindClass
from vizreport.trace.growing import GrowingTrace, NewEvents

_S = 1_000_000_000
RATE_NS = 2 * _S
GROWTH_NS = 60 * _S
_GROWTH_STEP_NS = 5 * _S
# Bins of the timeline: of each width so many that the next, ten times as wide, go on where they end.
_BIN_WIDTHS_NS = (_S // 10, _S, 10 * _S, 100 * _S, 1000 * _S)
_BINS_UNTIL = 600


@dataclass(frozen=True, slots=True)
class Rate:
    """What happened in the last two seconds of the recording, per second."""

    events: float
    bytes_allocated: float


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """One image, as far as it has arrived.

    Attributes:
        session: Of the recording.
        now_ns: Latest time in the trace, ns since start.
        core: Of all events so far; the timeline ends with the bin that ``now_ns`` is in.
        stacks: Call stacks so far.
        growth: int64[n], of each row of ``core.stacks``: live bytes gained, per minute, in the last minute.
        n_lost: Blocks of the whole trace that are damaged or missing.
    """

    session: Session
    image: Image
    now_ns: int
    core: CoreResults
    stacks: Stacks
    rate: Rate
    growth: NDArray[np.int64]
    n_lost: int

    @property
    def n_dropped(self) -> int:
        """Events that were not recorded: known when the image has ended."""
        end = self.image.end
        return (end.dropped + end.holes if end is not None else 0) + self.image.n_events_lost


@dataclass(frozen=True, slots=True)
class _Level:
    """What was live by stack at a moment."""

    time_ns: int
    stacks: NDArray[np.uint32]
    live_bytes: NDArray[np.uint64]


@dataclass(slots=True)
class _Run:
    """The replay of one image so far.

    Attributes:
        start_ns: Its beginning.
        recent: Time, number of events and allocated bytes of what was fed in the last seconds.
        levels: Of the last minute, oldest first.
    """

    start_ns: int
    replay: Replay
    recent: deque[tuple[int, int, int]] = field(default_factory=deque)
    levels: deque[_Level] = field(default_factory=deque)

    def feed(self, block: EventBlock) -> None:
        """Replays the next events."""
        self.replay.feed(block)
        time_ns = int(block.run_times[-1])
        classes = CLASS_OF_KIND[block.kinds[block.sized]]
        allocated = block.sizes[(classes == KindClass.ALLOC) | (classes == KindClass.MOVE)]
        self.recent.append((time_ns, len(block), int(allocated.sum(dtype=np.uint64))))
        while self.recent[0][0] < time_ns - RATE_NS:
            self.recent.popleft()
        if not self.levels or time_ns >= self.levels[-1].time_ns + _GROWTH_STEP_NS:
            self._note_level(time_ns)

    def _note_level(self, time_ns: int) -> None:
        table = self.replay.take_results().stacks
        self.levels.append(_Level(time_ns, table.stacks, table.live_bytes))
        while len(self.levels) > 1 and self.levels[1].time_ns <= time_ns - GROWTH_NS:
            self.levels.popleft()

    def measure_rate(self, now_ns: int) -> Rate:
        """Returns what was fed of the last seconds."""
        seconds = max(min(RATE_NS, now_ns - self.start_ns), _S // 10) / _S
        fed = [each for each in self.recent if each[0] > now_ns - RATE_NS]
        return Rate(sum(each[1] for each in fed) / seconds, sum(each[2] for each in fed) / seconds)

    def measure_growth(self, now_ns: int, table: StackTable) -> NDArray[np.int64]:
        """Returns by how many bytes per minute each stack of the table grew: since a minute ago, or the start."""
        whole = now_ns - self.start_ns <= GROWTH_NS
        since = self.start_ns if whole or not self.levels else self.levels[0].time_ns
        before = np.zeros(len(table), np.int64)
        if not whole and self.levels:
            before[np.searchsorted(table.stacks, self.levels[0].stacks)] = self.levels[0].live_bytes
        gained = table.live_bytes.astype(np.int64) - before
        growth: NDArray[np.int64] = np.rint(gained * (GROWTH_NS / max(now_ns - since, _S))).astype(np.int64)
        return growth


class LiveSession:
    """Follows one trace file."""

    def __init__(self, path: str) -> None:
        """Opens the file; nothing needs to be in it yet.

        Raises:
            VizzyError: It can't be opened.
        """
        self.path = path
        self._trace = GrowingTrace(path, get_kernels().decode_events)
        self._runs: dict[int, _Run] = {}
        self._waiting: deque[NewEvents] = deque()
        self._now_ns = 0

    @property
    def done(self) -> bool:
        """Whether all of the trace was taken: it ended in order."""
        return self._trace.done and not self._waiting

    def advance(self, *, end: int | None = None, until_ns: int | None = None) -> bool:
        """Takes some of what arrived, and tells whether there was anything to take.

        Args:
            end: Up to where the file is sound; None: as far as it reaches.
            until_ns: Take no events after this time; None: all.

        Raises:
            TraceFormatError: It is no trace, or its header is damaged.
        """
        arrived: list[NewEvents] | None = None
        if not self._waiting:
            arrived = self._trace.read_more(end)
            self._waiting.extend(arrived or ())
        moved = arrived is not None and not self._waiting
        while self._waiting and self._feed_first(until_ns):
            moved = True
        latest = self._trace.last_time_ns
        self._now_ns = max(self._now_ns, latest if until_ns is None else min(latest, until_ns))
        return moved

    def list_images(self) -> tuple[Image, ...]:
        """Returns the process images so far."""
        return self._trace.collected.build_images() if self._trace.collected else ()

    def look(self, index: int) -> LiveFigures:
        """Returns the figures of the image with this index, one of list_images."""
        collected = self._trace.collected
        assert collected is not None
        run = self._find_run(index)
        core = run.replay.take_results()
        return LiveFigures(
            session=collected.session,
            image=collected.images[index].build(index),
            now_ns=self._now_ns,
            core=CoreResults(core.totals, core.peak, core.stacks, core.threads, _cut(core.timeline, self._now_ns)),
            stacks=self._trace.read_stacks(index),
            rate=run.measure_rate(self._now_ns),
            growth=run.measure_growth(self._now_ns, core.stacks),
            n_lost=self._trace.n_lost,
        )

    def close(self) -> None:
        """Closes the file."""
        self._trace.close()

    def _feed_first(self, until_ns: int | None) -> bool:
        """Replays the block that waits longest, up to a time; tells whether all of it was."""
        first = self._waiting.popleft()
        events = first.events
        at = len(events) if until_ns is None else events.find_row(until_ns)
        if at < len(events):
            head, tail = events.split(at) if at else (None, events)
            self._waiting.appendleft(NewEvents(first.image, tail))
            if head is not None:
                self._find_run(first.image).feed(head)
            return False
        self._find_run(first.image).feed(events)
        return True

    def _find_run(self, index: int) -> _Run:
        if index not in self._runs:
            assert self._trace.collected is not None
            start = self._trace.collected.images[index].build(index).start_time_ns
            self._runs[index] = _Run(start, get_kernels().make_replay(_make_edges(start)))
        return self._runs[index]


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
