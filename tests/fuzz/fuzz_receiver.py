"""Fuzzes the receiver of streams: hostile clients beside an honest one, whose trace must arrive whole.

A script of bytes says what two hostile clients do (connect, open streams rightly or wrongly, send a trace, damaged or
not, stop, leave), when the disk is full, and when the receiver is started anew. Whatever they do:

- nothing is raised out of the receiver,
- no buffer grows beyond what one step of the opening has,
- acknowledgements never decrease, and are of bytes that were sent,
- every file that is left is a trace: a valid prefix, with what is missing counted,
- the honest client's file is what it sent, byte for byte.

    python tests/fuzz/fuzz_receiver.py CORPUS... -max_total_time=600    (with atheris from PyPI)

pytest runs the corpus (tests/unit/test_receiver_fuzz.py).
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

from stream_client import TOKEN, Client, make_trace  # noqa: E402

from vizreport.errors import TraceFormatError  # noqa: E402
from vizreport.stream.paths import find_side_path  # noqa: E402
from vizreport.stream.receiver import Receiver  # noqa: E402
from vizreport.trace.reader import read_trace  # noqa: E402

LONGEST_SCRIPT = 4096
LONGEST_STEP = 64


TRACE = make_trace()


class Script:
    """The bytes that say what happens; when they are used up, nothing more does."""

    def __init__(self, data: bytes) -> None:
        """Begins at the start."""
        self._data = data[:LONGEST_SCRIPT]
        self._at = 0

    @property
    def ended(self) -> bool:
        """Whether all of it was used."""
        return self._at >= len(self._data)

    def take(self, n: int) -> bytes:
        """Returns the next bytes, at most n."""
        self._at += n
        return self._data[self._at - n : self._at]

    def number(self, below: int) -> int:
        """Returns the next number below a limit of at most 65536."""
        return int.from_bytes(self.take(1 if below <= 256 else 2), "little") % below


class Honest(Client):
    """Sends the trace, again and again until it is acknowledged."""

    stream_id = b"honest " * 2 + b"ID"
    position: int | None = None

    async def step(self, n: int) -> None:
        """Sends the next n bytes; connects if it has no connection. When all is acknowledged it is done."""
        if self.known == len(TRACE):
            return
        if self.connection is None or self.wire.closed or self.position is None:
            self.position = await self.open(self.stream_id)
            if self.position is None:
                return
            assert self.position >= self.known
            self.acknowledged = self.position
            await self.send(struct.pack("<Q", self.position))
        await self.send(TRACE[self.position : self.position + n])
        self.position = min(self.position + n, len(TRACE))
        self.read_acknowledgements(self.position)
        self.known = max(self.known, self.acknowledged)

    known = 0  # what was acknowledged ever


class Hostile(Client):
    """Does what the script says."""

    position = 0

    async def step(self, script: Script) -> None:
        """Does one thing."""
        what, stream_id = script.number(12), bytes([script.number(3)]) * 16
        if what == 0:
            self.connect()
        elif what == 1:
            await self.send(script.take(script.number(LONGEST_STEP)))
        elif what == 2:
            await self.open(stream_id, proves=False)
        elif what in (3, 4):
            self.position = await self.open(stream_id) or 0
            await self.send(struct.pack("<Q", self.position))
        elif what == 5:
            self.position = await self.open(stream_id) or 0
            begin = script.take(8).ljust(8, b"\0")
            if begin[0] % 2:  # a gap that is allowed, most often
                begin = struct.pack("<Q", self.position + 8 * begin[1])
            await self.send(begin)
        elif what == 6:
            self.position = script.number(len(TRACE))
        elif what in (7, 8):
            n = script.number(1024)
            await self.send(TRACE[self.position : self.position + n])
            self.position += n
        elif what == 9:
            piece = bytearray(TRACE[self.position : self.position + 200])
            if piece:
                piece[script.number(256) % len(piece)] ^= 1 + script.number(255)
            await self.send(bytes(piece))
            self.position += len(piece)
        elif what == 10:
            self.leave(ConnectionResetError() if script.number(2) else None)
        elif self.connection is not None and not self.wire.closed:
            (self.connection.pause_writing if script.number(2) else self.connection.resume_writing)()


@contextmanager
def filling_disk(script: Script) -> Iterator[list[int]]:
    """Makes writes fail while the number in the list is not 0, which each failure lowers; some are short."""
    left = [0]
    pwrite = os.pwrite

    def write(descriptor: int, data: memoryview, offset: int) -> int:
        if left[0] > 0:
            left[0] -= 1
            if left[0] % 2 or len(data) < 2:
                raise OSError(28, "No space left on device")
            return pwrite(descriptor, data[: len(data) // 2], offset)
        return pwrite(descriptor, data, offset)

    with mock.patch("vizreport.stream.recording.os.pwrite", write):
        yield left


async def run(script: Script, folder: Path) -> None:
    """Lets everything happen, and looks at what is left."""
    receiver = Receiver(str(folder / "{n}.trace"), TOKEN, lambda text: None, most_streams=3)
    honest, hostile = Honest(receiver), [Hostile(receiver), Hostile(receiver)]
    with filling_disk(script) as failures:
        while not script.ended:
            what = script.number(16)
            if what < 10:
                await hostile[what % 2].step(script)
            elif what < 14:
                await honest.step(script.number(1024))
            elif what == 14:
                failures[0] = script.number(4)
            else:
                receiver = restart(receiver, [honest, *hostile], script)
    await finish(honest, hostile)
    check(folder, honest)


def restart(receiver: Receiver, clients: list[Any], script: Script) -> Receiver:
    """Starts a receiver in the place of the other, which was killed, or ended in order."""
    for client in clients:
        if script.number(2):
            client.leave(ConnectionResetError())
        elif client.connection is not None:  # killed: nobody puts anything in order
            client.wire.closed, client.connection = True, None
    for recording in receiver.recordings.values():
        recording.close()
    fresh = Receiver(receiver.pattern, TOKEN, lambda text: None, most_streams=3)
    for client in clients:
        client.receiver = fresh
    return fresh


async def finish(honest: Honest, hostile: list[Hostile]) -> None:
    """The honest client gets to its end, however often the hostile ones have thrown it out; then all leave."""
    for client in hostile:
        client.leave()
    for _ in range(20):
        await honest.step(len(TRACE))
    assert honest.known == len(TRACE)
    honest.leave()


def check(folder: Path, honest: Honest) -> None:
    """Every file is a trace, one of them is the honest client's, and ids stand only beside those that may go on."""
    paths = list(folder.glob("*.trace"))
    assert any(path.read_bytes() == TRACE and not find_side_path(path).exists() for path in paths)
    for path in paths:
        assert path.stat().st_mode & 0o077 == 0
        try:
            trace = read_trace(str(path))
        except TraceFormatError:  # the receiver was killed before anything was sound
            assert path.stat().st_size < len(TRACE)
            continue
        if TRACE.startswith(path.read_bytes()):  # no gaps
            assert trace.completeness.n_damaged == 0
    for side in folder.glob("*.stream"):
        assert side.with_name(side.name.removesuffix(".stream")).exists()


def fuzz_one(data: bytes, loop: asyncio.AbstractEventLoop, parent: str | None = None) -> None:
    """Runs one script in a folder of its own."""
    folder = Path(tempfile.mkdtemp(dir=parent))
    try:
        loop.run_until_complete(run(Script(data), folder))
    finally:
        shutil.rmtree(folder)


def make_scripts(seed: int, n: int) -> Iterator[bytes]:
    """Yields scripts without coverage's guidance."""
    generator = random.Random(seed)
    for _ in range(n):
        yield generator.randbytes(generator.randint(1, 400))


def main() -> None:
    """Fuzzes with atheris until it is told to end."""
    import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]

    loop = asyncio.new_event_loop()
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    atheris.instrument_all()
    atheris.Setup(sys.argv, lambda data: fuzz_one(data, loop, parent))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
