"""A sender made by hand, for tests of the receiver: connected without a network."""

from __future__ import annotations

import asyncio
import hmac
import struct
from dataclasses import dataclass, field
from typing import Any, cast

from builders import TraceBuilder, free, malloc

from vizreport.stream import connection as connection_module
from vizreport.stream.connection import Connection
from vizreport.stream.opening import MAGIC
from vizreport.stream.receiver import Receiver

TOKEN = b"a token"


def make_trace() -> bytes:
    """A trace with several blocks of some hundred bytes."""
    builder = TraceBuilder().session().image().thread()
    for k in range(4):
        builder.nodes([(3 + k, 0, 0x1000 + k)])
        builder.events([malloc(16 * (k + 1), 10 * k, stack=3 + k, time=10 * k), free(16 * (k + 1), time=10 * k + 5)])
        builder.drops([(10 * k, 10 * k + 3, 2)])
    return builder.image_end(dropped=8).build()


@dataclass
class Wire:
    """The transport of one connection: what the receiver sent, and whether it still listens."""

    sent: bytearray = field(default_factory=bytearray)
    closed: bool = False
    paused: bool = False

    def get_extra_info(self, name: str) -> Any:
        """Knows where the other side is."""
        return ("10.0.0.7", 4000) if name == "peername" else None

    def write(self, data: bytes) -> None:
        """Takes what goes to the client."""
        self.sent += data

    def pause_reading(self) -> None:
        """Nothing more is to be read."""
        self.paused = True

    def resume_reading(self) -> None:
        """Something is."""
        self.paused = False

    def close(self) -> None:
        """The receiver ends the connection."""
        self.closed = True

    abort = close


class Client:
    """One side of one connection at a time."""

    def __init__(self, receiver: Receiver) -> None:
        """Is not connected."""
        self.receiver = receiver
        self.wire = Wire(closed=True)
        self.connection: Connection | None = None
        self.acknowledged = 0
        self._n_read = 0

    def connect(self) -> None:
        """Leaves the connection that there is, and makes a new one."""
        self.leave(ConnectionResetError())
        self.wire, self.acknowledged, self._n_read = Wire(), 0, 0
        self.connection = Connection(self.receiver)
        self.connection.connection_made(cast(asyncio.Transport, self.wire))

    def leave(self, error: Exception | None = None) -> None:
        """Ends the connection."""
        connection, self.connection = self.connection, None
        if connection is not None:
            self.wire.closed = True
            connection.connection_lost(error)

    async def send(self, data: bytes) -> None:
        """Sends as a kernel would deliver it: as much as the receiver makes room for."""
        while data and self.connection is not None:
            await self.settle()
            if self.wire.closed:
                self.leave()
            elif self.wire.paused:
                return
            else:
                room = self.connection.get_buffer(-1)
                assert len(room) > 0
                assert not self.connection.opens or len(room) <= 64
                n = min(len(room), len(data))
                room[:n] = data[:n]
                data = data[n:]
                self.connection.buffer_updated(n)
        await self.settle()

    async def settle(self) -> None:
        """Waits until a file was read through."""
        while self.connection is not None and self.connection._state is connection_module._State.READING:
            await asyncio.sleep(0)

    def read(self, n: int) -> bytes:
        """Returns what the receiver sent next, if it has sent so much."""
        if len(self.wire.sent) - self._n_read < n:
            return b""
        self._n_read += n
        return bytes(self.wire.sent[self._n_read - n : self._n_read])

    async def open(self, stream_id: bytes, *, proves: bool = True) -> int | None:
        """Goes through the opening up to WELCOME; returns the offset, or None: it is not welcome."""
        nonce = b"n" * 32
        self.connect()
        await self.send(struct.pack("<QHHI16s32s", MAGIC, 1, 0, 0, stream_id, nonce))
        challenge = self.read(48)
        facts = b"vizzy sender" + challenge[16:] + nonce + stream_id
        await self.send(hmac.digest(TOKEN, facts, "sha256") if proves else b"\7" * 32)
        welcome = self.read(48)
        if len(welcome) < 48 or welcome[:4] != bytes(4):
            return None
        return int.from_bytes(welcome[8:16], "little")

    def read_acknowledgements(self, most: int) -> None:
        """Takes those that have come; they never decrease."""
        while message := self.read(8):
            offset = int.from_bytes(message, "little")
            assert self.acknowledged <= offset <= most
            self.acknowledged = offset
