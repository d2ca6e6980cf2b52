"""The payloads of all blocks but EVENTS and NODES: from bytes to the model.

Texts come from the traced machine and are not trusted: bytes that are no UTF-8 become backslash escapes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TypeVar

import numpy as np

from vizreport.errors import TraceFormatError
from vizreport.model.trace import Drops, Image, ImageEnd, Module, Note, Samples, Session, Thread
from vizreport.trace import format as fmt
from vizreport.trace.blocks import Block


class _Cursor:
    """Reads a payload from its start, and raises TraceFormatError where it ends too early."""

    def __init__(self, payload: memoryview) -> None:
        self._payload = payload
        self._at = 0

    def take_bytes(self, n: int) -> bytes:
        if n > len(self._payload) - self._at:
            raise TraceFormatError("a record ends beyond its block")
        taken = bytes(self._payload[self._at : self._at + n])
        self._at += n
        return taken

    def take_text(self, n: int) -> str:
        return _as_text(self.take_bytes(n))

    def take(self, dtype: np.dtype[np.void]) -> np.void:
        record: np.void = np.frombuffer(self.take_bytes(dtype.itemsize), dtype)[0]
        return record

    def take_array(self, dtype: np.dtype[np.void], n: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        return np.frombuffer(self.take_bytes(dtype.itemsize * n), dtype)

    def align(self) -> None:
        self._at += -self._at % fmt.ALIGNMENT


def _as_text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _as_args(raw: bytes) -> tuple[str, ...]:
    return tuple(_as_text(arg) for arg in raw.split(b"\0")[:-1])


def describe_header(header: np.void) -> Session:
    """Returns what the file header alone tells of the recording."""
    return Session(
        format_version=f"{header['major']}.{header['minor']}",
        recorder_version="",
        host="",
        system="",
        args=(),
        start_wall_ns=int(header["start_wall_ns"]),
        time_resolution_ns=int(header["time_resolution_ns"]),
        max_depth=0,
        free_stacks=bool(int(header["capabilities"]) & fmt.Capability.FREE_STACKS),
    )


def decode_session(session: Session, payload: memoryview) -> Session:
    """Returns the session with what the SESSION block tells."""
    cursor = _Cursor(payload)
    record = cursor.take(fmt.SESSION_RECORD)
    return replace(
        session,
        max_depth=int(record["max_depth"]),
        host=cursor.take_text(int(record["host_bytes"])),
        recorder_version=cursor.take_text(int(record["version_bytes"])),
        system=cursor.take_text(int(record["system_bytes"])),
        args=_as_args(cursor.take_bytes(int(record["args_bytes"]))),
    )


def decode_end(payload: memoryview) -> int:
    """Returns how many process images found no room to record."""
    return int(_Cursor(payload).take(fmt.END_RECORD)["images_missed"])


def decode_notes(payload: memoryview, n: int) -> Iterator[Note]:
    """Yields a block's notes."""
    cursor = _Cursor(payload)
    for _ in range(n):
        record = cursor.take(fmt.NOTE_RECORD)
        text = cursor.take_text(int(record["text_bytes"]))
        cursor.align()
        yield Note(int(record["type"]), int(record["value"]), text, int(record["time"]))


def decode_jit_map(payload: memoryview) -> str:
    """Returns the text of a perf map."""
    cursor = _Cursor(payload)
    return cursor.take_text(int(cursor.take(fmt.JIT_MAP_RECORD)["text_bytes"]))


def _decode_modules(payload: memoryview, n: int) -> Iterator[Module]:
    cursor = _Cursor(payload)
    for _ in range(n):
        record = cursor.take(fmt.MODULE_RECORD)
        path = cursor.take_text(int(record["path_bytes"]))
        cursor.align()
        yield Module(
            module_id=int(record["module"]),
            path=path,
            build_id=record["build_id"].tobytes()[: int(record["build_id_bytes"])],
            start=int(record["start"]),
            end=int(record["end"]),
            bias=int(record["bias"]),
            generation=int(record["generation"]),
            gone=None,
            time_ns=int(record["time"]),
        )


def _decode_image_end(payload: memoryview) -> ImageEnd:
    record = _Cursor(payload).take(fmt.IMAGE_END_RECORD)
    return ImageEnd(
        time_ns=int(record["time"]),
        fate=_member(fmt.Fate, int(record["fate"]), fmt.Fate.UNKNOWN),
        fate_value=int(record["fate_value"]),
        events=int(record["events"]),
        dropped=int(record["dropped"]),
        reordered=int(record["reordered"]),
        holes=int(record["holes"]),
        stopped=_member(fmt.Stop, int(record["stopped"]), fmt.Stop.NOT),
    )


_Enum = TypeVar("_Enum", bound=IntEnum)


def _member(enum: type[_Enum], value: int, otherwise: _Enum) -> _Enum:
    """Returns the enum's member, or the other one for values that a later minor version added."""
    return enum(value) if value in enum._value2member_map_ else otherwise


_NO_RECORD = np.zeros(1, fmt.IMAGE_RECORD)[0]


@dataclass(slots=True)
class ImageRecords:
    """What the blocks of one image told so far."""

    record: np.void | None = None
    texts: tuple[str, str, tuple[str, ...]] = ("", "", ())
    end: ImageEnd | None = None
    threads: dict[int, Thread] = field(default_factory=dict)
    modules: dict[int, Module] = field(default_factory=dict)
    unloads: dict[int, int] = field(default_factory=dict)
    samples: list[np.ndarray[tuple[int], np.dtype[np.void]]] = field(default_factory=list)
    drops: list[np.ndarray[tuple[int], np.dtype[np.void]]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    n_events: int = 0
    n_events_lost: int = 0
    n_damaged: int = 0

    def damage(self, block: Block) -> None:
        """Counts a block that can't be read."""
        self.n_damaged += 1
        if block.type == fmt.BlockType.EVENTS:
            self.n_events_lost += block.count

    def take(self, block: Block, payload: memoryview) -> None:
        """Takes what a block of this image tells.

        Raises:
            TraceFormatError: The payload contradicts itself; nothing of it was taken.
        """
        cursor = _Cursor(payload)
        if block.type == fmt.BlockType.IMAGE:
            self._take_image(cursor)
        elif block.type == fmt.BlockType.IMAGE_END:
            self.end = _decode_image_end(payload)
        elif block.type == fmt.BlockType.THREADS:
            for row in cursor.take_array(fmt.THREAD_RECORD, block.count):
                name = _as_text(bytes(row["name"]))
                self.threads[int(row["thread"])] = Thread(
                    int(row["thread"]), int(row["tid"]), name, int(row["first_time"])
                )
        elif block.type == fmt.BlockType.MODULES:
            self.modules.update({module.module_id: module for module in list(_decode_modules(payload, block.count))})
        elif block.type == fmt.BlockType.UNLOADS:
            rows = cursor.take_array(fmt.UNLOAD_RECORD, block.count)
            self.unloads.update({int(row["module"]): int(row["generation"]) for row in rows})
        elif block.type == fmt.BlockType.SAMPLES:
            self.samples.append(cursor.take_array(fmt.SAMPLE_RECORD, block.count))
        elif block.type == fmt.BlockType.DROPS:
            self.drops.append(cursor.take_array(fmt.DROP_RECORD, block.count))
        elif block.type == fmt.BlockType.NOTES:
            self.notes.extend(list(decode_notes(payload, block.count)))
        elif block.type == fmt.BlockType.EVENTS:
            self.n_events += block.count

    def _take_image(self, cursor: _Cursor) -> None:
        record = cursor.take(fmt.IMAGE_RECORD)
        exe = cursor.take_text(int(record["exe_bytes"]))
        cwd = cursor.take_text(int(record["cwd_bytes"]))
        args = _as_args(cursor.take_bytes(int(record["args_bytes"])))
        self.record, self.texts = record, (exe, cwd, args)

    def build(self, index: int) -> Image:
        """Returns the image, as far as it is known."""
        record = _NO_RECORD if self.record is None else self.record
        parent = int(record["parent_image"])
        samples = np.concatenate(self.samples) if self.samples else np.zeros(0, fmt.SAMPLE_RECORD)
        drops = np.concatenate(self.drops) if self.drops else np.zeros(0, fmt.DROP_RECORD)
        exe, cwd, args = self.texts
        return Image(
            index=index,
            pid=int(record["pid"]),
            ppid=int(record["ppid"]),
            exec_number=int(record["exec_number"]),
            origin=_member(fmt.Origin, int(record["origin"]), fmt.Origin.START),
            parent=None if self.record is None or parent == fmt.NO_IMAGE else parent,
            not_recorded=_member(fmt.NotRecorded, int(record["not_recorded"]), fmt.NotRecorded.UNREACHABLE),
            start_time_ns=int(record["start_time"]),
            exe=exe,
            cwd=cwd,
            args=args,
            known=self.record is not None,
            end=self.end,
            threads=tuple(self.threads[key] for key in sorted(self.threads)),
            modules=tuple(replace(module, gone=self.unloads.get(key)) for key, module in sorted(self.modules.items())),
            samples=Samples(samples["time"], samples["rss_bytes"], samples["pss_bytes"]),
            drops=Drops(drops["first_time"], drops["last_time"], drops["events"]),
            notes=tuple(self.notes),
            n_events=self.n_events,
            n_events_lost=self.n_events_lost,
            n_damaged=self.n_damaged,
        )
