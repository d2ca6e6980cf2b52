"""A trace file that is still being written, read on as blocks become whole.

Nothing of the file is mapped: who writes it may cut off what is not whole at any time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vizreport.errors import TraceFormatError, VizzyError
from vizreport.model.stacks import Stacks
from vizreport.trace import format as fmt
from vizreport.trace.blocks import BLOCK_HEADER_BYTES, Block, find_header, read_block_header, read_header, read_payload
from vizreport.trace.collected import Collected
from vizreport.trace.decode import decode_nodes, join_nodes
from vizreport.trace.event_block import EventBlock
from vizreport.trace.reader import EventDecoder
from vizreport.trace.records import describe_header

_PIECE_BYTES = 1 << 20
_HEADER_BYTES = 4096


@dataclass(frozen=True, slots=True)
class NewEvents:
    """Events that arrived.

    Attributes:
        image: Index of the image they are of.
        events: In order.
    """

    image: int
    events: EventBlock


class GrowingTrace:
    """Reads a trace file from its beginning, each block once.

    Attributes:
        collected: What the blocks told so far, but for events and stacks; None: the file header is not there yet.
        n_lost: Blocks that are damaged or missing.
        last_time_ns: The latest time of any block, ns since start.
        done: The index was read: nothing follows.
        offset: Up to where the file was taken.
    """

    def __init__(self, path: str, decode: EventDecoder) -> None:
        """Opens the file.

        Raises:
            VizzyError: It can't be opened.
        """
        try:
            self._file = Path(path).open("rb")  # noqa: SIM115 - stays open until close()
        except OSError as error:
            raise VizzyError(f"{path}: can't be read: {error.strerror}") from error
        self._path = path
        self._decode = decode
        self.offset = 0
        self._piece_bytes = _PIECE_BYTES
        self._sequence = 0  # that the next block has
        self._nodes: dict[int, list[tuple[NDArray[np.uint64], ...]]] = {}
        self._stacks: dict[int, Stacks] = {}  # joined, until more nodes come
        self.collected: Collected | None = None
        self.n_lost = 0
        self.last_time_ns = 0
        self.done = False

    def read_more(self, end: int | None = None) -> list[NewEvents] | None:
        """Takes some whole blocks, and returns the events in them, in file order; None: there is no whole block.

        Args:
            end: Up to where the file is sound; None: as far as it reaches.

        Raises:
            TraceFormatError: It is no trace, or its header is damaged.
        """
        if self.collected is None and not self._begin(end):
            return None
        piece = self._read(self._piece_bytes, end)
        before, arrived = self.offset, []
        for block in self._take_blocks(piece):
            assert self.collected is not None
            if not self.collected.add(piece, block):
                self.n_lost += 1
                continue
            self.last_time_ns = max(self.last_time_ns, block.last_time_ns)
            try:
                arrived += self._take(piece, block)
            except TraceFormatError:
                self.n_lost += 1
        return arrived if self.offset > before else None

    def read_stacks(self, image: int) -> Stacks:
        """Returns an image's call stacks so far."""
        if image not in self._stacks:
            self._stacks[image] = join_nodes(self._nodes.get(image, []))
        return self._stacks[image]

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _read(self, n: int, end: int | None) -> memoryview:
        self._file.seek(self.offset)
        return memoryview(self._file.read(n if end is None else max(min(n, end - self.offset), 0)))

    def _begin(self, end: int | None) -> bool:
        """Reads the file header, and tells whether it is there."""
        head = self._read(_HEADER_BYTES, end)
        if len(head) < fmt.FILE_HEADER.itemsize:
            return False
        try:
            header = read_header(head)
        except TraceFormatError as error:
            raise TraceFormatError(f"{self._path}: {error}", offset=error.offset) from error
        self.collected = Collected(describe_header(header))
        self.offset = int(header["header_bytes"])
        return True

    def _take_blocks(self, piece: memoryview) -> Iterator[Block]:
        """Yields the whole blocks of a piece of the file; their offsets are in the piece. Moves on behind them."""
        start, at = self.offset, 0
        while not self.done and at + BLOCK_HEADER_BYTES <= len(piece):
            block = read_block_header(piece[at : at + BLOCK_HEADER_BYTES], at)
            if block is None:
                found = find_header(piece, at + fmt.ALIGNMENT)
                at = found if found is not None else _find_unsearched(len(piece))
                self.offset = start + at  # what was searched is not read again
                continue
            size = BLOCK_HEADER_BYTES + block.stored_bytes
            if at + size > len(piece):
                self._piece_bytes = max(_PIECE_BYTES, size)
                break
            self._piece_bytes = _PIECE_BYTES
            self.n_lost += max(block.sequence - self._sequence, 0)
            self._sequence = block.sequence + 1
            at = block.end
            self.offset = start + at
            self.done = block.type == fmt.BlockType.INDEX
            yield block

    def _take(self, piece: memoryview, block: Block) -> list[NewEvents]:
        """Takes the events and nodes of a sound block.

        Raises:
            TraceFormatError: They are no image's, or contradict themselves.
        """
        if block.image == fmt.NO_IMAGE and block.type in (fmt.BlockType.NODES, fmt.BlockType.EVENTS):
            raise TraceFormatError("a block of events or stack nodes belongs to no process image")
        if block.type == fmt.BlockType.NODES:
            nodes = decode_nodes(read_payload(piece, block, verified=True), block.count)
            self._nodes.setdefault(block.image, []).append(nodes)
            self._stacks.pop(block.image, None)
        elif block.type == fmt.BlockType.EVENTS:
            payload = read_payload(piece, block, verified=True)
            return [NewEvents(block.image, self._decode(payload, block.count, block.flags))]
        return []


def _find_unsearched(n_bytes: int) -> int:
    """Returns the first place for a header that does not lie in a piece of so many bytes as a whole."""
    return ((n_bytes - BLOCK_HEADER_BYTES) // fmt.ALIGNMENT + 1) * fmt.ALIGNMENT
