"""The streaming pass: goes over the events of process images once, and gives what reports are made of.

Memory is bounded by live blocks and results, not by the trace's length. A forked image is replayed when its parent gets
to the fork, from a copy of what the parent has live then; so results come in the order in which replays end, children
before their parents. Callers that want another order sort.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.losses import find_uncertain
from vizreport.kernels import Replay, get_kernels
from vizreport.model.block_batch import BlockBatch
from vizreport.model.live_set import LiveSet
from vizreport.model.replay import CERTAIN, ImageReplay, Totals
from vizreport.model.trace import Image
from vizreport.trace.event_block import EventBlock
from vizreport.trace.format import Origin
from vizreport.trace.reader import EventSource, Trace

N_BINS = 1000
N_AHEAD = 2
"""Blocks of events that are decoded before they are needed: 2 MiB each."""


class BlockSink(Protocol):
    """An accumulator over an image's blocks."""

    def add(self, batch: BlockBatch) -> None:
        """Takes some blocks: those that ended, in the order in which they did; at the end those still live."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for of an image besides the core results.

    Attributes:
        n_bins: Of the timeline.
        times: Live sets after the last event at or before each of these times, ns since start.
        rows: Live sets after each of these events, by their numbers in the image, as Peak.row is.
        sinks: What is fed with the image's blocks.
    """

    n_bins: int = N_BINS
    times: Sequence[int] = ()
    rows: Sequence[int] = ()
    sinks: Sequence[BlockSink] = ()


NOTHING_MORE = Wanted()


def replay_images(
    trace: Trace,
    *,
    images: Container[int] | None = None,
    wanted: Callable[[Image], Wanted] = lambda image: NOTHING_MORE,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[ImageReplay]:
    """Replays images, and yields the results of each.

    Args:
        trace: Of which.
        images: Indexes of those that are wanted; None: all. Those they were forked from are replayed up to the fork.
        wanted: What else is asked for of an image; called when its replay begins.
        progress: Called now and then with the bytes of blocks that were read so far, and those there are to read.

    Raises:
        TraceFormatError: A block is whole but contradicts itself: whoever wrote it was wrong.
    """
    plan = _plan(trace, images)
    meter = _Meter(progress, sum(source.stored_bytes for image in plan.needed for source in trace.list_events(image)))
    for root in plan.roots:
        runs = [_Run(trace, root, None, plan, wanted(root))]
        forks = [runs[0].advance(meter)]
        while runs:
            fork = next(forks[-1], None)
            if fork is not None:
                runs.append(_Run(trace, fork.child, fork.inherited, plan, wanted(fork.child)))
                forks.append(runs[-1].advance(meter))
                continue
            forks.pop()
            run = runs.pop()
            if images is None or run.image.index in images:
                yield run.finish()


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which images are replayed.

    Attributes:
        needed: Indexes of the images to replay: those wanted, and those they were forked from.
        roots: Those of them that inherit nothing.
        children: Of each of them those that were forked from it, by time of the fork.
    """

    needed: tuple[int, ...]
    roots: tuple[Image, ...]
    children: dict[int, list[Image]]


def _plan(trace: Trace, images: Container[int] | None) -> _Plan:
    """Finds out what has to be replayed for the images that are wanted."""
    by_index = {image.index: image for image in trace.images}
    needed: dict[int, Image | None] = {}  # with the parent of each
    for image in trace.images:
        if images is not None and image.index not in images:
            continue
        climbed = set()
        while image.index not in needed:
            climbed.add(image.index)
            parent = by_index.get(image.parent) if image.parent is not None else None
            if image.origin != Origin.FORK or (parent is not None and parent.index in climbed):
                parent = None  # a circle is forged: it is cut where it closes
            needed[image.index] = parent
            image = parent or image
    children: dict[int, list[Image]] = {index: [] for index in needed}
    for index, parent in needed.items():
        if parent is not None:
            children[parent.index].append(by_index[index])
    for forked in children.values():
        forked.sort(key=lambda child: (child.start_time_ns, child.index))
    return _Plan(tuple(needed), tuple(by_index[index] for index, parent in needed.items() if parent is None), children)


class _Meter:
    """Adds up what was read."""

    def __init__(self, progress: Callable[[int, int], None] | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def add(self, stored_bytes: int) -> None:
        self._done += stored_bytes
        if self._progress is not None:
            self._progress(self._done, self._total)


@dataclass(frozen=True, slots=True)
class _Fork:
    """A child is to be replayed before its parent goes on."""

    child: Image
    inherited: LiveSet


@dataclass(frozen=True, slots=True)
class _Stop:
    """A moment at which the live set is wanted, for a child or as a snapshot.

    Attributes:
        at: A time, after whose last event it is, or the number of an event, after which it is.
        child: Whose inheritance it is, or None.
        snapshot: Which snapshot it is, if it is not for a child.
    """

    at: int
    child: Image | None
    snapshot: int


class _Run:
    """The replay of one image, as far as it has come."""

    def __init__(self, trace: Trace, image: Image, inherited: LiveSet | None, plan: _Plan, wanted: Wanted) -> None:
        self.image = image
        self._sources = trace.list_events(image.index)
        self._sinks = wanted.sinks
        self._replay: Replay = get_kernels().make_replay(_find_edges(image, self._sources, wanted.n_bins), inherited)
        n_times = len(wanted.times)
        forks = [_Stop(child.start_time_ns, child, -1) for child in plan.children[image.index]]
        times = [_Stop(time, None, k) for k, time in enumerate(wanted.times)]
        rows = [_Stop(row, None, n_times + k) for k, row in enumerate(wanted.rows)]
        self._times = deque(sorted(forks + times, key=lambda stop: stop.at))
        self._rows = deque(sorted(rows, key=lambda stop: stop.at))
        self._snapshots: dict[int, LiveSet] = {}
        self._n_fed = 0
        self._now_ns = 0

    def advance(self, meter: _Meter) -> Iterator[_Fork]:
        """Replays the image; yields at each fork."""
        for source, decoded in read_ahead(self._sources):
            block: EventBlock | None = decoded
            while block is not None and (found := self._find_stop(block)) is not None:
                at, stops = found
                if at == len(block):
                    self._feed(block)
                    block = None
                elif at > 0:
                    head, block = block.split(at)
                    self._feed(head)
                yield from self._look(stops.popleft(), is_row=stops is self._rows)
            if block is not None:
                self._feed(block)
            meter.add(source.stored_bytes)
        for stop in self._times:
            yield from self._look(stop, is_row=False)
        for stop in self._rows:
            yield from self._look(stop, is_row=True)

    def _find_stop(self, block: EventBlock) -> tuple[int, deque[_Stop]] | None:
        """Returns after how many events of a block the next stop is, and whose turn it is; None: not in this block."""
        found: list[tuple[int, deque[_Stop]]] = []
        if self._rows and (at := max(self._rows[0].at + 1 - self._n_fed, 0)) <= len(block):
            found.append((at, self._rows))
        # Behind the last event of a time there is one of a later time.
        if self._times and (at := block.find_row(self._times[0].at)) < len(block):
            found.append((at, self._times))
        return min(found, key=lambda each: each[0]) if found else None

    def _feed(self, block: EventBlock) -> None:
        batch = self._replay.feed(block, ended=bool(self._sinks))
        self._n_fed += len(block)
        self._now_ns = int(block.run_times[-1])
        if batch is not None:
            for sink in self._sinks:
                sink.add(batch)

    def _look(self, stop: _Stop, *, is_row: bool) -> Iterator[_Fork]:
        """Takes the live set for what it is wanted."""
        live = self._replay.take_live_set(self._now_ns if is_row else stop.at)
        if stop.child is None:
            self._snapshots[stop.snapshot] = live
        else:
            yield _Fork(stop.child, _bequeath(live))

    def finish(self) -> ImageReplay:
        """Returns the results."""
        uncertain = CERTAIN
        if self._sinks or self.image.n_dropped:
            batch = self._replay.take_live_batch()
            uncertain = find_uncertain(self.image, batch.sizes[~batch.inherited], batch.start_times[~batch.inherited])
            for sink in self._sinks:
                sink.add(batch)
        core = self._replay.take_results()
        return ImageReplay(
            image=self.image,
            totals=_excuse_inherited(self.image, core.totals),
            peak=core.peak,
            stacks=core.stacks,
            threads=core.threads,
            timeline=core.timeline,
            snapshots=tuple(self._snapshots[k] for k in sorted(self._snapshots)),
            uncertain=uncertain,
        )


def _excuse_inherited(image: Image, totals: Totals) -> Totals:
    """Returns the totals of an image; of one whose parent is in another trace, what it frees unseen was inherited."""
    is_orphan = image.origin == Origin.FORK and image.parent is None
    return replace(totals, n_unmatched_frees=0) if is_orphan else totals


def read_ahead(sources: Sequence[EventSource]) -> Iterator[tuple[EventSource, EventBlock]]:
    """Yields an image's events in order; while the caller works on some, a thread decodes the next."""
    decode = get_kernels().decode_events
    if len(sources) < 2 or not get_kernels().frees_interpreter:
        for source in sources:
            yield source, source.read(decode)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as decoder:
        ahead = deque((source, decoder.submit(source.read, decode)) for source in sources[:N_AHEAD])
        for following in [*sources[N_AHEAD:], *[None] * N_AHEAD]:
            source, decoded = ahead.popleft()
            block = decoded.result()
            if following is not None:
                ahead.append((following, decoder.submit(following.read, decode)))
            yield source, block


def _find_edges(image: Image, sources: Sequence[EventSource], n_bins: int) -> NDArray[np.uint64]:
    """Returns the edges of a timeline from the image's start to its end, as far as they are known."""
    start = min([image.start_time_ns, *(source.first_time_ns for source in sources[:1])])
    known_end = image.end.time_ns if image.end is not None else 0
    end = max([start, known_end, *(source.last_time_ns for source in sources[-1:])])
    return np.array([start + (end - start) * k // n_bins for k in range(n_bins + 1)], np.uint64)


def _bequeath(live: LiveSet) -> LiveSet:
    """Returns what a child inherits: nothing is known of it but where it lies and how large it is.

    Of two blocks at one address the last is the one that has it; the other's reallocation was under way.
    """
    last = np.ones(len(live), np.bool_)
    last[:-1] = live.addresses[1:] != live.addresses[:-1]
    n = int(np.count_nonzero(last))
    zeros = np.zeros(n, np.uint32)
    times = np.full(n, live.time_ns, np.uint64)
    return LiveSet(live.time_ns, live.addresses[last], live.sizes[last], times, zeros, zeros)
