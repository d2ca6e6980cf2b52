"""Where the live view's traces come from: streams that arrive, or a recorded trace that is played."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from vizreport.analysis.heatmap import Heatmap
from vizreport.errors import VizzyError
from vizreport.live.played import PlayedSession
from vizreport.live.session import LiveFigures, LiveSession
from vizreport.model.trace import Image
from vizreport.stream.receiver import Receiver
from vizreport.stream.recording import Recording


class ShownSession(Protocol):
    """One trace to look at."""

    @property
    def version(self) -> int:
        """Another number whenever there may be something else to see."""

    def list_images(self) -> tuple[Image, ...]:
        """Returns its process images."""

    def look(self, index: int) -> LiveFigures:
        """Returns the figures of the image with this index, one of list_images."""

    def draw_heatmap(self, index: int) -> Heatmap | None:
        """Returns where blocks of an image were live so far; None: there were none."""

    def close(self) -> None:
        """Gives back what it needs."""


class Feed(Protocol):
    """Traces to look at."""

    @property
    def sessions(self) -> Mapping[str, ShownSession]:
        """By the path of their files; only ever more."""

    def advance(self) -> bool:
        """Takes some of what there is, for some ten milliseconds; tells whether there may be more."""


MOST_RECORDINGS = 10
"""Of a program that is started again and again only the last recordings can be looked at."""
_ARRIVAL_STEP_S = 0.1


@dataclass(slots=True)
class _Arrivals:
    """What has arrived of a recording and was not taken yet.

    Attributes:
        noted: Moments, and how much had arrived by then, oldest first.
    """

    recording: Recording
    session: LiveSession
    noted: deque[tuple[float, int]] = field(default_factory=deque)

    def measure_lag(self, now: float) -> float:
        """Returns how long ago arrived what is to be taken next; 0: there is nothing."""
        come, taken = self.recording.framing.sound_bytes, self.session.n_bytes_taken
        if come > taken and (not self.noted or now - self.noted[-1][0] > _ARRIVAL_STEP_S):
            self.noted.append((now, come))
        while self.noted and (self.noted[0][1] <= taken or self.session.done):
            self.noted.popleft()
        return now - self.noted[0][0] if self.noted else 0.0


class Streams:
    """The recordings of a receiver, the newest last.

    There are at most MOST_RECORDINGS, unless more come in at once: of those that ended or broke off the oldest are
    dropped.

    Attributes:
        behind_s: How long ago arrived what is replayed last, if there is more.
        address: Where the receiver listens, as vizzytrace takes it; empty: not known yet.
    """

    def __init__(
        self,
        receiver: Receiver,
        *,
        forget: Callable[[Recording], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begins with those that are there.

        Args:
            receiver: Whose recordings.
            forget: Has the receiver forget one that is dropped, at once or soon.
            clock: Seconds.
        """
        self.sessions: dict[str, LiveSession] = {}
        self.behind_s, self.address = 0.0, ""
        self._receiver, self._forget, self._clock = receiver, forget, clock
        self._recordings: dict[str, Recording] = {}
        self._arrivals: dict[str, _Arrivals] = {}

    def advance(self) -> bool:
        """See Feed."""
        for recording in list(self._receiver.recordings.values()):
            path = str(recording.path)
            if recording.framing.sound_bytes == 0:
                continue  # a file of which nothing is sound may be gone at any time
            if not recording.dropped and self._recordings.get(path) is not recording:
                with suppress(VizzyError):  # no descriptor is left, or the file is gone: perhaps later
                    self._begin(path, recording)
        self._drop_idle(MOST_RECORDINGS)
        moved = False
        for path, recording in list(self._recordings.items()):
            try:
                moved |= self.sessions[path].advance(end=recording.framing.sound_bytes)
            except Exception as error:
                self._receiver.say(f"{path}: can't be shown: {error or type(error).__name__}")
                self._drop(path)
        now = self._clock()
        self.behind_s = max((arrivals.measure_lag(now) for arrivals in self._arrivals.values()), default=0.0)
        return moved

    def save(self, path: str) -> tuple[Path, int]:
        """Returns where a recording is, and how many bytes of it are a whole trace so far."""
        recording = self._recordings[path]
        return recording.path, recording.framing.sound_bytes

    def _begin(self, path: str, recording: Recording) -> None:
        """Takes up a recording; makes room for it first."""
        self._drop_idle(MOST_RECORDINGS - 1)
        session = LiveSession(path)
        if path in self.sessions:
            self.sessions.pop(path).close()
        self.sessions[path], self._recordings[path] = session, recording
        self._arrivals[path] = _Arrivals(recording, self.sessions[path])

    def _drop_idle(self, most: int) -> None:
        """Drops the oldest of those that nothing comes for, until there are no more than so many."""
        if len(self.sessions) > most:
            idle = [path for path, other in self._recordings.items() if not other.is_open]
            for path in idle[: len(self.sessions) - most]:
                self._drop(path)

    def _drop(self, path: str) -> None:
        """Forgets a recording."""
        self.sessions.pop(path).close()
        del self._arrivals[path]
        self._recordings[path].dropped = True
        self._forget(self._recordings.pop(path))


SLOWEST, FASTEST = 1e-6, 1e6
"""Speeds of a played trace."""


class Player:
    """A recorded trace, at a speed.

    Attributes:
        duration_ns: The latest time in it, ns since start.
    """

    def __init__(
        self, path: str, speed: float, *, start_ns: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begins to play.

        Args:
            path: The trace.
            speed: Seconds of the recording in one second; bounded by SLOWEST and FASTEST.
            start_ns: Where to begin.
            clock: Seconds.

        Raises:
            VizzyError: It can't be opened.
            TraceFormatError: It is no trace, or its header is damaged.
        """
        self._session = PlayedSession(path)
        self.duration_ns = self._session.duration_ns
        self._speed, self._paused, self._clock = _bound_speed(speed), False, clock
        self.seek(start_ns)

    @property
    def sessions(self) -> dict[str, PlayedSession]:
        """See Feed."""
        return {self._session.path: self._session}

    @property
    def position_ns(self) -> int:
        """What is shown: it lags behind where it should be while events are replayed."""
        return self._session.now_ns

    @property
    def seeking(self) -> bool:
        """It is not yet where it was told to go: time stands still until then."""
        return self._since is None

    @property
    def paused(self) -> bool:
        """It stays where it is."""
        return self._paused

    @property
    def speed(self) -> float:
        """Seconds of the recording in one second."""
        return self._speed

    def seek(self, time_ns: int) -> None:
        """Goes to a time, backwards or forwards, or to the end if it is later; plays on from there unless paused."""
        self._from_ns = min(max(time_ns, 0), self.duration_ns)
        self._session.seek(self._from_ns)
        self._since: float | None = None
        self._start_clock()

    def pause(self) -> None:
        """Stays where it is, or gets where it is told to go and stays there."""
        self._stop()
        self._paused = True

    def resume(self) -> None:
        """Plays on; at the end, from the beginning."""
        self._stop()
        self._paused = False
        if self._from_ns == self.duration_ns:
            self.seek(0)

    def play_at(self, speed: float) -> None:
        """Changes the speed, within its bounds."""
        self._stop()
        self._speed = _bound_speed(speed)

    def advance(self) -> bool:
        """See Feed."""
        if self._since is not None and not self._paused:
            played_ns = int((self._clock() - self._since) * self._speed * 1e9)
            self._session.go_on(min(self._from_ns + played_ns, self.duration_ns))
        more = self._session.advance()
        if self._since is None:
            self._start_clock()
        return more

    def find_peak(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Returns when the image with the highest peak reached it, ns since start; goes over all of the trace.

        Args:
            progress: As in analysis.replay.replay_images.
        """
        return self._session.find_peak(progress)

    def _start_clock(self) -> None:
        if self._session.reached:
            self._since = self._clock()

    def _stop(self) -> None:
        """Makes where it is the beginning of what follows."""
        if self._since is not None:
            self.seek(self._session.now_ns)


def _bound_speed(speed: float) -> float:
    return max(SLOWEST, min(FASTEST, speed))  # in this order, what is no number is the fastest
