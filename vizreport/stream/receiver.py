"""Receives streams into trace files: one file for each recording, several at once, resumed after a broken connection.

What many clients can do to one receiver is bounded here: connections that have not opened a stream, streams at once,
and what is said of those who open none.
"""

from __future__ import annotations

import asyncio
import errno
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vizreport.errors import VizzyError
from vizreport.stream.connection import Connection
from vizreport.stream.opening import Status
from vizreport.stream.paths import list_left, list_paths
from vizreport.stream.recording import Recording, find_recording

_READ_BYTES = 1 << 20
_MOST_STREAMS = 1000
_MOST_OPENING = 64
_BACKLOG = 200
_SPARE_DESCRIPTORS = 64
_NO_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_SILENT_S = 10.0  # a stream that sent nothing for so long makes room for another
_MOST_COMPLAINTS = 20  # in so many seconds:
_COMPLAINTS_S = 10.0


@dataclass(slots=True)
class Receiver:
    """Where streams go, and who is told.

    Attributes:
        pattern: Path of the files; ``{n}``, ``{host}``, ``{time}`` and ``{id}`` are filled in. One taken gets a number.
        token: Shared with the senders, or None: whoever connects may send.
        say: Called with what a person should know.
        recordings: All of this receiver's, by stream id.
        most_streams: At once; further ones are told to come back later.
        most_opening: Connections that have not opened a stream, at once.
        buffer: Where all connections read into.
    """

    pattern: str
    token: bytes | None
    say: Callable[[str], None]
    recordings: dict[bytes, Recording] = field(default_factory=dict)
    most_streams: int = _MOST_STREAMS
    most_opening: int = _MOST_OPENING
    buffer: memoryview = field(default_factory=lambda: memoryview(bytearray(_READ_BYTES)))
    _opening: dict[Connection, None] = field(default_factory=dict)  # in order of arrival
    _streams: dict[Recording, Connection] = field(default_factory=dict)
    _completed: asyncio.Event = field(default_factory=asyncio.Event)
    _n_complaints: int = 0
    _complaints_since_s: float = 0.0

    async def serve(self, host: str, port: int, *, started: Callable[[int], None], once: bool = False) -> None:
        """Receives until it is cancelled, or with ``once`` until one stream is complete.

        Args:
            host: Address to listen on.
            port: 0: any free one.
            started: Called with the port when it listens.
            once: End after the first complete stream.

        Raises:
            VizzyError: The address can't be listened on.
        """
        descriptors = _get_descriptors() - _SPARE_DESCRIPTORS
        self.most_opening = max(min(self.most_opening, descriptors // 4), 4)
        self.most_streams = max(min(self.most_streams, (descriptors - self.most_opening) // 2), 1)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._handle_exception)
        try:
            server = await loop.create_server(lambda: Connection(self), host, port, backlog=_BACKLOG)
        except OSError as error:
            raise VizzyError(f"{host}:{port}: can't listen there: {error.strerror}; choose another --listen") from error
        try:
            started(server.sockets[0].getsockname()[1])
            await (self._completed.wait() if once else server.serve_forever())
        finally:
            server.close()
            for connection in (*self._opening, *self._streams.values()):
                connection.drop()

    def enter(self, connection: Connection) -> None:
        """Takes in a connection. Of too many that open no stream the oldest makes room: senders open theirs at once."""
        self._opening[connection] = None
        if len(self._opening) > self.most_opening:
            next(iter(self._opening)).drop("made room for others: it opened no stream")

    def claim(self, stream_id: bytes, connection: Connection) -> Recording | Status:
        """Returns the recording of a stream; a connection that had it loses it, for it may be dead without knowing it.

        Raises:
            UnwritableError: Its file can't be made.
        """
        recording = self.recordings.get(stream_id)
        before = self._streams.get(recording) if recording is not None else None
        if before is not None and recording is not None:
            if not recording.is_open:
                return Status.BUSY  # its file is being read: in a moment
            before.drop()
        elif len(self._streams) >= self.most_streams and not self._make_room():
            return Status.BUSY
        recording = self.recordings.get(stream_id)
        if recording is None:
            host = connection.peer.rpartition(":")[0]
            recording = find_recording(stream_id, list_left(self.pattern), list_paths(self.pattern, stream_id, host))
        self.recordings[stream_id] = recording
        self._streams[recording] = connection
        del self._opening[connection]
        return recording

    def leave(self, connection: Connection, recording: Recording | None, *, orderly: bool) -> None:
        """Lets a connection go, and puts its recording in order."""
        self._opening.pop(connection, None)
        if recording is None:
            return
        del self._streams[recording]
        self.say(f"{connection.peer}: {recording.leave(orderly=orderly)}")
        if recording.complete:
            self._completed.set()
        elif recording.framing.sound_bytes == 0:
            del self.recordings[recording.stream_id]

    def give_up(self, recording: Recording) -> None:
        """Forgets a recording whose file can't be written; what is in it is found out when the stream comes back."""
        recording.close()
        del self._streams[recording]
        del self.recordings[recording.stream_id]

    def forget(self, recording: Recording, *, delete: bool) -> None:
        """Forgets a recording that was dropped, unless it goes on by now. Who goes on later does as after a restart.

        Args:
            recording: One of this receiver's.
            delete: Delete its file, too: then what comes later is a trace without what came before.
        """
        if recording.is_open or recording in self._streams:
            recording.dropped = False
            return
        self.recordings.pop(recording.stream_id, None)
        if delete:
            recording.remove()

    def complain(self, text: str) -> None:
        """Says what happened to somebody who opened no stream, unless there are too many of them."""
        now = time.monotonic()
        if now - self._complaints_since_s > _COMPLAINTS_S:
            self._n_complaints, self._complaints_since_s = 0, now
        self._n_complaints += 1
        if self._n_complaints < _MOST_COMPLAINTS:
            self.say(text)
        elif self._n_complaints == _MOST_COMPLAINTS:
            self.say(f"{text}; more of that kind will not be told for {_COMPLAINTS_S:.0f} s")

    def _handle_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Is told of connections that can't be accepted, many times a second; anything else is a bug."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _NO_RESOURCES:
            self.complain(f"a connection can't be taken: {error.strerror}; ulimit -n gives more descriptors")
        else:
            loop.default_exception_handler(context)

    def _make_room(self) -> bool:
        """Ends the stream that has been silent longest, if it has been so for long; it may come back."""
        silent = min(self._streams.values(), key=lambda connection: connection.last_s)
        if time.monotonic() - silent.last_s < _SILENT_S:
            return False
        silent.drop("was silent and made room for another stream")
        return True


def _get_descriptors() -> int:
    """Returns how many descriptors may be open; has as many as are needed allowed, where that can be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * _MOST_STREAMS + _MOST_OPENING + _SPARE_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft
