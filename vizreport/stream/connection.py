"""One connection of a sender: the opening, then the stream, as docs/stream-protocol.md has them.

Who connects is not trusted. Until a stream is open no byte more is read than the step at hand has; the stream's bytes
are read into one buffer that all connections share, since they are written before others are read. So memory does not
grow with what is sent, and hardly with the number of connections.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol, cast

from vizreport.errors import StreamError
from vizreport.stream.opening import ACKNOWLEDGEMENT, BEGIN, HELLO_BYTES, PROOF_BYTES, Opening, Status, open_stream
from vizreport.stream.recording import Recording, UnwritableError

OPENING_TIMEOUT_S = 10.0
_KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3))


class Host(Protocol):
    """Who has the connections."""

    @property
    def token(self) -> bytes | None:
        """Shared with the senders, or None: whoever connects may send."""

    @property
    def buffer(self) -> memoryview:
        """Where the bytes of all streams are read into."""

    def enter(self, connection: Connection) -> None:
        """A connection has come."""

    def claim(self, stream_id: bytes, connection: Connection) -> Recording | Status:
        """Returns the recording that a connection may go on with, or why it may not."""

    def leave(self, connection: Connection, recording: Recording | None, *, orderly: bool) -> None:
        """A connection has ended; orderly: the sender closed it."""

    def give_up(self, recording: Recording) -> None:
        """The recording's file can't be written any more: what is in it must be found out anew."""

    def say(self, text: str) -> None:
        """Tells what a person should know of a stream."""

    def complain(self, text: str) -> None:
        """Tells of somebody who opened no stream: there may be many of them."""


class _State(Enum):
    HELLO = auto()
    PROOF = auto()
    READING = auto()  # what an earlier receiver left is read
    BEGIN = auto()
    STREAM = auto()
    ENDED = auto()


_WANTED = {_State.HELLO: HELLO_BYTES, _State.PROOF: PROOF_BYTES, _State.BEGIN: BEGIN.size}


class Connection(asyncio.BufferedProtocol):
    """A sender's connection.

    Attributes:
        peer: Address and port of the other side.
        last_s: When something came last, by time.monotonic.
    """

    def __init__(self, host: Host) -> None:
        """Belongs to a host."""
        self.peer = "?"
        self.last_s = time.monotonic()
        self._host = host
        self._state = _State.HELLO
        self._head = bytearray(_WANTED[_State.HELLO])
        self._n_head = 0
        self._opening: Opening | None = None
        self._recording: Recording | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def opens(self) -> bool:
        """Whether it has not opened a stream yet."""
        return self._state in _WANTED

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The other side has connected."""
        self._transport = cast(asyncio.Transport, transport)
        address = transport.get_extra_info("peername") or ("?", 0)
        self.peer = f"{address[0]}:{address[1]}"
        _watch(transport.get_extra_info("socket"))
        self._timer = asyncio.get_running_loop().call_later(OPENING_TIMEOUT_S, self._time_out)
        self._host.enter(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Returns where the next bytes go."""
        if self._state is _State.STREAM:
            return self._host.buffer
        return memoryview(self._head)[self._n_head :]

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come."""
        self.last_s = time.monotonic()
        try:
            if self._state is _State.STREAM:
                self._take(self._host.buffer[:nbytes])
            elif self._state in _WANTED:
                self._n_head += nbytes
                if self._n_head == len(self._head):
                    self._turn(bytes(self._head))
        except StreamError as error:
            tell = self._host.complain if self._recording is None else self._host.say
            self._end(f"{error}; the connection is closed, what was sound is kept", tell)
        except UnwritableError as error:
            self._give_up(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by whomever."""
        if self._state is not _State.ENDED and self._recording is None:
            self._host.complain(f"{self.peer}: left before it opened a stream")
        self._finish(orderly=exc is None)

    def pause_writing(self) -> None:
        """It does not read its acknowledgements: nothing more is read from it until it does."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It does."""
        if self._transport is not None and self._state is _State.STREAM:
            self._transport.resume_reading()

    def drop(self, why: str = "") -> None:
        """Ends the connection at once; what of its stream is not sound will come again."""
        self._end(why, self._host.complain)

    def _turn(self, message: bytes) -> None:
        """Goes on to the next step of the opening."""
        if self._state is _State.HELLO:
            self._opening = open_stream(message, self._host.token)
            self._send(self._opening.challenge)
            self._expect(_State.PROOF)
        elif self._state is _State.PROOF:
            self._take_proof(message)
        else:
            self._begin(BEGIN.unpack(message)[0])

    def _take_proof(self, proof: bytes) -> None:
        opening = self._opening
        assert opening is not None
        if self._host.token is not None and not opening.accepts(proof):
            self._refuse(Status.BAD_TOKEN, "it does not know the token")
            return
        try:
            found = self._host.claim(opening.stream_id, self)
        except UnwritableError as error:
            self._refuse(Status.CANNOT_WRITE, str(error))
            return
        if isinstance(found, Status):
            self._refuse(found, "there are as many streams as can be taken")
            return
        self._recording = found
        self._state = _State.READING
        if self._transport is not None:
            self._transport.pause_reading()
        task = asyncio.get_running_loop().run_in_executor(None, found.open)
        task.add_done_callback(self._welcome)

    def _welcome(self, opened: asyncio.Future[None]) -> None:
        """The recording's file has been read: the sender learns what is there."""
        recording, opening = self._recording, self._opening
        error = None if opened.cancelled() else opened.exception()
        assert recording is not None
        assert opening is not None
        if self._state is not _State.READING:  # it has left meanwhile
            self._host.leave(self, recording, orderly=False)
            return
        if isinstance(error, UnwritableError):
            self._recording = None
            self._host.give_up(recording)
            self._refuse(Status.CANNOT_WRITE, str(error))
            return
        if error is not None:
            raise error
        self._send(opening.welcome(Status.WELCOME, recording.framing.sound_bytes))
        self._expect(_State.BEGIN)
        if self._transport is not None:
            self._transport.resume_reading()

    def _begin(self, offset: int) -> None:
        recording = self._recording
        assert recording is not None
        recording.begin(offset)
        self._state = _State.STREAM
        self._stop_timer()
        self._host.say(f"{self.peer}: {'goes on with' if offset else 'starts'} {recording.path}")

    def _take(self, data: memoryview) -> None:
        recording = self._recording
        assert recording is not None
        if recording.take(data):
            self._send(ACKNOWLEDGEMENT.pack(recording.framing.sound_bytes))

    def _expect(self, state: _State) -> None:
        self._state = state
        self._head = bytearray(_WANTED[state])
        self._n_head = 0

    def _send(self, message: bytes) -> None:
        if self._transport is not None:
            self._transport.write(message)

    def _refuse(self, status: Status, why: str) -> None:
        assert self._opening is not None
        self._send(self._opening.welcome(status))
        self._end(f"refused: {why}", self._host.complain, at_once=False)

    def _give_up(self, error: UnwritableError) -> None:
        recording = self._recording
        assert recording is not None
        self._recording = None
        self._host.give_up(recording)
        self._end(f"{error}; the sender tries again", self._host.say)

    def _time_out(self) -> None:
        if self.opens:
            self._end(f"did not open a stream within {OPENING_TIMEOUT_S:.0f} s", self._host.complain)

    def _end(self, why: str, tell: Callable[[str], None], *, at_once: bool = True) -> None:
        """Says why, and closes the connection: at once, or when what was written has been sent."""
        if self._state is _State.ENDED:
            return
        if why:
            tell(f"{self.peer}: {why}")
        transport = self._transport
        self._finish(orderly=False)
        if transport is not None:
            (transport.abort if at_once else transport.close)()

    def _finish(self, *, orderly: bool) -> None:
        """Leaves the recording in order; one that is being read, when that is done."""
        if self._state is _State.ENDED:
            return
        self._stop_timer()
        is_reading, self._state = self._state is _State.READING, _State.ENDED
        self._transport = None
        if is_reading:
            return
        recording, self._recording = self._recording, None
        self._host.leave(self, recording, orderly=orderly)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _watch(connected: socket.socket | None) -> None:
    """Lets the kernel find out that the other side is gone without a word."""
    if connected is None:
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
