"""What libtrace/format/encode.c writes is what vizreport reads."""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vizreport.trace import format as fmt
from vizreport.trace.columns import decode_columns
from vizreport.trace.reader import Trace, read_trace

SOURCES = Path(__file__).resolve().parents[2] / "libtrace" / "format"
ROOM = 4 << 20


class Buffer(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("capacity", ctypes.c_size_t), ("bytes", ctypes.c_size_t))


class Text(ctypes.Structure):
    _fields_ = (("data", ctypes.c_char_p), ("bytes", ctypes.c_uint32))


class EventColumns(ctypes.Structure):
    _fields_ = (
        ("n", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        *((name, ctypes.c_void_p) for name in ("kind", "thread", "time", "address", "size", "stack")),
    )


class NodeColumns(ctypes.Structure):
    _fields_ = (
        ("n", ctypes.c_uint32),
        ("time", ctypes.c_uint64),
        *((name, ctypes.c_void_p) for name in ("node", "parent", "pc", "code")),
    )


class Encoder:
    """The library, an encoder and the file so far."""

    def __init__(self, library: ctypes.CDLL, resolution_ns: int = 1, flags: int = 0) -> None:
        self._library = library
        library.vz_encoder_new.restype = ctypes.c_void_p
        self._encoder = ctypes.c_void_p(library.vz_encoder_new(resolution_ns, flags))
        self._room = ctypes.create_string_buffer(ROOM)
        self.file = b""
        self.entries: list[Any] = []

    def append(self, function: str, *args: Any, room: int = ROOM) -> int:
        """Calls one encoder function and appends what it wrote."""
        buffer = Buffer(ctypes.addressof(self._room), room, 0)
        result: int = getattr(self._library, f"vz_encode_{function}")(self._encoder, *args, ctypes.byref(buffer))
        if result == 0:
            written = self._room.raw[: buffer.bytes]
            if self.file and function != "index":
                header = np.frombuffer(written, fmt.BLOCK_HEADER, 1)[0]
                entry = np.zeros((), fmt.INDEX_ENTRY)
                entry["offset"] = len(self.file)
                for name in fmt.INDEX_ENTRY.names[1:]:  # type: ignore[index]
                    entry[name] = header[name]
                self.entries.append(entry)
            self.file += written
        return result

    def finish(self) -> bytes:
        """Ends the file as the launcher does."""
        assert self.append("end", np.zeros((), fmt.END_RECORD).tobytes()) == 0
        entries = np.array(self.entries, fmt.INDEX_ENTRY).tobytes()
        assert self.append("index", entries, len(self.entries), ctypes.c_uint64(len(self.file))) == 0
        self._library.vz_encoder_free(self._encoder)
        return self.file


def build(folder: Path, *flags: str) -> ctypes.CDLL:
    compiler = shlex.split(os.environ.get("CC", "gcc"))
    output = folder / f"encode{len(flags)}.so"
    sources = sorted(str(path) for path in SOURCES.glob("*.c"))
    done = subprocess.run(
        [*compiler, "-std=c11", "-O2", "-g", "-shared", "-fPIC", "-o", str(output), *sources, *flags],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"can't be built here: {done.stderr.strip().splitlines()[-1]}")
    return ctypes.CDLL(str(output))


@pytest.fixture(scope="module", params=["plain", "zstd"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    flags = ("-DVZ_HAVE_ZSTD", "-lzstd") if request.param == "zstd" else ()
    return build(tmp_path_factory.mktemp("encode"), *flags)


def pointer(array: np.ndarray[Any, Any]) -> int:
    return int(array.ctypes.data)


def encode_events(encoder: Encoder, columns: dict[str, np.ndarray[Any, Any]], flags: int = 0, **options: int) -> int:
    described = EventColumns(len(columns["kind"]), flags, *(pointer(column) for column in columns.values()))
    return encoder.append("events", 0, ctypes.byref(described), **options)


def make_columns(rows: list[tuple[int, int, int, int, int, int]]) -> dict[str, np.ndarray[Any, Any]]:
    """Rows are kind, thread, time step, address, size, stack."""
    kind, thread, step, address, size, stack = (list(column) for column in zip(*rows, strict=True))
    return {
        "kind": np.array(kind, np.uint8),
        "thread": np.array(thread, np.uint32),
        "time": np.cumsum(np.array(step, np.uint64), dtype=np.uint64),
        "address": np.array(address, np.uint64),
        "size": np.array(size, np.uint64),
        "stack": np.array(stack, np.uint32),
    }


def read(data: bytes, folder: Path) -> Trace:
    path = folder / "c.trace"
    path.write_bytes(data)
    return read_trace(str(path))


def check_events(
    library: ctypes.CDLL, folder: Path, columns: dict[str, np.ndarray[Any, Any]], resolution: int, flags: int
) -> None:
    encoder = Encoder(library, resolution)
    assert encoder.append("file_header", ctypes.c_uint64(0), ctypes.c_uint64(0)) == 0
    assert encode_events(encoder, columns, flags) == 0
    trace = read(encoder.finish(), folder)
    assert trace.completeness.complete
    assert trace.completeness.indexed
    events = trace.read_events(0)
    classes = fmt.CLASS_OF_KIND[columns["kind"]]
    stacked = fmt.STACKED_CLASSES + (fmt.FREE_STACKED_CLASSES if flags else ())
    assert events.kinds.tolist() == columns["kind"].tolist()
    assert events.threads.tolist() == columns["thread"].tolist()
    assert events.times.tolist() == (columns["time"] // resolution * resolution).tolist()
    assert events.addresses.tolist() == columns["address"].tolist()
    assert events.sizes.tolist() == np.where(np.isin(classes, fmt.SIZED_CLASSES), columns["size"], 0).tolist()
    assert events.stacks.tolist() == np.where(np.isin(classes, stacked), columns["stack"], 0).tolist()


ANY_64 = st.integers(0, (1 << 64) - 1)
ROWS = st.tuples(
    st.sampled_from(sorted(fmt.KINDS)),
    st.integers(0, 300),
    st.one_of(st.integers(0, 100), st.integers(0, 1 << 50)),
    st.one_of(st.sampled_from([16, 32, 1 << 40]), ANY_64),
    st.one_of(st.integers(0, 100), ANY_64),
    st.integers(0, (1 << 32) - 1),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(ROWS, min_size=1, max_size=40),
    resolution=st.sampled_from([1, 250, 1000]),
    flags=st.sampled_from([0, 2]),
)
def test_events(library: ctypes.CDLL, tmp_path: Path, rows: Any, resolution: int, flags: int) -> None:
    check_events(library, tmp_path, make_columns(rows), resolution, flags)


def test_a_full_block_of_noise_fits_the_bound(library: ctypes.CDLL, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    n = fmt.MAX_EVENTS
    columns = {
        "kind": random.choice(sorted(fmt.KINDS), n).astype(np.uint8),
        "thread": random.integers(0, 1 << 32, n, np.uint32),
        "time": np.cumsum(random.integers(0, 1 << 40, n, np.uint64), dtype=np.uint64),
        "address": random.integers(0, 1 << 63, n, np.uint64),
        "size": random.integers(0, 1 << 63, n, np.uint64),
        "stack": random.integers(0, 1 << 32, n, np.uint32),
    }
    check_events(library, tmp_path, columns, 1, 2)


def test_too_little_room_appends_nothing(library: ctypes.CDLL) -> None:
    columns = make_columns([(1, 0, 1, 16 * k, k, k) for k in range(100)])
    encoder = Encoder(library)
    encoder.append("file_header", ctypes.c_uint64(0), ctypes.c_uint64(0))
    needed = next(room for room in range(0, 8192, 8) if encode_events(encoder, columns, room=room) == 0)
    assert needed > 100
    assert len(encoder.entries) == 1
    assert encoder.entries[0]["count"] == 100


def test_nodes(library: ctypes.CDLL, tmp_path: Path) -> None:
    n = 1000
    random = np.random.default_rng(2)
    ids = np.arange(3, 3 + n, dtype=np.uint32)
    parents = (random.random(n) * ids).astype(np.uint32)
    pcs = random.choice(random.integers(0, 1 << 63, 50, np.uint64), n)
    codes = random.integers(0, 9, n, np.uint32)
    encoder = Encoder(library)
    encoder.append("file_header", ctypes.c_uint64(0), ctypes.c_uint64(0))
    described = NodeColumns(n, 0, pointer(ids), pointer(parents), pointer(pcs), pointer(codes))
    assert encoder.append("nodes", 0, ctypes.byref(described)) == 0
    stacks = read(encoder.finish(), tmp_path).read_stacks(0)
    assert stacks.ids.tolist() == ids.tolist()
    assert stacks.parents.tolist() == parents.tolist()
    assert stacks.pcs.tolist() == pcs.tolist()
    assert stacks.generations.tolist() == (codes // 2).tolist()
    assert stacks.interrupted.tolist() == (codes % 2 == 1).tolist()


def record(dtype: np.dtype[Any], **fields: Any) -> bytes:
    filled = np.zeros((), dtype)
    for name, value in fields.items():
        filled[name] = value
    return filled.tobytes()


def text(value: bytes) -> Text:
    return Text(value, len(value))


def test_records(library: ctypes.CDLL, tmp_path: Path) -> None:
    encoder = Encoder(library, 1000)
    calls: list[tuple[Any, ...]] = [
        ("file_header", ctypes.c_uint64(fmt.Capability.FREE_STACKS), ctypes.c_uint64(77)),
        (
            "session",
            record(fmt.SESSION_RECORD, max_depth=64),
            text(b"h"),
            text(b"0.1"),
            text(b"Linux"),
            text(b"ls\0-l\0"),
        ),
        (
            "image",
            0,
            record(fmt.IMAGE_RECORD, pid=5, ppid=4, origin=fmt.Origin.START, parent_image=fmt.NO_IMAGE, n_args=2),
            text(b"/bin/ls"),
            text(b"/"),
            text(b"ls\0-l\0"),
        ),
        ("threads", 0, record(fmt.THREAD_RECORD, thread=2, tid=9, name=b"worker"), 1),
        ("module", 0, record(fmt.MODULE_RECORD, module=1, start=1, end=2, build_id_bytes=3), text(b"/lib/x.so" * 99)),
        ("unloads", 0, record(fmt.UNLOAD_RECORD, module=1, generation=4), 1),
        ("samples", 0, record(fmt.SAMPLE_RECORD, time=1, rss_bytes=4096, pss_bytes=fmt.NO_VALUE), 1),
        ("note", ctypes.c_uint32(fmt.NO_IMAGE), record(fmt.NOTE_RECORD, type=fmt.NoteType.WARNING), text(b"careful")),
        ("image_end", 0, record(fmt.IMAGE_END_RECORD, fate=fmt.Fate.SIGNAL, fate_value=9, dropped=3)),
    ]
    for call in calls:
        assert encoder.append(*call) == 0
    trace = read(encoder.finish(), tmp_path)
    assert trace.completeness.complete
    assert trace.session.args == ("ls", "-l")
    assert (trace.session.max_depth, trace.session.free_stacks, trace.session.start_wall_ns) == (64, True, 77)
    (image,) = trace.images
    assert (image.pid, image.exe, image.cwd, image.args, image.parent) == (5, "/bin/ls", "/", ("ls", "-l"), None)
    assert (image.threads[0].index, image.threads[0].tid, image.threads[0].name) == (2, 9, "worker")
    assert (image.modules[0].path, image.modules[0].gone, len(image.modules[0].build_id)) == ("/lib/x.so" * 99, 4, 3)
    assert image.samples.rss.tolist() == [4096]
    assert image.end is not None
    assert (image.end.fate, image.end.fate_value, image.end.dropped) == (fmt.Fate.SIGNAL, 9, 3)
    assert trace.notes[0].text == "careful"


def test_an_address_seen_before_costs_no_literal(library: ctypes.CDLL, load: Callable[[bytes], Trace]) -> None:
    """Back references are what keeps traces small: allocate, free, the same address again."""
    columns = make_columns([(1 if k % 2 == 0 else 16, 0, 1, 4096, 8, 3) for k in range(100)])
    encoder = Encoder(library)
    encoder.append("file_header", ctypes.c_uint64(0), ctypes.c_uint64(0))
    assert encode_events(encoder, columns) == 0
    at = int(encoder.entries[0]["offset"]) + fmt.BLOCK_HEADER.itemsize
    payload = memoryview(encoder.file)[at : at + int(encoder.entries[0]["stored_bytes"])]
    decoded, _ = decode_columns(payload, list(fmt.Column))
    assert decoded[fmt.Column.ADDRESS].tolist() == [4096]
    assert decoded[fmt.Column.BACK].tolist() == [0] + [1] * 99
