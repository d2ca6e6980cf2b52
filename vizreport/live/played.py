"""A recorded trace at any moment: each image is replayed up to a time, forwards and backwards.

Knows no clock. Time goes back to a checkpoint, a copy of an image's replay that was made on the way, and forward from
there. The more there is to replay the further apart checkpoints are, so that they stay within a bound of memory.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heapreplace

import numpy as np

from vizreport.analysis.heatmap import Heatmap
from vizreport.analysis.replay import replay_images
from vizreport.errors import TraceFormatError
from vizreport.kernels import get_kernels
from vizreport.live.run import Run
from vizreport.live.session import LiveFigures, make_figures
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Drops, Image, Samples
from vizreport.trace.event_block import EventBlock
from vizreport.trace.reader import EventSource, Trace, read_trace

_SLICE_S = 0.02
_CHECKPOINT_EVENTS = 1 << 21
_MAX_CHECKPOINTS = 64
_MAX_CHECKPOINT_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    """An image's replay at the end of a block of events.

    Attributes:
        at: How many of the image's sources were replayed.
        n_events: In those.
        time_ns: Of the last of them.
        run: Not to be fed.
    """

    at: int
    n_events: int
    time_ns: int
    run: Run


class Checkpoints:
    """Those of all images of a trace.

    Attributes:
        n_bytes: About how much memory they have.
    """

    def __init__(self, max_bytes: int = _MAX_CHECKPOINT_BYTES, step: int = _CHECKPOINT_EVENTS) -> None:
        """Begins with none.

        Args:
            max_bytes: Bound of n_bytes.
            step: Events from one to the next, at first.
        """
        self.n_bytes = 0
        self._max_bytes, self._step = max_bytes, step
        self._of_image: dict[int, list[_Checkpoint]] = {}

    def find(self, image: int, time_ns: int) -> _Checkpoint | None:
        """Returns an image's last checkpoint at or before a time, or None."""
        noted = self._of_image.get(image, [])
        at = bisect_right(noted, time_ns, key=lambda checkpoint: checkpoint.time_ns)
        return noted[at - 1] if at else None

    def note(self, image: int, at: int, n_events: int, time_ns: int, run: Run) -> None:
        """Notes a position, unless there is a checkpoint near it."""
        noted = self._of_image.setdefault(image, [])
        place = bisect_right(noted, n_events, key=lambda checkpoint: checkpoint.n_events)
        before = noted[place - 1].n_events if place else 0
        after = noted[place].n_events if place < len(noted) else n_events + self._step
        if min(n_events - before, after - n_events) < self._step:
            return
        noted.insert(place, _Checkpoint(at, n_events, time_ns, run.copy()))
        self.n_bytes += noted[place].run.n_bytes
        while self.n_bytes > self._max_bytes or sum(map(len, self._of_image.values())) > _MAX_CHECKPOINTS:
            self._thin_out()

    def _thin_out(self) -> None:
        """Doubles the distance of checkpoints."""
        self._step *= 2
        for image, noted in self._of_image.items():
            kept: list[_Checkpoint] = []
            for checkpoint in noted:
                if checkpoint.n_events - (kept[-1].n_events if kept else 0) >= self._step:
                    kept.append(checkpoint)
            self._of_image[image] = kept
        self.n_bytes = sum(checkpoint.run.n_bytes for noted in self._of_image.values() for checkpoint in noted)


class _Track:
    """One image, up to a moment.

    Attributes:
        n_damaged: Of the sources that were read.
        fed_ns: Time of the last event that was replayed.
    """

    def __init__(self, image: Image, sources: Sequence[EventSource], resolution_ns: int) -> None:
        self.image = image
        self.n_damaged = 0
        self._sources, self._resolution_ns = sources, resolution_ns
        self._damaged: set[int] = set()
        self._begin()

    def _begin(self) -> None:
        self.run = Run(self.image.start_time_ns)
        self._at = self._n_events = self.fed_ns = 0
        self._rest: EventBlock | None = None  # of the source before

    @property
    def next_ns(self) -> int | None:
        """When the next event is, or some time before it; None: there is no other."""
        if self._rest is not None:
            return int(self._rest.run_times[0])
        if self._at < len(self._sources):
            return max(self._sources[self._at].first_time_ns - self._resolution_ns, 0)
        return None

    def approach(self, time_ns: int, checkpoints: Checkpoints) -> None:
        """Goes to the last position before a time that costs nothing to get to."""
        checkpoint = checkpoints.find(self.image.index, time_ns)
        if checkpoint is not None and (self.fed_ns > time_ns or checkpoint.n_events > self._n_events):
            self.run, self._rest = checkpoint.run.copy(), None
            self._at, self._n_events, self.fed_ns = checkpoint.at, checkpoint.n_events, checkpoint.time_ns
        elif self.fed_ns > time_ns:
            self._begin()

    def step(self, until_ns: int, checkpoints: Checkpoints) -> None:
        """Replays some of the next events, those up to a time."""
        block = self._rest or self._read()
        at = block.find_row(until_ns) if block is not None else 0
        self._rest = None
        if block is not None and at < len(block):
            head, self._rest = block.split(at) if at else (None, block)
            block = head
        if block is not None:
            self.run.feed(block)
            self._n_events += len(block)
            self.fed_ns = max(self.fed_ns, int(block.run_times[-1]))
        if self._rest is None:
            checkpoints.note(self.image.index, self._at, self._n_events, self.fed_ns, self.run)

    def _read(self) -> EventBlock | None:
        """Reads the next source; None: it contradicts itself."""
        self._at += 1
        try:
            return self._sources[self._at - 1].read(get_kernels().decode_events)
        except TraceFormatError:
            self._damaged.add(self._at)
            self.n_damaged = len(self._damaged)
            return None


class PlayedSession:
    """A recorded trace, up to a moment.

    Attributes:
        path: Of the trace.
        duration_ns: The latest time in it, ns since start.
        now_ns: Up to where it is replayed.
        version: See feeds.ShownSession.
    """

    def __init__(self, path: str, checkpoints: Checkpoints | None = None, *, slice_s: float = _SLICE_S) -> None:
        """Begins at its start.

        Args:
            path: Of the trace.
            checkpoints: Where to note them; None: as a person needs them.
            slice_s: How long advance works, and a block of events longer.

        Raises:
            VizzyError: It can't be opened.
            TraceFormatError: It is no trace, or its header is damaged.
        """
        self.path = path
        self._trace = read_trace(path)
        resolution = self._trace.session.time_resolution_ns
        self._tracks = {
            image.index: _Track(image, self._trace.list_events(image.index), resolution) for image in self._trace.images
        }
        self._stacks: dict[int, Stacks] = {}
        self._checkpoints = checkpoints or Checkpoints()
        self.duration_ns = _find_end(self._trace)
        self.now_ns = self.version = 0
        self._slice_s = slice_s
        self._target_ns = 0
        self._queue: list[tuple[int, int]] = []
        self.seek(0)

    @property
    def reached(self) -> bool:
        """Whether it is where it is to get to: all events up to that time are replayed."""
        return not self._queue or self._queue[0][0] > self._target_ns

    def seek(self, time_ns: int) -> None:
        """Makes any time the one to get to; figures are those of now_ns all the way."""
        for track in self._tracks.values():
            track.approach(time_ns, self._checkpoints)
        waiting = [(track.next_ns, index) for index, track in self._tracks.items()]
        self._queue = [(next_ns, index) for next_ns, index in waiting if next_ns is not None]
        heapify(self._queue)
        self._target_ns = time_ns
        self._note_time()

    def go_on(self, time_ns: int) -> None:
        """Makes a time the one to get to, at or after the one before."""
        if time_ns != self._target_ns:
            self._target_ns = time_ns
            self._note_time()

    def advance(self) -> bool:
        """Replays for some ten milliseconds; tells whether there is more to do."""
        deadline = time.perf_counter() + self._slice_s
        while not self.reached:
            track = self._tracks[self._queue[0][1]]
            track.step(self._target_ns, self._checkpoints)
            if track.next_ns is None:
                heappop(self._queue)
            else:
                heapreplace(self._queue, (track.next_ns, track.image.index))
            self._note_time()
            if time.perf_counter() > deadline:
                break
        return not self.reached

    def list_images(self) -> tuple[Image, ...]:
        """Returns the process images, also those that begin later."""
        return tuple(track.image for track in self._tracks.values())

    def look(self, index: int) -> LiveFigures:
        """Returns the figures of the image with this index, one of list_images."""
        track = self._tracks[index]
        now_ns = max(self.now_ns, track.fed_ns)  # on the way some images are further than others
        if index not in self._stacks:
            self._stacks[index] = self._trace.read_stacks(index, get_kernels().decode_nodes)
        return make_figures(
            track.run,
            session=self._trace.session,
            image=_see(track.image, now_ns),
            now_ns=now_ns,
            stacks=self._stacks[index],
            n_lost=self._trace.completeness.n_damaged + sum(each.n_damaged for each in self._tracks.values()),
        )

    def draw_heatmap(self, index: int) -> Heatmap | None:
        """See feeds.ShownSession."""
        return self._tracks[index].run.draw_heatmap(self.now_ns)

    def find_peak(self, progress: Callable[[int, int], None] | None = None) -> int:
        """See feeds.Player."""
        peaks = [replayed.peak for replayed in replay_images(self._trace, progress=progress)]
        return max(peaks, key=lambda peak: peak.bytes).time_ns if peaks else 0

    def close(self) -> None:
        """Does nothing: the file is mapped as long as anybody needs it."""

    def _note_time(self) -> None:
        self.now_ns = self._target_ns if self.reached else self._queue[0][0]
        self.version += 1


def _find_end(trace: Trace) -> int:
    """Returns the latest time in a trace."""
    ends = [image.end.time_ns for image in trace.images if image.end is not None]
    samples = [int(image.samples.times[-1]) for image in trace.images if len(image.samples.times)]
    events = [sources[-1].last_time_ns for image in trace.images if (sources := trace.list_events(image.index))]
    return max([0, *ends, *samples, *events])


def _see(image: Image, time_ns: int) -> Image:
    """Returns what was known of an image at a time: its end, its samples, and what had been dropped."""
    n = int(np.searchsorted(image.samples.times, np.uint64(time_ns), side="right"))
    samples = Samples(image.samples.times[:n], image.samples.rss[:n], image.samples.pss[:n])
    lost = int(np.searchsorted(image.drops.ends, np.uint64(time_ns), side="right"))
    drops = Drops(image.drops.starts[:lost], image.drops.ends[:lost], image.drops.events[:lost])
    ended = image.end is not None and image.end.time_ns <= time_ns
    return replace(image, samples=samples, drops=drops, end=image.end if ended else None)
