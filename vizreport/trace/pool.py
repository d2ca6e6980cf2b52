"""Traces that processes wrote themselves: what lies in their memory only is put into blocks like all else.

A process that records itself (vizzytrace --emit-library) has the memory that its events go through in the trace file,
in POOL blocks. Now and then it writes what is there in EVENTS blocks, and up to where that was in a POSITIONS block.
What came later is in the memory only: all that was left to do when the process was killed, or the last of its calls.
Source: docs/trace-format.md, section 7.
"""

from __future__ import annotations

import mmap
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from vizreport.errors import TraceFormatError, VizzyError
from vizreport.trace import format as fmt
from vizreport.trace.blocks import BLOCK_HEADER_BYTES, Block, find_blocks, read_header, read_payload
from vizreport.trace.decode import decode_nodes
from vizreport.trace.region import (
    NOTE_EXEC,
    NOTE_EXEC_FAILED,
    NOTE_MODULE,
    NOTE_NOT_FOLLOWED,
    NOTE_UNLOADED,
    Pending,
    Region,
)

_IMAGE = 0  # the only one of such a trace
_CRC_BYTES = 4
_ENDS = (fmt.BlockType.IMAGE_END, fmt.BlockType.END)
_FIRST = (fmt.BlockType.SESSION, fmt.BlockType.IMAGE)
_POOL = (fmt.BlockType.POOL, fmt.BlockType.POSITIONS)
_Piece = bytes | memoryview


def fill_in(data: memoryview) -> memoryview:
    """Returns a trace with what its memory holds in blocks; one without such memory as it is.

    Raises:
        TraceFormatError: It is no trace, or its header is damaged.
        VizzyError: There is no room for the copy.
    """
    header = read_header(data)
    if not int(header["capabilities"]) & fmt.Capability.POOL:
        return data
    framing = find_blocks(data, int(header["header_bytes"]))
    pieces = list(_list_pieces(data, framing.blocks))
    return _store([_clear_capability(data[: int(header["header_bytes"])]), *_number(pieces, framing.n_lost)])


def _store(pieces: Iterable[_Piece]) -> memoryview:
    try:
        with tempfile.TemporaryFile() as file:
            file.writelines(pieces)
            file.flush()
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise VizzyError(
            f"{tempfile.gettempdir()}: there is no room to complete the trace in: {error.strerror}; set TMPDIR"
        ) from error


def _list_pieces(data: memoryview, blocks: tuple[Block, ...]) -> Iterator[_Piece]:
    """Yields the blocks of the new trace, not numbered yet."""
    last = max((i for i, block in enumerate(blocks) if _has_positions(data, block)), default=-1)
    log, last_time, positions = _read_positions(data, blocks[last]) if last >= 0 else (0, 0, {})
    ends: dict[int, bytes] = {}
    written: list[tuple[NDArray[np.uint64], ...]] = []
    n_events, n_dropped = 0, 0
    for i, block in enumerate(blocks):
        if block.type in _ENDS:
            if i > last and blocks[i - 1].sequence + 1 == block.sequence:  # else it is left of one that was overwritten
                ends[block.type] = bytes(_read(data, block))
        elif block.type not in _POOL and (i < last or block.type in _FIRST):
            yield data[block.offset : block.end]
            n_events += block.count if block.type == fmt.BlockType.EVENTS else 0
            if block.type == fmt.BlockType.DROPS:
                n_dropped += _count_dropped(data, block)
            if block.type == fmt.BlockType.NODES:
                written += _read_nodes(data, block)
    region = Region(_join_memory(data, blocks))
    filler = _Filler(region, last_time, positions, _list_threads(data, blocks[: last + 1]))
    yield from filler.list_notes(log)
    yield from filler.list_nodes(written)
    yield from filler.list_events()
    yield from filler.list_ends(ends, n_events, n_dropped)


def _read(data: memoryview, block: Block) -> memoryview:
    """Returns a block's payload; of one that is damaged nothing."""
    try:
        return read_payload(data, block)
    except TraceFormatError:
        return memoryview(b"")


def _count_dropped(data: memoryview, block: Block) -> int:
    """Returns how many events a block tells to be lost."""
    payload = _read(data, block)
    records = np.frombuffer(payload, fmt.DROP_RECORD, len(payload) // fmt.DROP_RECORD.itemsize)
    return int(records["events"].sum())


def _read_nodes(data: memoryview, block: Block) -> list[tuple[NDArray[np.uint64], ...]]:
    """Returns the nodes of a block; of one that is damaged none."""
    try:
        return [decode_nodes(read_payload(data, block), block.count)]
    except TraceFormatError:
        return []


def _has_positions(data: memoryview, block: Block) -> bool:
    """Tells whether it is a sound POSITIONS block."""
    size = fmt.POSITIONS_RECORD.itemsize + block.count * fmt.POSITION.itemsize
    return block.type == fmt.BlockType.POSITIONS and len(_read(data, block)) == size


def _read_positions(data: memoryview, block: Block) -> tuple[int, int, dict[int, np.void]]:
    """Returns where the log goes on, the time of the last event written, and where each stream goes on."""
    payload = read_payload(data, block)
    size = fmt.POSITIONS_RECORD.itemsize
    record = np.frombuffer(payload, fmt.POSITIONS_RECORD, 1)[0]
    positions = np.frombuffer(payload, fmt.POSITION, block.count, size)
    return int(record["log"]), int(record["last_time"]), {int(row["stream"]): row for row in positions}


def _join_memory(data: memoryview, blocks: Iterable[Block]) -> bytes:
    """Returns the memory in the POOL blocks, as far as it goes without a gap."""
    memory = bytearray()
    for block in blocks:
        if block.type != fmt.BlockType.POOL:
            continue
        at = block.offset + BLOCK_HEADER_BYTES
        raw = data[at : at + fmt.POOL_RECORD.itemsize]
        if len(raw) < fmt.POOL_RECORD.itemsize or zlib.crc32(raw) != block.payload_crc:
            break
        record = np.frombuffer(raw, fmt.POOL_RECORD, 1)[0]
        start = fmt.POOL_RECORD.itemsize + int(record["gap"])
        if int(record["offset"]) != len(memory) or start + int(record["bytes"]) != block.stored_bytes:
            break
        memory += data[at + start : at + block.stored_bytes]
    return bytes(memory)


def _list_threads(data: memoryview, blocks: Iterable[Block]) -> dict[int, np.void]:
    """Returns the thread records in these blocks, by the thread's index."""
    threads = {}
    for block in blocks:
        if block.type == fmt.BlockType.THREADS:
            payload = _read(data, block)
            n = min(block.count, len(payload) // fmt.THREAD_RECORD.itemsize)
            threads.update({int(row["thread"]): row for row in np.frombuffer(payload, fmt.THREAD_RECORD, n)})
    return threads


class _Filler:
    """Makes blocks of what the memory holds."""

    def __init__(
        self, region: Region, last_time: int, positions: Mapping[int, np.void], threads: dict[int, np.void]
    ) -> None:
        self._region = region
        self._last_time = np.uint64(last_time)
        self._positions = positions
        self._threads = threads
        self._has_execed = False
        self._known_nodes = np.zeros(0, np.uint64)
        self._n_events = 0

    def list_notes(self, start: int) -> Iterator[bytes]:
        """Yields what was noted from an offset of the log on."""
        for note, at in self._region.read_notes(start):
            kind, time = int(note["kind"]), int(note["ticks"])
            if kind == NOTE_MODULE:
                yield self._make_module(at)
            elif kind == NOTE_UNLOADED:
                record = np.array((note["value"] & 0xFFFFFFFF, note["generation"], time), fmt.UNLOAD_RECORD)
                yield _make_block(fmt.BlockType.UNLOADS, record.tobytes(), (time, time))
            elif kind == NOTE_NOT_FOLLOWED:
                text = self._region.read_text(note, at)
                record = np.array((time, note["value"], fmt.NoteType.NOT_FOLLOWED, len(text)), fmt.NOTE_RECORD)
                yield _make_block(fmt.BlockType.NOTES, record.tobytes() + text, (time, time))
            self._has_execed = kind == NOTE_EXEC or (self._has_execed and kind != NOTE_EXEC_FAILED)

    def _make_module(self, at: int) -> bytes:
        module, path = self._region.read_module(at)
        record = np.zeros((), fmt.MODULE_RECORD)
        record["module"], record["generation"] = module["note"]["value"] & 0xFFFFFFFF, module["note"]["generation"]
        record["time"], record["path_bytes"] = module["note"]["ticks"], len(path)
        for field in ("start", "end", "bias", "build_id"):
            record[field] = module[field]
        record["build_id_bytes"] = min(int(module["build_id_bytes"]), fmt.BUILD_ID_BYTES)
        time = int(module["note"]["ticks"])
        return _make_block(
            fmt.BlockType.MODULES, record.tobytes() + path + bytes(-len(path) % fmt.ALIGNMENT), (time, time)
        )

    def list_nodes(self, written: list[tuple[NDArray[np.uint64], ...]]) -> Iterator[bytes]:
        """Yields the call-stack nodes that are not written yet."""
        known = np.concatenate([np.zeros(0, np.uint64), *(part[0] for part in written)])
        ids, parents, pcs, codes = self._region.read_nodes()
        new = ~np.isin(ids, known)
        ids, parents, pcs, codes = ids[new], parents[new], pcs[new], codes[new]
        self._known_nodes = np.union1d(known, ids)
        is_lost = (parents >= fmt.NODE_FIRST_ID) & ~np.isin(parents, self._known_nodes)
        parents = np.where(is_lost, np.uint64(fmt.NODE_UNWIND_GAP), parents)
        time = int(self._last_time)
        for start in range(0, len(ids), fmt.MAX_EVENTS):
            rows = slice(start, start + fmt.MAX_EVENTS)
            columns = {
                fmt.Column.NODE: ids[rows],
                fmt.Column.PARENT: parents[rows],
                fmt.Column.CODE: codes[rows],
                fmt.Column.PC_BACK: np.zeros(len(ids[rows]), np.uint64),
                fmt.Column.PC: pcs[rows],
            }
            yield _make_block(fmt.BlockType.NODES, _make_columns(columns, 1), (time, time), len(ids[rows]))

    def list_events(self) -> Iterator[bytes]:
        """Yields the events, merged by their times, and before them the threads that are not known yet."""
        pending = list(self._region.list_pending(self._positions))
        if not pending:
            return
        numbers = [self._find_thread(part) for part in pending]
        yield _make_block(
            fmt.BlockType.THREADS,
            b"".join(self._threads[number].tobytes() for number in sorted(set(numbers))),
            (int(self._last_time), int(self._last_time)),
            len(set(numbers)),
        )
        ticks = np.concatenate([part.ticks for part in pending])
        order = np.argsort(ticks, kind="stable")
        times = np.maximum(ticks[order], self._last_time)
        self._last_time, self._n_events = times[-1], len(times)
        kinds = np.concatenate([part.kinds for part in pending])[order]
        threads = np.repeat(np.array(numbers, np.uint64), [len(part.kinds) for part in pending])[order]
        addresses = np.concatenate([part.addresses for part in pending])[order]
        sizes = np.concatenate([part.sizes for part in pending])[order]
        stacks = np.concatenate([part.stacks for part in pending])[order].astype(np.uint64)
        is_lost = (stacks >= fmt.NODE_FIRST_ID) & ~np.isin(stacks, self._known_nodes)
        stacks = np.where(is_lost, np.uint64(fmt.NODE_UNWIND_GAP), stacks)
        for start in range(0, len(times), fmt.MAX_EVENTS):
            rows = slice(start, start + fmt.MAX_EVENTS)
            yield _make_events(kinds[rows], threads[rows], times[rows], addresses[rows], sizes[rows], stacks[rows])

    def _find_thread(self, pending: Pending) -> int:
        """Returns the index of a stream's thread, which gets one if it has none."""
        stream, position = self._region.streams[pending.stream], self._positions.get(pending.stream)
        if position is not None and int(position["claims"]) == int(stream["claims"]):
            number = int(position["thread"])
            if number in self._threads:
                return number
        if int(stream["level"]):  # a handler's: of the latest thread of that id
            same = [number for number, row in self._threads.items() if row["tid"] == stream["tid"]]
            if same:
                return max(same)
        number = max(self._threads, default=-1) + 1
        name = bytes(stream["name"]) or (bytes(self._threads[0]["name"]) if 0 in self._threads else b"")
        record: np.void = np.array([(number, stream["tid"], self._last_time, name)], fmt.THREAD_RECORD)[0]
        self._threads[number] = record
        return number

    def list_ends(self, ends: Mapping[int, bytes], n_written: int, n_dropped: int) -> Iterator[bytes]:
        """Yields the image's end, and the trace's if it has one.

        Args:
            ends: The payloads of those that are there, by their types.
            n_written: Events in blocks of the trace.
            n_dropped: Lost events that blocks of the trace tell of.
        """
        image_end = np.zeros(1, fmt.IMAGE_END_RECORD)
        raw = ends.get(fmt.BlockType.IMAGE_END)
        if raw is not None and len(raw) == fmt.IMAGE_END_RECORD.itemsize:
            image_end = np.frombuffer(raw, fmt.IMAGE_END_RECORD).copy()
        elif self._has_execed:
            image_end["fate"] = fmt.Fate.EXEC
        streams = self._region.streams.values()
        image_end["time"] = np.maximum(image_end["time"], self._last_time)
        image_end["events"] = n_written + self._n_events
        dropped = self._region.header["dropped"] + sum(stream["dropped"] for stream in streams)
        image_end["dropped"] = np.maximum(image_end["dropped"], dropped)  # a process that exits may clear its memory
        image_end["stopped"] = np.maximum(image_end["stopped"], self._region.header["stopped"])
        time = int(image_end["time"][0])
        if int(image_end["dropped"][0]) > n_dropped:
            lost = np.array((0, time, image_end["dropped"][0] - np.uint64(n_dropped)), fmt.DROP_RECORD)
            yield _make_block(fmt.BlockType.DROPS, lost.tobytes(), (0, time))
        yield _make_block(fmt.BlockType.IMAGE_END, image_end.tobytes(), (time, time))
        raw = ends.get(fmt.BlockType.END)
        if raw is not None and len(raw) == fmt.END_RECORD.itemsize:
            end = np.frombuffer(raw, fmt.END_RECORD).copy()
            end["time"], end["events"] = time, image_end["events"]
            yield _make_block(fmt.BlockType.END, end.tobytes(), (time, time), image=fmt.NO_IMAGE)


def _make_events(
    kinds: NDArray[np.uint8],
    threads: NDArray[np.uint64],
    times: NDArray[np.uint64],
    addresses: NDArray[np.uint64],
    sizes: NDArray[np.uint64],
    stacks: NDArray[np.uint64],
) -> bytes:
    """Returns an EVENTS block."""
    classes = fmt.CLASS_OF_KIND[kinds]
    ends = np.append(np.flatnonzero(times[1:] != times[:-1]) + 1, len(times)).astype(np.uint64)
    has_stack = np.isin(classes, fmt.STACKED_CLASSES + fmt.FREE_STACKED_CLASSES)
    columns = {
        fmt.Column.KIND: kinds.astype(np.uint64),
        fmt.Column.THREAD: threads,
        fmt.Column.TIME: times[ends - np.uint64(1)],
        fmt.Column.TIME_END: ends,
        fmt.Column.SIZE: sizes[np.isin(classes, fmt.SIZED_CLASSES)],
        fmt.Column.STACK: stacks[has_stack],
        fmt.Column.BACK: np.zeros(len(kinds), np.uint64),
        fmt.Column.ADDRESS: addresses,
    }
    span = int(times[0]), int(times[-1])
    flags = fmt.BlockFlag.FREE_STACKS
    return _make_block(fmt.BlockType.EVENTS, _make_columns(columns, 1), span, len(kinds), flags=flags)


def _make_columns(columns: Mapping[fmt.Column, NDArray[np.uint64]], resolution_ns: int) -> bytes:
    """Returns a payload of plain columns."""
    heads = [np.array((len(columns), resolution_ns), fmt.COLUMNS_HEAD).tobytes()]
    bodies = []
    for column, values in columns.items():
        width = -(-int(values.max(initial=0)).bit_length() // 8)
        planes = np.ascontiguousarray(values.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width].T).tobytes()
        head = np.zeros((), fmt.COLUMN)
        head["column"], head["encoding"], head["width"] = column, fmt.Encoding.PLAIN, width
        head["n_values"], head["stored_bytes"] = len(values), len(planes)
        heads.append(head.tobytes())
        bodies.append(planes)
    return b"".join(heads + bodies)


def _make_block(
    kind: fmt.BlockType,
    payload: bytes,
    span: tuple[int, int],
    count: int = 1,
    *,
    image: int = _IMAGE,
    flags: int = 0,
) -> bytes:
    """Returns a block, not numbered yet."""
    header = np.zeros((), fmt.BLOCK_HEADER)
    header["sync"], header["type"], header["image"], header["flags"] = fmt.BLOCK_SYNC, kind, image, flags
    header["count"], header["stored_bytes"], header["raw_bytes"] = count, len(payload), len(payload)
    header["first_time"], header["last_time"] = span
    header["payload_crc"] = zlib.crc32(payload)
    return header.tobytes() + payload + bytes(-len(payload) % fmt.ALIGNMENT)


def _number(pieces: list[_Piece], n_lost: int) -> Iterator[_Piece]:
    """Yields blocks with their numbers, of which as many are missing as before."""
    for i, piece in enumerate(pieces):
        header = np.frombuffer(piece, fmt.BLOCK_HEADER, 1).copy()
        header["sequence"] = i + (n_lost if i == len(pieces) - 1 else 0)
        yield _seal(header.tobytes())
        yield piece[BLOCK_HEADER_BYTES:]


def _clear_capability(file_header: memoryview) -> bytes:
    size = fmt.FILE_HEADER.itemsize
    header = np.frombuffer(file_header, fmt.FILE_HEADER, 1).copy()
    header["capabilities"] &= ~np.uint64(fmt.Capability.POOL)
    return _seal(header.tobytes()) + bytes(file_header[size:])


def _seal(record: bytes) -> bytes:
    """Returns the record with the CRC that its last field is."""
    body = record[:-_CRC_BYTES]
    return body + zlib.crc32(body).to_bytes(_CRC_BYTES, "little")
