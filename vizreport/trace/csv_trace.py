"""A recording as CSV: NAME.csv with the events, or a file of the original vizzy. Source: docs/trace-format.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vizreport.errors import TraceFormatError
from vizreport.model.places import ModuleNames
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Completeness, Events, Image, Note, Session, Thread
from vizreport.trace import format as fmt
from vizreport.trace.csv_facts import NO_NODES, NODE_ID_BITS, Facts, make_image, read_facts
from vizreport.trace.csv_table import ADDRESS, DECIMAL, NAME, Table, fold_name, split_lines
from vizreport.trace.event_block import EventBlock, pack_events

EVENTS_HEADER = b"time_ns,pid,tid,function,address,size,stack_id\n"
ORIGINAL_HEADER = b"seconds,microseconds,function,address,size\n"
# The functions that the original names, as kinds. Its strdup is left out: the malloc in it has a line of its own.
_ORIGINAL_KINDS = {
    "malloc": 1, "calloc": 2, "realloc": 3, "aligned_alloc": 5, "posix_memalign": 6, "valloc": 7,
    "free": 16, "mmap": 32, "munmap": 40, "strdup": 0,
}  # fmt: skip
_ORIGINAL_NOTE = "a file of the original vizzy: no process, no call stacks, and a realloc that failed stands as a free"
_LINE_BYTES = 56
_MAP_FAILED = np.uint64(0xFFFFFFFFFFFFFFFF)


@dataclass(frozen=True, slots=True)
class CsvTrace:
    """What CSV tells.

    Attributes:
        events: Of all images, those of one image together; their threads are tids.
        bounds: Where each image's events begin and end.
    """

    session: Session
    completeness: Completeness
    images: tuple[Image, ...]
    notes: tuple[Note, ...]
    events: Events
    bounds: dict[int, tuple[int, int]]
    facts: Facts

    def list_events(self, image: int) -> Sequence[EventSlice]:
        """Returns an image's events, in order."""
        events = _take(self.events, slice(*self.bounds.get(image, (0, 0))))
        _, threads = np.unique(events.threads, return_inverse=True)
        # Only the original's clock goes back: it is the time of day.
        events = replace(events, threads=threads.astype(np.uint32), times=np.maximum.accumulate(events.times))
        return [EventSlice(events, start) for start in range(0, len(events), fmt.MAX_EVENTS)]

    def read_stacks(self, image: int, decode: object) -> Stacks:
        """Returns an image's call stacks; nothing needs decoding."""
        return self.facts.nodes.select(image)

    def read_jit_map(self, image: int) -> str:
        """Returns nothing: CSV has no place for it."""
        return ""

    def read_names(self) -> Sequence[ModuleNames]:
        """Returns nothing: CSV has no place for them."""
        return ()


@dataclass(frozen=True, slots=True)
class EventSlice:
    """Some of an image's events.

    Attributes:
        events: All of the image's.
        start: Row of the first of these.
    """

    events: Events
    start: int

    @property
    def n_events(self) -> int:
        """How many."""
        return min(fmt.MAX_EVENTS, len(self.events) - self.start)

    @property
    def stored_bytes(self) -> int:
        """About what they take in the file: lines are as long as their numbers."""
        return self.n_events * _LINE_BYTES

    @property
    def first_time_ns(self) -> int:
        """Time of the first of them."""
        return int(self.events.times[self.start])

    @property
    def last_time_ns(self) -> int:
        """Time of the last of them."""
        return int(self.events.times[self.start + self.n_events - 1])

    def read(self, decode: object) -> EventBlock:
        """Returns them; nothing is left to decode."""
        del decode
        return pack_events(_take(self.events, slice(self.start, self.start + self.n_events)))


@dataclass(frozen=True, slots=True)
class _Rows:
    """Events in the order of the file."""

    events: Events
    images: NDArray[np.uint32]
    pids: NDArray[np.uint32]


def is_csv(data: memoryview) -> bool:
    """Tells whether a file begins as CSV that this module reads. The original writes no header."""
    start = bytes(data[:64])
    return start.startswith((b"time_ns,", b"seconds,")) or _is_original_line(start)


def _is_original_line(start: bytes) -> bool:
    fields = start.split(b",")
    return len(fields) > 3 and fields[0].isdigit() and fields[1].isdigit() and fields[2].isalpha()


def read_csv(data: memoryview, side: memoryview | None) -> CsvTrace:
    """Reads a recording from the bytes of its two files.

    Args:
        data: NAME.csv, or a file of the original vizzy.
        side: NAME.stacks.csv, or None: it is not there.

    Raises:
        TraceFormatError: It is other CSV, or a line of it is wrong.
    """
    start = bytes(data[: len(EVENTS_HEADER)])
    if EVENTS_HEADER.startswith(start):
        rows = _join(_read_events(table) for table in split_lines(data, 7, first_line=2, at=len(start)))
        if side is None:  # ids of nowhere would pass for stacks that were cut
            rows = replace(rows, events=replace(rows.events, stacks=np.zeros(len(rows.events), np.uint32)))
        return _build(data, rows, _read_side(side), "csv")
    header_bytes = len(ORIGINAL_HEADER) if start.startswith(ORIGINAL_HEADER) else 0
    if not header_bytes and not _is_original_line(start):
        raise TraceFormatError(f"this is CSV, but its columns are not {EVENTS_HEADER.decode().strip()}")
    data = memoryview(bytes(data).replace(b",(nil),", b",0x0,"))  # how printf writes a null pointer
    tables = split_lines(data, 5, first_line=2 if header_bytes else 1, at=header_bytes)
    return _build_original(data, _join(_read_original(table) for table in tables))


def _read_side(side: memoryview | None) -> Facts:
    if side is None:
        return _make_facts("the second file, NAME.stacks.csv, is not there: no processes, modules and call stacks")
    try:
        return read_facts(side)
    except TraceFormatError as error:
        raise TraceFormatError(f"in NAME.stacks.csv: {error}") from error


def _make_facts(text: str, n_events: int | None = None) -> Facts:
    """Returns what is known without the second file, and a note that says why."""
    note = Note(type=fmt.NoteType.WARNING, value=0, text=text, time_ns=0)
    return Facts(images={}, notes=(note,), nodes=NO_NODES, n_events=n_events, images_missed=0)


def _build(data: memoryview, rows: _Rows, facts: Facts, version: str) -> CsvTrace:
    events, bounds = _group(rows)
    firsts = {index: int(rows.pids[int(np.argmax(rows.images == index))]) for index in bounds}
    images = tuple(
        _describe_image(facts, index, firsts.get(index, 0), _take(events, slice(*bounds.get(index, (0, 0)))))
        for index in sorted({*bounds, *facts.images})
    )
    completeness = Completeness(
        n_blocks=0,
        n_damaged=0,
        ended=facts.n_events == len(events),
        indexed=False,
        cut_bytes=_count_cut(data),
        images_missed=facts.images_missed,
    )
    return CsvTrace(_describe_session(version, images), completeness, images, facts.notes, events, bounds, facts)


def _build_original(data: memoryview, rows: _Rows) -> CsvTrace:
    # It writes no end: a file whose last line is whole counts as complete.
    n_events = None if _count_cut(data) else len(rows.events)
    times = rows.events.times
    start = times.min() if len(times) else np.uint64(0)
    rows = replace(rows, events=replace(rows.events, times=times - start))
    trace = _build(data, rows, _make_facts(_ORIGINAL_NOTE, n_events), "csv of the original vizzy")
    return replace(trace, session=replace(trace.session, start_wall_ns=int(start)))


def _count_cut(data: memoryview) -> int:
    """Returns the bytes of a last line that has no end."""
    tail = bytes(data[-4096:])
    return len(tail) - tail.rfind(b"\n") - 1


def _describe_session(version: str, images: tuple[Image, ...]) -> Session:
    return Session(
        format_version=version,
        recorder_version="",
        host="",
        system="",
        args=images[0].args if images else (),
        start_wall_ns=0,
        time_resolution_ns=1,
        max_depth=0,
        free_stacks=False,
    )


def _describe_image(facts: Facts, index: int, pid: int, events: Events) -> Image:
    tids, firsts = np.unique(events.threads, return_index=True)
    threads = tuple(
        Thread(index=k, tid=tid, name="", first_time_ns=time)
        for k, (tid, time) in enumerate(zip(tids.tolist(), events.times[firsts].tolist(), strict=True))
    )
    image = facts.images.get(index) or make_image(index, pid)
    return replace(image, threads=threads, n_events=len(events))


def _read_kinds(table: Table, column: int, kinds: dict[str, int]) -> NDArray[np.uint8]:
    """Returns a column of function names as kinds.

    Raises:
        TraceFormatError: A name is unknown.
    """
    by_number = sorted((fold_name(name), kind) for name, kind in kinds.items())
    numbers = np.array([number for number, _ in by_number], dtype=np.uint64)
    found = table.read_numbers(column, NAME)
    rows = np.minimum(np.searchsorted(numbers, found), len(numbers) - 1)
    unknown = numbers[rows] != found
    if unknown.any():
        row = int(unknown.argmax())
        raise TraceFormatError(
            f"line {table.first_line + row}: {table.read_text(row, column)[:40]!r} is no function that is recorded"
        )
    return np.array([kind for _, kind in by_number], dtype=np.uint8)[rows]


_KINDS = {text: number for number, (_, _, text) in fmt.KINDS.items()}


def _read_events(table: Table) -> _Rows:
    stack_ids = table.read_numbers(6, DECIMAL)
    events = Events(
        kinds=_read_kinds(table, 3, _KINDS),
        threads=table.read_numbers(2, DECIMAL).astype(np.uint32),
        times=table.read_numbers(0, DECIMAL),
        addresses=table.read_numbers(4, ADDRESS),
        sizes=table.read_numbers(5, DECIMAL),
        stacks=(stack_ids & np.uint64((1 << NODE_ID_BITS) - 1)).astype(np.uint32),
    )
    images = (stack_ids >> np.uint64(NODE_ID_BITS)).astype(np.uint32)
    return _Rows(events, images, table.read_numbers(1, DECIMAL).astype(np.uint32))


def _read_original(table: Table) -> _Rows:
    """Reads lines of the original; what it logs of calls that failed is left out."""
    kinds = _read_kinds(table, 2, _ORIGINAL_KINDS)
    addresses = table.read_numbers(3, ADDRESS)
    seconds, micros = table.read_numbers(0, DECIMAL), table.read_numbers(1, DECIMAL)
    n = len(table)
    events = Events(
        kinds=kinds,
        threads=np.zeros(n, np.uint32),
        times=(seconds * np.uint64(1_000_000) + micros) * np.uint64(1000),
        addresses=addresses,
        sizes=table.read_numbers(4, DECIMAL, may_be_empty=True),
        stacks=np.zeros(n, np.uint32),
    )
    kept = (kinds != 0) & (addresses != 0) & (addresses != _MAP_FAILED)
    zeros = np.zeros(int(np.count_nonzero(kept)), np.uint32)
    return _Rows(_take(events, kept), zeros, zeros)


def _take(events: Events, rows: slice | NDArray[np.bool_] | NDArray[np.int64]) -> Events:
    return Events(
        kinds=events.kinds[rows],
        threads=events.threads[rows],
        times=events.times[rows],
        addresses=events.addresses[rows],
        sizes=events.sizes[rows],
        stacks=events.stacks[rows],
    )


def _join(parts: Iterator[_Rows]) -> _Rows:
    rows = list(parts)
    events = [part.events for part in rows]
    narrow, wide = np.zeros(0, np.uint32), np.zeros(0, np.uint64)
    return _Rows(
        Events(
            kinds=np.concatenate([np.zeros(0, np.uint8), *(part.kinds for part in events)]),
            threads=np.concatenate([narrow, *(part.threads for part in events)]),
            times=np.concatenate([wide, *(part.times for part in events)]),
            addresses=np.concatenate([wide, *(part.addresses for part in events)]),
            sizes=np.concatenate([wide, *(part.sizes for part in events)]),
            stacks=np.concatenate([narrow, *(part.stacks for part in events)]),
        ),
        np.concatenate([narrow, *(part.images for part in rows)]),
        np.concatenate([narrow, *(part.pids for part in rows)]),
    )


def _group(rows: _Rows) -> tuple[Events, dict[int, tuple[int, int]]]:
    """Returns the events with those of each image together, in their order, and where each image's lie."""
    images, counts = np.unique(rows.images, return_counts=True)
    ends = np.cumsum(counts).tolist()
    bounds = dict(zip(images.tolist(), zip([0, *ends], ends, strict=False), strict=True))
    events = rows.events
    if len(images) > 1:
        events = _take(events, np.argsort(rows.images, kind="stable"))
    return events, bounds
