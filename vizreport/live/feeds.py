"""Where the live view's traces come from: streams that arrive, or a recorded trace that is played."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from vizreport.errors import VizzyError
from vizreport.live.session import LiveSession
from vizreport.stream.receiver import Receiver


class Feed(Protocol):
    """Traces to look at."""

    @property
    def sessions(self) -> dict[str, LiveSession]:
        """By the path of their files; only ever more."""

    def advance(self) -> bool:
        """Takes some of what there is, for some ten milliseconds; tells whether there was anything."""


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
    """A recorded trace, at a speed."""

    def __init__(self, path: str, speed: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begins to play.

        Args:
            path: The trace.
            speed: Seconds of the recording in one second.
            clock: Seconds.

        Raises:
            VizzyError: It can't be opened.
            TraceFormatError: It is no trace, or its header is damaged.
        """
        session = LiveSession(path)
        try:
            session.advance(until_ns=0)
        except VizzyError:
            session.close()
            raise
        self.sessions = {path: session}
        self._session, self._speed, self._clock, self._start = session, speed, clock, clock()

    def advance(self) -> bool:
        """See Feed."""
        return self._session.advance(until_ns=int((self._clock() - self._start) * self._speed * 1e9))
