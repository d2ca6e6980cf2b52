"""From a trace file to the model. Every fault is a TraceFormatError, or a damaged block that is skipped and counted.

Descriptions are read at once; events and stacks of an image when they are asked for, so that memory is bounded by the
largest image.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from vizreport.errors import TraceFormatError, VizzyError
from vizreport.model.places import ModuleNames
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Completeness, Events, Image, Note, Session
from vizreport.trace import format as fmt
from vizreport.trace.blocks import Block, find_blocks, read_header, read_payload
from vizreport.trace.collected import Collected
from vizreport.trace.decode import decode_events, decode_nodes, join_nodes
from vizreport.trace.event_block import EventBlock
from vizreport.trace.names import decode_names
from vizreport.trace.pool import fill_in
from vizreport.trace.records import decode_jit_map, describe_header

_MAGIC = fmt.FILE_MAGIC.to_bytes(8, "little")
_START_BYTES = 64  # enough to know any kind of trace by
_NO_EVENTS = Events(
    kinds=np.zeros(0, np.uint8),
    threads=np.zeros(0, np.uint32),
    times=np.zeros(0, np.uint64),
    addresses=np.zeros(0, np.uint64),
    sizes=np.zeros(0, np.uint64),
    stacks=np.zeros(0, np.uint32),
)


EventDecoder = Callable[[memoryview, int, int], EventBlock]
"""What decode_events is: kernels may have a faster one."""

NodeDecoder = Callable[[memoryview, int], tuple[NDArray[np.uint64], ...]]
"""What decode_nodes is, likewise."""


class EventSource(Protocol):
    """Some consecutive events of an image, at most format.MAX_EVENTS, still undecoded."""

    @property
    def n_events(self) -> int:
        """How many."""

    @property
    def stored_bytes(self) -> int:
        """What they take in the file."""

    @property
    def first_time_ns(self) -> int:
        """Time of the first of them, unrounded."""

    @property
    def last_time_ns(self) -> int:
        """Time of the last of them, unrounded."""

    def read(self, decode: EventDecoder) -> EventBlock:
        """Decodes them. May be called in any thread.

        Raises:
            TraceFormatError: A block is whole but contradicts itself: whoever wrote it was wrong.
        """


class Contents(Protocol):
    """Where events and stacks are read from when they are asked for."""

    def list_events(self, image: int) -> Sequence[EventSource]:
        """Returns an image's events, in order."""

    def read_stacks(self, image: int, decode: NodeDecoder) -> Stacks:
        """Returns an image's call stacks."""

    def read_jit_map(self, image: int) -> str:
        """Returns the lines of an image's perf map."""

    def read_names(self) -> Iterable[ModuleNames]:
        """Returns the names that are in the trace."""


@dataclass(frozen=True, slots=True)
class Trace:
    """An open trace.

    Attributes:
        path: As the user gave it.
        images: In order of their index.
        notes: Of the whole session; an image's own are in the image.
        blocks: Sound ones, in file order; CSV has none.
        data: The file's bytes.
    """

    path: str
    session: Session
    completeness: Completeness
    images: tuple[Image, ...]
    notes: tuple[Note, ...]
    blocks: tuple[Block, ...]
    data: memoryview
    _contents: Contents

    def list_events(self, image: int) -> Sequence[EventSource]:
        """Returns an image's events, in order: what analysis.replay goes over."""
        return self._contents.list_events(image)

    def read_events(self, image: int) -> Events:
        """Returns all of an image's events at once, in order: 33 bytes each, for scripts.

        Raises:
            TraceFormatError: A block is whole but contradicts itself: whoever wrote it was wrong.
        """
        parts = [_NO_EVENTS, *(source.read(decode_events).expand() for source in self.list_events(image))]
        return Events(
            kinds=np.concatenate([part.kinds for part in parts]),
            threads=np.concatenate([part.threads for part in parts]),
            times=np.concatenate([part.times for part in parts]),
            addresses=np.concatenate([part.addresses for part in parts]),
            sizes=np.concatenate([part.sizes for part in parts]),
            stacks=np.concatenate([part.stacks for part in parts]),
        )

    def read_stacks(self, image: int, decode: NodeDecoder = decode_nodes) -> Stacks:
        """Returns an image's call stacks.

        Raises:
            TraceFormatError: A block is whole but contradicts itself: whoever wrote it was wrong.
        """
        return self._contents.read_stacks(image, decode)

    def read_jit_map(self, image: int) -> str:
        """Returns the lines of an image's perf map, as docs/trace-format.md describes them; nothing: it has none.

        Raises:
            TraceFormatError: A block is whole but contradicts itself: whoever wrote it was wrong.
        """
        return self._contents.read_jit_map(image)

    def read_names(self) -> Iterable[ModuleNames]:
        """Returns the names that are in the trace, those that count last.

        Raises:
            TraceFormatError: A block is whole but contradicts itself: whoever wrote it was wrong.
        """
        return self._contents.read_names()


@dataclass(frozen=True, slots=True)
class _BlockSource:
    """An EVENTS block of a trace file."""

    block: Block
    data: memoryview

    @property
    def n_events(self) -> int:
        return self.block.count

    @property
    def stored_bytes(self) -> int:
        return self.block.stored_bytes

    @property
    def first_time_ns(self) -> int:
        return self.block.first_time_ns

    @property
    def last_time_ns(self) -> int:
        return self.block.last_time_ns

    def read(self, decode: EventDecoder) -> EventBlock:
        return decode(read_payload(self.data, self.block, verified=True), self.block.count, self.block.flags)


@dataclass(frozen=True, slots=True)
class _BlockContents:
    """The blocks of a trace file.

    Attributes:
        groups: In file order, by image and type.
    """

    groups: dict[tuple[int, int], list[Block]]
    data: memoryview

    @classmethod
    def sort(cls, blocks: Iterable[Block], data: memoryview) -> _BlockContents:
        """Puts blocks into groups: there may be thousands of images."""
        groups: dict[tuple[int, int], list[Block]] = {}
        for block in blocks:
            groups.setdefault((block.image, block.type), []).append(block)
        return cls(groups, data)

    def list_events(self, image: int) -> Sequence[EventSource]:
        """Returns an image's events: see Trace."""
        return [_BlockSource(block, self.data) for block in self.groups.get((image, fmt.BlockType.EVENTS), ())]

    def read_stacks(self, image: int, decode: NodeDecoder) -> Stacks:
        """Returns an image's call stacks: see Trace."""
        parts = [
            decode(read_payload(self.data, block, verified=True), block.count)
            for block in self.groups.get((image, fmt.BlockType.NODES), ())
        ]
        return join_nodes(parts)

    def read_jit_map(self, image: int) -> str:
        """Returns an image's perf map: see Trace."""
        return "".join(
            decode_jit_map(read_payload(self.data, block))
            for block in self.groups.get((image, fmt.BlockType.JIT_MAP), ())
        )

    def read_names(self) -> Iterable[ModuleNames]:
        """Returns the names in the trace: see Trace."""
        return [
            decode_names(read_payload(self.data, block), block.count)
            for (_, kind), blocks in self.groups.items()
            if kind == fmt.BlockType.NAMES
            for block in blocks
        ]


def read_trace(path: str) -> Trace:
    """Opens a trace; "-" is standard input.

    Raises:
        VizzyError: It can't be opened.
        TraceFormatError: It is no trace, or its header is damaged.
    """
    data = _open(path)
    try:
        return parse_trace(path, fill_in(data)) if _is_binary(data) or not _is_csv(data) else _parse_csv(path, data)
    except TraceFormatError as error:
        raise TraceFormatError(f"{path}: {error}", offset=error.offset) from error


def _parse_csv(path: str, data: memoryview) -> Trace:
    """Reads all of a CSV trace and of the file beside it."""
    side = None
    if path != "-" and (side_path := Path(f"{path.removesuffix('.csv')}.stacks.csv")).exists():
        side = _open(str(side_path))
    from vizreport.trace.csv_trace import read_csv

    csv = read_csv(data, side)
    return Trace(path, csv.session, csv.completeness, csv.images, csv.notes, (), data, csv)


def _is_binary(data: memoryview | bytes) -> bool:
    return bytes(data[: len(_MAGIC)]) == _MAGIC


def _is_csv(data: memoryview) -> bool:
    from vizreport.trace.csv_trace import is_csv  # most traces are none, and it takes time

    return is_csv(data)


def _open(path: str) -> memoryview:
    """Returns the file's bytes, mapped where that can be done."""
    if path == "-":
        return _read_stream(sys.stdin.buffer)
    try:
        with Path(path).open("rb") as file:
            try:
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            except (ValueError, OSError):  # empty, or no regular file
                return _read_stream(file)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise VizzyError(f"{path}: can't be read: {reason}") from error


def _read_stream(file: BinaryIO) -> memoryview:
    """Returns all of a stream's bytes; of one that is no trace only the first: it may never end."""
    start = file.read(_START_BYTES)
    if _is_binary(start) or _is_csv(memoryview(start)):
        start += file.read()
    return memoryview(start)


def parse_trace(path: str, data: memoryview) -> Trace:
    """Reads all but events and stacks from a file's bytes; path is what to call it.

    Raises:
        TraceFormatError: It is no trace, or its header is damaged.
    """
    header = read_header(data)
    framing = find_blocks(data, int(header["header_bytes"]))
    collected = Collected(describe_header(header))
    for block in framing.blocks:
        collected.add(data, block)
    completeness = Completeness(
        n_blocks=len(collected.blocks),
        n_damaged=framing.n_lost + len(framing.blocks) - len(collected.blocks),
        ended=collected.ended,
        indexed=framing.indexed,
        cut_bytes=framing.cut_bytes,
        images_missed=collected.images_missed,
    )
    images = collected.build_images()
    blocks = tuple(collected.blocks)
    contents = _BlockContents.sort(blocks, data)
    return Trace(path, collected.session, completeness, images, tuple(collected.notes), blocks, data, contents)
