"""Checks the framing of a trace as it arrives, piece by piece. Keeps a header at most, no payload."""

from __future__ import annotations

import zlib
from enum import Enum, auto

import numpy as np

from vizreport.errors import StreamError, TraceFormatError
from vizreport.trace import format as fmt
from vizreport.trace.blocks import BLOCK_HEADER_BYTES, Block, read_block_header, read_header

_MAX_HEADER_BYTES = 4096


class _State(Enum):
    FILE_HEADER = auto()
    BLOCK_HEADER = auto()
    PAYLOAD = auto()
    TRAILER = auto()
    DONE = auto()


class StreamFraming:
    """Follows a trace's bytes in order.

    Attributes:
        offset: Bytes taken.
        sound_bytes: Up to where the bytes are whole sound blocks: where to cut a stream that turns out malformed.
        n_events: In the sound EVENTS blocks.
        ended: The END block has come.
    """

    def __init__(self) -> None:
        """Starts before the file header."""
        self.offset = 0
        self.sound_bytes = 0
        self.n_events = 0
        self.ended = False
        self._state = _State.FILE_HEADER
        self._head = bytearray()
        self._wanted = fmt.FILE_HEADER.itemsize
        self._block: Block | None = None
        self._rest = 0  # bytes of the payload, or of the gap after it, still to come
        self._crc = 0
        self._in_gap = False
        self._indexed = False  # the last block was the index

    @property
    def done(self) -> bool:
        """Whether the trailer has come: nothing may follow."""
        return self._state is _State.DONE

    def feed(self, data: memoryview) -> None:
        """Takes the next bytes.

        Raises:
            StreamError: They are no trace from ``sound_bytes`` on.
        """
        at = 0
        while at < len(data):
            if self._state is _State.DONE:
                raise StreamError("bytes follow the end of the trace")
            taken = self._take_payload(data[at:]) if self._state is _State.PAYLOAD else self._take_head(data[at:])
            at += taken
            self.offset += taken

    def skip_to(self, offset: int) -> None:
        """Goes on at a block's start, beyond what is missing here.

        Raises:
            StreamError: Nothing can be skipped before the file header, and no way leads back.
        """
        if offset < self.sound_bytes or self.sound_bytes == 0 or offset % fmt.ALIGNMENT:
            raise StreamError("the stream goes on where it can't")
        self.offset = self.sound_bytes = offset
        self._expect(_State.BLOCK_HEADER, BLOCK_HEADER_BYTES)

    def rewind(self) -> None:
        """Forgets the bytes after the last whole block: they will come again."""
        self.offset = self.sound_bytes
        if self.sound_bytes == 0:
            self._expect(_State.FILE_HEADER, fmt.FILE_HEADER.itemsize)
        elif self._state is not _State.DONE:
            self._expect_block_or_trailer()

    def _take_head(self, data: memoryview) -> int:
        """Collects a header of fixed size, and turns to what it announces."""
        taken = min(len(data), self._wanted - len(self._head))
        self._head += data[:taken]
        if len(self._head) == self._wanted:
            self._turn(bytes(self._head), self.offset + taken)
        return taken

    def _turn(self, head: bytes, end: int) -> None:
        if self._state is _State.FILE_HEADER:
            self._take_file_header(head, end)
        elif self._state is _State.TRAILER:
            self._take_trailer(head, end)
        else:
            self._take_block_header(head, end)

    def _take_file_header(self, head: bytes, end: int) -> None:
        try:
            header_bytes = int(read_header(memoryview(head))["header_bytes"])
        except TraceFormatError as error:
            raise StreamError(str(error)) from error
        if header_bytes > _MAX_HEADER_BYTES:
            raise StreamError("the trace's header has an impossible length")
        if header_bytes > end:  # fields that this version does not know
            self._wanted = header_bytes
            return
        self.sound_bytes = end
        self._expect(_State.BLOCK_HEADER, BLOCK_HEADER_BYTES)

    def _take_block_header(self, head: bytes, end: int) -> None:
        block = read_block_header(memoryview(head), end - len(head))
        if block is None:
            raise StreamError("a block's header is damaged")
        self._block, self._crc, self._in_gap, self._rest = block, 0, False, block.stored_bytes
        self._state = _State.PAYLOAD
        self._head.clear()
        self._end_part(end)

    def _take_payload(self, data: memoryview) -> int:
        taken = min(len(data), self._rest)
        if not self._in_gap:
            self._crc = zlib.crc32(data[:taken], self._crc)
        self._rest -= taken
        self._end_part(self.offset + taken)
        return taken

    def _end_part(self, end: int) -> None:
        """Where the payload ends comes the gap, where that ends the next block."""
        block = self._block
        assert block is not None
        if self._rest == 0 and not self._in_gap:
            if self._crc != block.payload_crc:
                raise StreamError("a block's payload is damaged")
            self._in_gap, self._rest = True, block.end - end
        if self._rest == 0 and self._in_gap:
            self._end_block(block, end)

    def _end_block(self, block: Block, end: int) -> None:
        self.sound_bytes = end
        if block.type == fmt.BlockType.EVENTS:
            self.n_events += block.count
        self.ended |= block.type == fmt.BlockType.END
        self._indexed = block.type == fmt.BlockType.INDEX
        self._expect_block_or_trailer()

    def _take_trailer(self, head: bytes, end: int) -> None:
        trailer = np.frombuffer(head, fmt.TRAILER, 1)[0]
        if trailer["magic"] != fmt.TRAILER_MAGIC or zlib.crc32(head[:-4]) != trailer["crc"]:
            raise StreamError("the trace's trailer is damaged")
        self.sound_bytes = end
        self._state = _State.DONE

    def _expect_block_or_trailer(self) -> None:
        if self._indexed:
            self._expect(_State.TRAILER, fmt.TRAILER.itemsize)
        else:
            self._expect(_State.BLOCK_HEADER, BLOCK_HEADER_BYTES)

    def _expect(self, state: _State, wanted: int) -> None:
        self._state, self._wanted = state, wanted
        self._head.clear()
