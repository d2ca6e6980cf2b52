"""The memory of a process that wrote its own trace: streams of events, call stacks and notes that no block has.

Layout: docs/trace-format.md, section 7. It was written by another program up to the moment of its death: nothing in it
is trusted, and what makes no sense is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.trace import format as fmt

PAGE = 4096
_N_SEGMENTS, _N_STREAM_PAGES = 4096, 1024
NODES_PER_SEGMENT = 4096
STREAMS_PER_PAGE = 64
_CHUNK_CLASSES = 4
_TICKS_BITS, _SIZE_BITS = 56, 40
_TICKS_MASK, _SIZE_MASK = (1 << _TICKS_BITS) - 1, (1 << _SIZE_BITS) - 1
_WIDE = 255
_ACTIVE = 1
_INTERRUPTED = 0x80000000
_LOG_SEGMENT = 16 * PAGE

REGION = np.dtype(
    {
        "names": ["stopped", "dropped", "n_streams", "n_nodes", "log_first", "node_segments", "stream_pages"],
        "formats": ["<u4", "<u8", "<u4", "<u4", "<u4", ("<u4", _N_SEGMENTS), ("<u4", _N_STREAM_PAGES)],
        "offsets": [40, 56, 120, 132, 140, 280, 280 + 4 * _N_SEGMENTS],
        "itemsize": 280 + 4 * (_N_SEGMENTS + _N_STREAM_PAGES),
    }
)
STREAM = np.dtype(
    {
        "names": ["state", "tid", "first", "level", "dropped", "name_sequence", "name", "claims"],
        "formats": ["<u4", "<u4", "<u4", "<u4", "<u8", "<u4", "S16", "<u4"],
        "offsets": [0, 4, 8, 12, 16, 40, 44, 60],
        "itemsize": 64,
    }
)
CHUNK = np.dtype([("next", "<u4"), ("chunk_class", "<u4"), ("n_slots", "<u4"), ("pad", "<u4")])
SLOT = np.dtype([("when_kind", "<u8"), ("address", "<u8"), ("size_stack", "<u8")])
NODE = np.dtype([("pc", "<u8"), ("parent", "<u4"), ("generation", "<u4")])
NOTE = np.dtype(
    [
        ("kind", "<u4"),
        ("bytes", "<u4"),
        ("ticks", "<u8"),
        ("value", "<u8"),
        ("generation", "<u4"),
        ("text_bytes", "<u4"),
    ]
)
MODULE_NOTE = np.dtype(
    [
        ("note", NOTE),
        ("start", "<u8"),
        ("end", "<u8"),
        ("bias", "<u8"),
        ("build_id_bytes", "<u4"),
        ("build_id", "V32"),
        ("pad", "<u4"),
    ]
)
NOTE_MODULE, NOTE_UNLOADED, NOTE_EXEC, NOTE_EXEC_FAILED, NOTE_NOT_FOLLOWED, NOTE_NEXT = range(1, 7)


@dataclass(frozen=True, slots=True)
class Pending:
    """The events of one stream that are in no block, in order.

    Attributes:
        stream: The stream's index.
        kinds: uint8[n].
        ticks: uint64[n], ns since start, non-decreasing.
        addresses: uint64[n].
        sizes: uint64[n], bytes.
        stacks: uint32[n], node ids.
    """

    stream: int
    kinds: NDArray[np.uint8]
    ticks: NDArray[np.uint64]
    addresses: NDArray[np.uint64]
    sizes: NDArray[np.uint64]
    stacks: NDArray[np.uint32]


class Region:
    """Reads a region's memory.

    Attributes:
        header: A record of REGION.
        streams: Those that were ever claimed, by their index: records of STREAM.
    """

    def __init__(self, memory: bytes) -> None:
        """Takes the memory from the region's start on; what is missing at its end counts as zero."""
        self._memory = memory.ljust(REGION.itemsize, b"\0")
        self.header: np.void = np.frombuffer(self._memory, REGION, 1)[0]
        self.streams: dict[int, np.void] = dict(self._list_streams())

    def list_pending(self, positions: Mapping[int, np.void]) -> Iterator[Pending]:
        """Yields what the streams hold behind these positions: records of format.POSITION by stream.

        A chunk belongs to one stream. Where damage says otherwise the first one has it: no more is read than there is.
        """
        taken = _Pages(len(self._memory))
        for index, stream in self.streams.items():
            position = positions.get(index)
            if int(stream["state"]) != _ACTIVE:
                continue
            chunk, slot, wide = int(stream["first"]), 0, 0
            if position is not None and int(position["claims"]) == int(stream["claims"]) and int(position["chunk"]):
                chunk, slot, wide = int(position["chunk"]), int(position["slot"]), int(position["wide"])
            pending = _decode_slots(index, self._read_slots(chunk, slot, taken), wide)
            if len(pending.kinds):
                yield pending

    def read_nodes(self) -> tuple[NDArray[np.uint64], ...]:
        """Returns ids, parents, pcs, codes of all call-stack nodes that are whole, in order of their ids."""
        n_nodes = int(self.header["n_nodes"])
        ids, nodes = [np.zeros(0, np.uint64)], [np.zeros(0, NODE)]
        pages = self.header["node_segments"][: -(-n_nodes // NODES_PER_SEGMENT)]
        taken = _Pages(len(self._memory))
        for segment, page in enumerate(pages.tolist()):
            found = self._take(NODE, page, NODES_PER_SEGMENT) if page else None
            if found is not None and taken.claim(page, NODES_PER_SEGMENT * NODE.itemsize // PAGE):
                nodes.append(found)
                ids.append(np.arange(len(found), dtype=np.uint64) + np.uint64(segment * NODES_PER_SEGMENT))
        every, columns = np.concatenate(ids), np.concatenate(nodes)
        parents, generations = columns["parent"].astype(np.uint64), columns["generation"].astype(np.uint64)
        codes = (generations & np.uint64(_INTERRUPTED - 1)) << np.uint64(1) | generations >> np.uint64(31)
        whole = (columns["pc"] != 0) & (every >= fmt.NODE_FIRST_ID) & (every < n_nodes) & (parents < every)
        return every[whole], parents[whole], columns["pc"][whole], codes[whole]

    def read_notes(self, start: int) -> Iterator[tuple[np.void, int]]:
        """Yields the notes from an offset on, each with the offset of its record; start 0: from the first."""
        at = start or int(self.header["log_first"])
        while at % 8 == 0 and 0 < at <= len(self._memory) - NOTE.itemsize:
            note = np.frombuffer(self._memory, NOTE, 1, at)[0]
            kind, size = int(note["kind"]), int(note["bytes"])
            if kind == NOTE_NEXT and int(note["value"]) > at:
                at = int(note["value"])
                continue
            fixed = MODULE_NOTE.itemsize if kind == NOTE_MODULE else NOTE.itemsize
            if kind == NOTE_NEXT or size % 8 or not fixed <= size <= _LOG_SEGMENT or at + size > len(self._memory):
                return  # also where it ends, with a size of 0
            if kind and size - fixed >= int(note["text_bytes"]):
                yield note, at
            at += size

    def read_module(self, at: int) -> tuple[np.void, bytes]:
        """Returns the module record at the offset of a note of that kind, and its path."""
        module = np.frombuffer(self._memory, MODULE_NOTE, 1, at)[0]
        return module, self._text(at + MODULE_NOTE.itemsize, int(module["note"]["text_bytes"]))

    def read_text(self, note: np.void, at: int) -> bytes:
        """Returns the text of a note that is none of modules."""
        return self._text(at + NOTE.itemsize, int(note["text_bytes"]))

    def _text(self, at: int, n: int) -> bytes:
        return self._memory[at : at + n]

    def _take(self, dtype: np.dtype[np.void], page: int, n: int, skipped: int = 0) -> NDArray[np.void] | None:
        """Returns n records behind the skipped bytes of a page, or None: they do not lie in the region."""
        at = page * PAGE + skipped
        if at + n * dtype.itemsize > len(self._memory):
            return None
        return np.frombuffer(self._memory, dtype, n, at)

    def _list_streams(self) -> Iterator[tuple[int, np.void]]:
        n_streams = min(int(self.header["n_streams"]), _N_STREAM_PAGES * STREAMS_PER_PAGE)
        for number, page in enumerate(self.header["stream_pages"][: -(-n_streams // STREAMS_PER_PAGE)]):
            streams = self._take(STREAM, int(page), STREAMS_PER_PAGE) if page else None
            if streams is not None:
                first = number * STREAMS_PER_PAGE
                yield from ((first + i, stream) for i, stream in enumerate(streams[: n_streams - first]))

    def _read_slots(self, page: int, first: int, taken: _Pages) -> NDArray[np.void]:
        """Returns the slots of a stream from that one of this chunk on, filled or not; takes the chunks' pages."""
        parts = [np.zeros(0, SLOT)]
        while page:
            chunk = self._take(CHUNK, page, 1)
            if chunk is None or chunk[0]["chunk_class"] >= _CHUNK_CLASSES:
                break
            n_pages = 1 << (2 * int(chunk[0]["chunk_class"]))
            slots = self._take(SLOT, page, (n_pages * PAGE - CHUNK.itemsize) // SLOT.itemsize, CHUNK.itemsize)
            if slots is None or not taken.claim(page, n_pages):
                break
            parts.append(slots[first:])
            page, first = int(chunk[0]["next"]), 0
        return np.concatenate(parts)


class _Pages:
    """Which pages were read: none belongs to two things, so that no more is read than there is."""

    def __init__(self, n_bytes: int) -> None:
        self._taken = np.zeros(n_bytes // PAGE + 1, np.bool_)

    def claim(self, page: int, n: int) -> bool:
        """Takes n pages, which lie in the memory, and tells whether nobody had any of them."""
        pages = self._taken[page : page + n]
        if pages.any():
            return False
        pages[:] = True
        return True


def _decode_slots(stream: int, slots: NDArray[np.void], wide: int) -> Pending:
    """Returns the events in a stream's slots; wide: the size of the first, if it is too large for a slot, else 0."""
    slots = slots[slots["when_kind"] != 0]  # others are holes, or not filled yet
    kinds = (slots["when_kind"] >> np.uint64(_TICKS_BITS)).astype(np.uint8)
    sizes = slots["size_stack"] & np.uint64(_SIZE_MASK)
    before = np.concatenate([[np.uint64(wide)], np.where(kinds == _WIDE, slots["address"], np.uint64(0))[:-1]])
    sizes = np.where((sizes == _SIZE_MASK) & (before != 0), before[: len(sizes)], sizes)
    known = fmt.CLASS_OF_KIND[kinds] != fmt.KindClass.NONE
    ticks: NDArray[np.uint64] = np.maximum.accumulate(slots["when_kind"] & np.uint64(_TICKS_MASK))
    stacks = (slots["size_stack"] >> np.uint64(_SIZE_BITS)).astype(np.uint32)
    return Pending(
        stream=stream,
        kinds=kinds[known],
        ticks=ticks[known],
        addresses=slots["address"][known],
        sizes=sizes[known],
        stacks=stacks[known],
    )
