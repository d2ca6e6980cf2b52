"""Receives streams into trace files: one file for each recording, several at once, resumed after a broken connection.

Who connects is not trusted: before the token is proven at most 96 bytes of it are kept, and what follows is checked
for its framing as it is written.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from vizreport.errors import StreamError, VizzyError
from vizreport.stream.framing import StreamFraming
from vizreport.stream.opening import ACKNOWLEDGEMENT, BEGIN, HELLO_BYTES, PROOF_BYTES, Opening, Status, open_stream
from vizreport.units import format_bytes

_OPENING_TIMEOUT_S = 10.0
_READ_BYTES = 1 << 18


@dataclass(slots=True)
class Recording:
    """One stream, over all of its connections.

    Attributes:
        peer: Who sends it: address and port of its last connection.
        connection: The one that it comes over, or the last one.
        lock: Held by the connection that it comes over.
        dropped: Nobody looks at it any more; it is to be forgotten.
    """

    stream_id: bytes
    path: Path
    file: BinaryIO
    framing: StreamFraming = field(default_factory=StreamFraming)
    peer: str = ""
    connection: asyncio.StreamWriter | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    dropped: bool = False

    @property
    def complete(self) -> bool:
        """Whether all of it is here."""
        return self.framing.done or self.framing.ended

    @property
    def side_path(self) -> Path:
        """The file that holds the stream's id as long as the stream is not complete."""
        return find_side_path(self.path)


def find_side_path(path: Path) -> Path:
    """Returns where the id of an incomplete stream stands beside its file."""
    return path.with_name(path.name + ".stream")


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where streams go, and who is told.

    Attributes:
        pattern: Path of the files; ``{n}``, ``{host}``, ``{time}`` and ``{id}`` are filled in. One taken gets a number.
        token: Shared with the senders, or None: whoever connects may send.
        say: Called with what a person should know.
        recordings: All of this receiver's, by stream id.
    """

    pattern: str
    token: bytes | None
    say: Callable[[str], None]
    recordings: dict[bytes, Recording] = field(default_factory=dict)

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
        finished = asyncio.Event()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(asyncio.CancelledError):  # Ctrl-C: the recordings are in order
                if await self._receive(reader, writer):
                    finished.set()

        try:
            server = await asyncio.start_server(handle, host, port, limit=_READ_BYTES)
        except OSError as error:
            raise VizzyError(f"{host}:{port}: can't listen there: {error.strerror}; choose another --listen") from error
        try:
            started(server.sockets[0].getsockname()[1])
            await (finished.wait() if once else server.serve_forever())
        finally:
            server.close()
            for recording in self.recordings.values():
                recording.file.close()

    def forget(self, recording: Recording, *, delete: bool) -> None:
        """Closes a recording that was dropped, unless it goes on by now. Who goes on later does as after a restart.

        Args:
            recording: One of this receiver's.
            delete: Delete its file, too: then what comes later is a trace without what came before.
        """
        if recording.lock.locked():
            recording.dropped = False
            return
        self.recordings.pop(recording.stream_id, None)
        recording.file.close()
        if delete:
            recording.path.unlink(missing_ok=True)
            recording.side_path.unlink(missing_ok=True)

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Goes through one connection; one that misbehaves harms no other. Tells whether its stream is complete."""
        peer = "{}:{}".format(*writer.get_extra_info("peername")[:2])
        recording = None
        try:
            opening = await asyncio.wait_for(self._open(reader, writer, peer), _OPENING_TIMEOUT_S)
            recording = await self._claim(opening, writer, peer) if opening else None
            if opening and recording:
                await self._take(opening, recording, reader, writer)
        except asyncio.TimeoutError:
            self.say(f"{peer}: did not open a stream within {_OPENING_TIMEOUT_S:.0f} s")
        except StreamError as error:
            self.say(f"{peer}: {error}; the connection is closed, what was sound is kept")
        except (ConnectionError, asyncio.IncompleteReadError):
            if recording is None:
                self.say(f"{peer}: left before it opened a stream")
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        return recording is not None and recording.complete

    async def _open(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str) -> Opening | None:
        """Goes through the opening up to the sender's proof; None: the sender is refused, and knows why."""
        opening = open_stream(await reader.readexactly(HELLO_BYTES), self.token)
        writer.write(opening.challenge)
        proof = await reader.readexactly(PROOF_BYTES)
        if self.token is None or opening.accepts(proof):
            return opening
        writer.write(opening.welcome(Status.BAD_TOKEN))
        self.say(f"{peer}: refused: it does not know the token")
        return None

    async def _claim(self, opening: Opening, writer: asyncio.StreamWriter, peer: str) -> Recording | None:
        """Returns the recording, locked for this connection; None: it can't be written, and the sender knows."""
        while True:
            try:
                recording = self.recordings.get(opening.stream_id) or self._find_recording(opening.stream_id, peer)
            except OSError as error:
                writer.write(opening.welcome(Status.CANNOT_WRITE))
                self.say(f"{peer}: refused: {error.filename}: can't be written: {error.strerror}")
                return None
            self.recordings[opening.stream_id] = recording
            if recording.connection is not None and recording.lock.locked():
                recording.connection.transport.abort()  # it may be dead without knowing it
            await recording.lock.acquire()
            if not recording.file.closed:
                recording.connection, recording.peer = writer, peer
                return recording
            recording.lock.release()

    async def _take(
        self, opening: Opening, recording: Recording, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Takes a locked recording's stream, and puts the recording in order when the connection ends."""
        try:
            writer.write(opening.welcome(Status.WELCOME, recording.framing.sound_bytes))
            begin_bytes = await asyncio.wait_for(reader.readexactly(BEGIN.size), _OPENING_TIMEOUT_S)
            (begin,) = BEGIN.unpack(begin_bytes)
            if begin != recording.framing.sound_bytes:
                recording.framing.skip_to(begin)
            recording.file.seek(begin)
            self.say(f"{recording.peer}: {'goes on with' if begin else 'starts'} {recording.path}")
            await _take_stream(recording, reader, writer)
        except OSError as error:
            if isinstance(error, ConnectionError):
                raise
            self._give_up(recording, error)
        finally:
            if not recording.file.closed:
                self._leave(recording)
            recording.lock.release()

    def _leave(self, recording: Recording) -> None:
        """After a connection: the file is cut where it is sound, for what follows comes again."""
        recording.framing.rewind()
        recording.file.flush()
        recording.file.truncate(recording.framing.sound_bytes)
        size = format_bytes(recording.framing.sound_bytes)
        if recording.complete:
            recording.side_path.unlink(missing_ok=True)
            self.say(f"{recording.peer}: {recording.path} is complete: {size}, {recording.framing.n_events} events")
        else:
            self.say(f"{recording.peer}: broke off; {recording.path} has {size} so far and goes on if it comes back")

    def _give_up(self, recording: Recording, error: OSError) -> None:
        """After a failed write: what is in the file is found out when the stream comes back."""
        self.say(f"{recording.peer}: {recording.path}: can't be written: {error.strerror}; the sender tries again")
        del self.recordings[recording.stream_id]
        with suppress(OSError):
            recording.file.close()

    def _find_recording(self, stream_id: bytes, peer: str) -> Recording:
        """Returns the incomplete recording that an earlier receiver left, or a new one.

        Raises:
            OSError: The file can't be made.
        """
        for path in self._list_paths(stream_id, peer):
            side = find_side_path(path)
            if side.exists() and side.read_bytes() == stream_id and path.exists():
                return _resume(stream_id, path)
            if not path.exists() and not side.exists():
                side.write_bytes(stream_id)
                return Recording(stream_id, path, path.open("xb"))
        raise AssertionError("the numbers do not end")

    def _list_paths(self, stream_id: bytes, peer: str) -> Iterator[Path]:
        """Yields the paths that the pattern allows, one after another."""
        names = {
            "host": "".join(c if c.isalnum() or c in ".-" else "_" for c in peer.rpartition(":")[0]),
            "time": time.strftime("%Y%m%d-%H%M%S"),
            "id": stream_id[:4].hex(),
        }
        for n in itertools.count(1):
            path = Path(fill_pattern(self.pattern, {**names, "n": str(n)}))
            if "{n}" not in self.pattern and n > 1:
                path = path.with_name(f"{path.stem}-{n}{path.suffix}")
            yield path


_FIELD = re.compile(r"\{(\w*)\}")


def fill_pattern(pattern: str, names: dict[str, str]) -> str:
    """Fills in the fields of a pattern.

    Raises:
        VizzyError: It has one that is not known.
    """

    def fill(match: re.Match[str]) -> str:
        if match[1] not in names:
            known = ", ".join(f"{{{name}}}" for name in sorted(names))
            raise VizzyError(f"{pattern}: {match[0]} is no field of a file name; there are {known}")
        return names[match[1]]

    return _FIELD.sub(fill, pattern)


def _resume(stream_id: bytes, path: Path) -> Recording:
    """Takes up a file that an earlier receiver left incomplete."""
    recording = Recording(stream_id, path, path.open("r+b"))
    with suppress(StreamError):  # cut in the middle of a write
        while piece := recording.file.read(_READ_BYTES):
            recording.framing.feed(memoryview(piece))
    recording.framing.rewind()
    recording.file.truncate(recording.framing.sound_bytes)
    return recording


async def _take_stream(recording: Recording, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes what comes until the connection ends, and acknowledges it.

    Raises:
        StreamError: It is no trace.
        OSError: The file can't be written.
    """
    acknowledged = recording.framing.sound_bytes
    while data := await reader.read(_READ_BYTES):
        try:
            recording.framing.feed(memoryview(data))
        finally:  # what is sound of it counts
            recording.file.write(data)
        if recording.framing.sound_bytes > acknowledged:
            recording.file.flush()
            acknowledged = recording.framing.sound_bytes
            writer.write(ACKNOWLEDGEMENT.pack(acknowledged))
            await writer.drain()
