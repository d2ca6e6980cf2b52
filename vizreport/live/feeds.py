"""Where the live view's traces come from: streams that arrive, or a recorded trace that is played."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from vizreport.live.played import PlayedSession
from vizreport.live.session import LiveFigures, LiveSession
from vizreport.model.trace import Image
from vizreport.stream.receiver import Receiver


class ShownSession(Protocol):
    """One trace to look at."""

    def list_images(self) -> tuple[Image, ...]:
        """Returns its process images."""

    def look(self, index: int) -> LiveFigures:
        """Returns the figures of the image with this index, one of list_images."""

    def close(self) -> None:
        """Gives back what it needs."""


class Feed(Protocol):
    """Traces to look at."""

    @property
    def sessions(self) -> Mapping[str, ShownSession]:
        """By the path of their files; only ever more."""

    def advance(self) -> bool:
        """Takes some of what there is, for some ten milliseconds; tells whether there may be more."""


class Streams:
    """The recordings of a receiver."""

    def __init__(self, receiver: Receiver) -> None:
        """Begins with those that are there."""
        self.sessions: dict[str, LiveSession] = {}
        self._receiver = receiver

    def advance(self) -> bool:
        """See Feed."""
        moved = False
        for recording in self._receiver.recordings.values():
            path = str(recording.path)
            if path not in self.sessions:
                self.sessions[path] = LiveSession(path)
            moved |= self.sessions[path].advance(end=recording.framing.sound_bytes)
        return moved


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
            speed: Seconds of the recording in one second.
            start_ns: Where to begin.
            clock: Seconds.

        Raises:
            VizzyError: It can't be opened.
            TraceFormatError: It is no trace, or its header is damaged.
        """
        self._session = PlayedSession(path)
        self.duration_ns = self._session.duration_ns
        self._speed, self._paused, self._clock = speed, False, clock
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
        """Changes the speed."""
        self._stop()
        self._speed = speed

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
        if self._session.now_ns == self._from_ns:
            self._since = self._clock()

    def _stop(self) -> None:
        """Makes where it is the beginning of what follows."""
        if self._since is not None:
            self.seek(self._session.now_ns)
