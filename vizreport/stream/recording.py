"""One stream as a trace file that grows: what has come of it, over all of its connections. Knows no network.

Nobody but the owner may read the files: a trace tells command lines, paths and addresses, and who knows the id in the
file beside it could go on with the stream.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from vizreport.errors import StreamError, VizzyError
from vizreport.stream.framing import StreamFraming
from vizreport.stream.paths import find_side_path
from vizreport.trace.format import ALIGNMENT
from vizreport.units import format_bytes

_MOST_GAP_BYTES = 1 << 30
_MOST_GAPS = 100
_GAP = struct.Struct("<QQ")
_MOST_SIDE_BYTES = 16 + _MOST_GAPS * _GAP.size
_PIECE_BYTES = 1 << 20
_MODE = 0o600


class UnwritableError(VizzyError):
    """A file of a recording can't be written."""


@dataclass(slots=True, eq=False)
class Recording:
    """A stream's file.

    Attributes:
        stream_id: Of the recording, the same over all connections.
        framing: What has come, and how much of it is sound.
        gaps: What is missing and will not come again: from a sound end up to where the stream went on. Zeros.
        complete: All of it is here.
        dropped: Nobody looks at it any more; it is to be forgotten.
    """

    stream_id: bytes
    path: Path
    framing: StreamFraming = field(default_factory=StreamFraming)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    complete: bool = False
    dropped: bool = False
    _descriptor: int = -1
    _is_read: bool = False  # what an earlier receiver left in the file is known

    @property
    def is_open(self) -> bool:
        """Whether the file is open: a connection has it."""
        return self._descriptor >= 0

    def open(self) -> None:
        """Opens the file for what comes next; the first time, reads what an earlier receiver left in it.

        Raises:
            UnwritableError: It can't be opened.
        """
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            if not self._is_read:
                self._read_through()
                self._is_read = True
            self._cut()
        except OSError as error:
            self.close()
            raise UnwritableError(f"{self.path}: can't be written: {error.strerror}") from error

    def begin(self, offset: int) -> None:
        """Goes on at an offset in the stream; what is missing before it becomes zeros.

        Raises:
            StreamError: It can't go on there.
            UnwritableError: The file can't be written.
        """
        sound = self.framing.sound_bytes
        if offset == sound:
            return
        if sound == 0:
            raise StreamError(
                "its beginning went to another receiver: to go on with it, start this one with the same -o"
            )
        missing = offset - sound + sum(end - start for start, end in self.gaps)
        is_possible = offset > sound and offset % ALIGNMENT == 0 and not self.framing.done
        if not is_possible or missing > _MOST_GAP_BYTES or len(self.gaps) == _MOST_GAPS:
            raise StreamError("the stream goes on where it can't")
        try:
            os.ftruncate(self._descriptor, offset)
            _append(find_side_path(self.path), _GAP.pack(sound, offset))
        except OSError as error:
            raise UnwritableError(f"{self.path}: can't be written: {error.strerror}") from error
        self.gaps.append((sound, offset))
        self.framing.skip_to(offset)

    def take(self, data: memoryview) -> bool:
        """Takes the next bytes; tells whether more of the stream is sound than before.

        Raises:
            StreamError: They are no trace.
            UnwritableError: The file can't be written.
        """
        sound = self.framing.sound_bytes
        self._write(data, self.framing.offset)  # first: whoever reads up to sound_bytes finds them in the file
        self.framing.feed(data)
        if self.framing.done:
            self._complete()
        return self.framing.sound_bytes > sound

    def leave(self, *, orderly: bool) -> str:
        """Puts the file in order when a connection has ended, and closes it; returns what there is to say.

        What came after the last whole block will come again. A file of which nothing is sound is removed.

        Args:
            orderly: The sender closed the connection. It does so when all is acknowledged, if all is there: a very long
                trace has no index at its end.
        """
        if orderly and self.framing.ended:
            self._complete()
        self.framing.rewind()
        with suppress(OSError):
            self._cut()
        self.close()
        size = format_bytes(self.framing.sound_bytes)
        if self.complete:
            return f"{self.path} is complete: {size}, {self.framing.n_events} events"
        if self.framing.sound_bytes == 0:
            self.remove()
            return f"nothing of a trace came; {self.path} is removed"
        return f"broke off; {self.path} has {size} so far and goes on if it comes back"

    def close(self) -> None:
        """Closes the file as it is."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def remove(self) -> None:
        """Closes and removes the file: what comes later is a trace without what came before."""
        self.close()
        _remove(self.path)
        _remove(find_side_path(self.path))

    def _complete(self) -> None:
        self.complete = True
        _remove(find_side_path(self.path))

    def _read_through(self) -> None:
        """Finds out what is sound in the file; it may have been cut in the middle of a write."""
        for start, end in [*self.gaps, (1 << 63, 0)]:
            with suppress(StreamError):
                while piece := os.pread(
                    self._descriptor, min(_PIECE_BYTES, start - self.framing.offset), self.framing.offset
                ):
                    self.framing.feed(memoryview(piece))
            self.framing.rewind()
            if self.framing.sound_bytes != start:
                break
            self.framing.skip_to(end)
        self.gaps = [gap for gap in self.gaps if gap[1] <= self.framing.sound_bytes]

    def _cut(self) -> None:
        """Makes the file as long as what is sound of it; reads as zeros what it lacks."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, self.framing.sound_bytes)

    def _write(self, data: memoryview, at: int) -> None:
        try:
            while data:
                written = os.pwrite(self._descriptor, data, at)
                data, at = data[written:], at + written
        except OSError as error:
            raise UnwritableError(f"{self.path}: can't be written: {error.strerror}") from error


def find_recording(stream_id: bytes, left: Iterable[Path], paths: Iterable[Path]) -> Recording:
    """Returns the incomplete recording that an earlier receiver left, or a new one, whose files are made.

    Args:
        stream_id: Whose.
        left: Files of incomplete streams.
        paths: Where a new one may lie, without an end. What is there is kept.

    Raises:
        UnwritableError: The file can't be made.
    """
    for path in left:
        told = _read_side(find_side_path(path))
        if told[: len(stream_id)] == stream_id and path.is_file():
            gaps = told[len(stream_id) :]
            whole = gaps[: len(gaps) // _GAP.size * _GAP.size]
            return Recording(stream_id, path, gaps=[(start, end) for start, end in _GAP.iter_unpack(whole)])
    for path in paths:
        side = find_side_path(path)
        try:
            if not os.path.lexists(path) and not os.path.lexists(side):
                _make(side, stream_id)
                _make(path, b"")
                return Recording(stream_id, path)
        except OSError as error:
            raise UnwritableError(f"{path}: can't be written: {error.strerror}") from error
    raise AssertionError("the paths do not end")


def _read_side(side: Path) -> bytes:
    """Returns the id beside a file, and its gaps; or nothing. Only a regular file has one: nothing that would block."""
    try:
        return side.read_bytes()[:_MOST_SIDE_BYTES] if side.is_file() and not side.is_symlink() else b""
    except OSError:
        return b""


def _append(path: Path, content: bytes) -> None:
    """Adds to a file that is there, through no link."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "ab") as file:
        file.write(content)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _make(path: Path, content: bytes) -> None:
    """Makes a new file: through no link, over nothing."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
