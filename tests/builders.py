"""TraceBuilder: writes traces from Python, valid ones or deliberately broken ones.

It shares nothing with the encoder in C but the format's description, and it compresses nothing unless told to.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vizreport.model.trace import Events
from vizreport.trace import format as fmt
from vizreport.trace.columns import zstd  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Event:
    """One event as a test writes it."""

    kind: int
    address: int
    size: int = 0
    stack: int = 0
    thread: int = 0
    time: int | None = None


def malloc(address: int, size: int, **fields: Any) -> Event:
    return Event(1, address, size, **fields)


def free(address: int, **fields: Any) -> Event:
    return Event(16, address, **fields)


def release(address: int, **fields: Any) -> Event:
    return Event(24, address, **fields)


def move(address: int, size: int, **fields: Any) -> Event:
    return Event(25, address, size, **fields)


def undo(address: int, **fields: Any) -> Event:
    return Event(26, address, **fields)


def done(address: int, **fields: Any) -> Event:
    return Event(27, address, **fields)


def make_events(events: Sequence[Event]) -> Events:
    return Events(
        kinds=np.array([event.kind for event in events], np.uint8),
        threads=np.array([event.thread for event in events], np.uint32),
        times=np.arange(len(events), dtype=np.uint64),
        addresses=np.array([event.address for event in events], np.uint64),
        sizes=np.array([event.size for event in events], np.uint64),
        stacks=np.array([event.stack for event in events], np.uint32),
    )


@dataclass
class TraceBuilder:
    """Appends blocks; ``build`` adds END, INDEX and trailer.

    Attributes:
        compress: Compress payloads of records and columns by Zstandard.
        resolution_ns: Unit of event times.
    """

    compress: bool = False
    resolution_ns: int = 1
    data: bytearray = field(default_factory=bytearray)
    entries: list[bytes] = field(default_factory=list)
    sequence: int = 0

    def __post_init__(self) -> None:
        self.data += seal(
            fmt.FILE_HEADER,
            magic=fmt.FILE_MAGIC,
            major=fmt.FORMAT_MAJOR,
            minor=fmt.FORMAT_MINOR,
            header_bytes=fmt.FILE_HEADER.itemsize,
            time_resolution_ns=self.resolution_ns,
            start_wall_ns=1_700_000_000_000_000_000,
        )

    def block(
        self,
        kind: int,
        payload: bytes,
        *,
        image: int = fmt.NO_IMAGE,
        count: int = 1,
        flags: int = 0,
        time: int = 0,
        first_time: int | None = None,
    ) -> TraceBuilder:
        """Appends any block; its times are the same if no first one is given."""
        first_time = time if first_time is None else first_time
        raw_bytes = len(payload)
        if self.compress and kind not in (fmt.BlockType.EVENTS, fmt.BlockType.NODES):
            payload, flags = zstd.compress(payload, 1), flags | fmt.BlockFlag.ZSTD
        offset = len(self.data)
        self.data += seal(
            fmt.BLOCK_HEADER,
            sync=fmt.BLOCK_SYNC,
            type=kind,
            flags=flags,
            image=image,
            sequence=self.sequence,
            count=count,
            stored_bytes=len(payload),
            raw_bytes=raw_bytes,
            first_time=first_time,
            last_time=time,
            payload_crc=zlib.crc32(payload),
        )
        self.data += payload + bytes(-len(payload) % fmt.ALIGNMENT)
        self.sequence += 1
        self.entries.append(
            pack(
                fmt.INDEX_ENTRY,
                offset=offset,
                type=kind,
                flags=flags,
                image=image,
                count=count,
                stored_bytes=len(payload),
                first_time=first_time,
                last_time=time,
            )
        )
        return self

    def session(self, host: str = "host", version: str = "1.2.3", args: Sequence[str] = ("prog",)) -> TraceBuilder:
        texts = [host.encode(), version.encode(), b"Linux", join_args(args)]
        record = pack(
            fmt.SESSION_RECORD,
            max_depth=256,
            **dict(zip(("host_bytes", "version_bytes", "system_bytes", "args_bytes"), map(len, texts), strict=True)),
        )
        return self.block(fmt.BlockType.SESSION, record + b"".join(texts))

    def image(
        self,
        image: int = 0,
        *,
        pid: int = 100,
        args: Sequence[str] = ("prog",),
        exe: bytes = b"/bin/prog",
        parent: int = fmt.NO_IMAGE,
        **fields: int,
    ) -> TraceBuilder:
        fields = {"ppid": 1, "origin": fmt.Origin.START, "n_args": len(args), **fields}
        joined = join_args(args)
        record = pack(
            fmt.IMAGE_RECORD,
            pid=pid,
            parent_image=parent,
            exe_bytes=len(exe),
            cwd_bytes=1,
            args_bytes=len(joined),
            **fields,
        )
        return self.block(
            fmt.BlockType.IMAGE, record + exe + b"/" + joined, image=image, time=fields.get("start_time", 0)
        )

    def image_end(self, image: int = 0, *, fate: int = fmt.Fate.EXIT, **fields: int) -> TraceBuilder:
        return self.block(fmt.BlockType.IMAGE_END, pack(fmt.IMAGE_END_RECORD, fate=fate, **fields), image=image)

    def drops(self, spans: Sequence[tuple[int, int, int]], image: int = 0) -> TraceBuilder:
        """Appends drop records (first time, last time, events)."""
        records = (pack(fmt.DROP_RECORD, first_time=a, last_time=b, events=n) for a, b, n in spans)
        return self.block(fmt.BlockType.DROPS, b"".join(records), image=image, count=len(spans), time=spans[-1][1])

    def thread(self, image: int = 0, *, thread: int = 0, tid: int = 100, name: bytes = b"main") -> TraceBuilder:
        return self.block(
            fmt.BlockType.THREADS, pack(fmt.THREAD_RECORD, thread=thread, tid=tid, name=name), image=image
        )

    def module(
        self, image: int = 0, *, path: bytes = b"/bin/prog", build_id: bytes = b"", **fields: int
    ) -> TraceBuilder:
        record = pack(
            fmt.MODULE_RECORD,
            **{"module": 1, "start": 0x1000, "end": 0x9000, "bias": 0x1000, **fields},
            build_id_bytes=len(build_id),
            build_id=build_id.ljust(32, b"\0"),
            path_bytes=len(path),
        )
        payload = record + path
        return self.block(fmt.BlockType.MODULES, payload + bytes(-len(payload) % 8), image=image)

    def note(self, text: str, *, kind: int = fmt.NoteType.WARNING, image: int = fmt.NO_IMAGE) -> TraceBuilder:
        record = pack(fmt.NOTE_RECORD, type=kind, text_bytes=len(text.encode()))
        return self.block(fmt.BlockType.NOTES, record + text.encode(), image=image)

    def nodes(self, rows: Sequence[tuple[int, int, int]], image: int = 0) -> TraceBuilder:
        """Appends nodes (id, parent, pc), of generation 0."""
        ids, parents, pcs = (list(column) for column in zip(*rows, strict=True))
        payload = self.columns(
            (fmt.Column.NODE, ids),
            (fmt.Column.PARENT, parents),
            (fmt.Column.CODE, [0] * len(ids)),
            (fmt.Column.PC_BACK, [0] * len(ids)),
            (fmt.Column.PC, pcs),
        )
        return self.block(fmt.BlockType.NODES, payload, image=image, count=len(ids))

    def events(self, events: Sequence[Event], image: int = 0) -> TraceBuilder:
        """Appends events; those without a time get their number as one."""
        classes = [fmt.KINDS[event.kind][1] for event in events]
        times = [k if event.time is None else event.time for k, event in enumerate(events)]
        rounded = {time // self.resolution_ns: k + 1 for k, time in enumerate(times)}
        payload = self.columns(
            (fmt.Column.KIND, [event.kind for event in events]),
            (fmt.Column.THREAD, [event.thread for event in events]),
            (fmt.Column.TIME, sorted(rounded)),
            (fmt.Column.TIME_END, [end for _, end in sorted(rounded.items())]),
            (fmt.Column.BACK, [0] * len(events)),
            (fmt.Column.ADDRESS, [event.address for event in events]),
            (fmt.Column.SIZE, [e.size for e, c in zip(events, classes, strict=True) if c in fmt.SIZED_CLASSES]),
            (fmt.Column.STACK, [e.stack for e, c in zip(events, classes, strict=True) if c in fmt.STACKED_CLASSES]),
        )
        return self.block(
            fmt.BlockType.EVENTS, payload, image=image, count=len(events), time=max(times), first_time=min(times)
        )

    def columns(self, *columns: tuple[int, Sequence[int]]) -> bytes:
        """Returns a payload of plain columns, eight bytes each value."""
        described, stored = b"", b""
        for column, values in columns:
            planes = np.array(values, dtype="<u8").view("u1").reshape(-1, 8).T.tobytes()
            flags = 0
            if self.compress and planes:
                planes, flags = zstd.compress(planes, 1), fmt.ColumnFlag.ZSTD
            described += pack(
                fmt.COLUMN, column=column, width=8, flags=flags, n_values=len(values), stored_bytes=len(planes)
            )
            stored += planes
        head = pack(fmt.COLUMNS_HEAD, n_columns=len(columns), time_resolution_ns=self.resolution_ns)
        return head + described + stored

    def end(self) -> TraceBuilder:
        return self.block(fmt.BlockType.END, pack(fmt.END_RECORD))

    def build(self, *, end: bool = True, index: bool = True) -> bytes:
        """Returns the file's bytes."""
        if end:
            self.end()
        if index:
            entries, offset = list(self.entries), len(self.data)
            self.block(fmt.BlockType.INDEX, b"".join(entries), count=len(entries))
            self.data += seal(fmt.TRAILER, index_offset=offset, magic=fmt.TRAILER_MAGIC)
        return bytes(self.data)


def pack(dtype: np.dtype[Any], **fields: Any) -> bytes:
    """Returns one record, zero where no field is given."""
    record = np.zeros((), dtype)
    for name, value in fields.items():
        record[name] = np.void(value) if dtype[name].kind == "V" else value
    return record.tobytes()


def seal(dtype: np.dtype[Any], **fields: Any) -> bytes:
    """Returns one record that ends in its CRC."""
    body = pack(dtype, **fields)[:-4]
    return body + zlib.crc32(body).to_bytes(4, "little")


def join_args(args: Sequence[str]) -> bytes:
    return b"".join(arg.encode("utf-8", "surrogateescape") + b"\0" for arg in args)
