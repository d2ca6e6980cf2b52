"""Traces that processes wrote themselves: the layout of their memory, and whatever is left of one."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vizreport.errors import TraceFormatError
from vizreport.trace import format as fmt
from vizreport.trace import region
from vizreport.trace.blocks import find_blocks
from vizreport.trace.pool import _join_memory, fill_in
from vizreport.trace.reader import parse_trace
from vizreport.trace.region import Region

ROOT = Path(__file__).resolve().parents[2]
HEADER = re.sub(r"/\*.*?\*/", "", (ROOT / "libtrace/record/shm.h").read_text(), flags=re.DOTALL)
WIDTHS = {"uint8_t": 1, "uint32_t": 4, "uint64_t": 8, "char": 1}
CONSTANTS = {"VZ_CHUNK_CLASSES": 4, "VZ_HASH_LEVELS": 16, "VZ_MAX_NODE_SEGMENTS": 4096, "VZ_MAX_STREAM_PAGES": 1024}
DTYPES = {
    "region": region.REGION,
    "stream": region.STREAM,
    "chunk": region.CHUNK,
    "slot": region.SLOT,
    "node": region.NODE,
    "note": region.NOTE,
    "module_note": region.MODULE_NOTE,
}


def list_fields(name: str) -> Iterator[tuple[str, int, int]]:
    """The fields of a struct of shm.h: name, offset, bytes. They are naturally aligned."""
    body = re.search(rf"struct vz_{name} \{{(.*?)\n\}};", HEADER, re.DOTALL)
    assert body is not None
    at = 0
    for declaration in body[1].split(";"):
        words = declaration.replace("_Atomic", " ").split()
        if not words or words[-1] in ("slots[]", "text[]"):
            continue
        if words[:2] == ["struct", "vz_note"]:
            yield "note", at, region.NOTE.itemsize
            at += region.NOTE.itemsize
            continue
        for field in " ".join(words[1:]).split(", "):
            array = re.fullmatch(r"(\w+)\[(\w+)\]", field)
            n = int(CONSTANTS.get(array[2], array[2])) if array else 1
            at = -(-at // WIDTHS[words[0]]) * WIDTHS[words[0]]
            yield array[1] if array else field, at, n * WIDTHS[words[0]]
            at += n * WIDTHS[words[0]]


@pytest.mark.parametrize("name", DTYPES)
def test_the_layout_is_that_of_shm_h(name: str) -> None:
    fields = {field: (at, size) for field, at, size in list_fields(name)}
    dtype = DTYPES[name]
    assert dtype.fields is not None
    for field, (inner, at, *_) in dtype.fields.items():
        assert fields[field] == (at, inner.itemsize), field
    assert dtype.itemsize == max(at + size for at, size in fields.values())


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The trace of a process that killed itself, most of it in its memory only."""
    folder = tmp_path_factory.mktemp("pool")
    vizzytrace = ROOT / "build/release/launcher/vizzytrace"
    if not vizzytrace.exists():
        pytest.skip("vizzytrace is not built")
    library, trace = folder / "libvizzy.so", folder / "log"
    options = ["--buffer", "64K", "--max-depth", "8"]
    subprocess.run([vizzytrace, "-q", "--emit-library", library, *options, trace], check=True)
    code = "import os; x = [bytes(i) for i in range(20000)]; os.kill(os.getpid(), 9)"
    subprocess.run(["python3", "-c", code], env={"PATH": "/usr/bin:/bin", "LD_PRELOAD": str(library)}, check=False)
    return trace.read_bytes()


def test_what_is_in_memory_only_is_read(killed: bytes) -> None:
    filled = parse_trace("killed", fill_in(memoryview(killed)))
    assert filled.completeness.n_damaged == 0
    [image] = filled.images
    assert image.end is not None
    assert image.n_events == image.end.events == len(filled.read_events(0).kinds)
    plain = parse_trace("killed", memoryview(killed))
    assert plain.images[0].n_events < image.n_events


def read_whatever_it_is(data: bytes) -> None:
    """Reads all of a trace that may be damaged."""
    try:
        trace = parse_trace("damaged", fill_in(memoryview(data)))
        for image in trace.images:
            trace.read_events(image.index)
            trace.read_stacks(image.index)
    except TraceFormatError:
        pass


def test_it_is_read_wherever_it_is_cut(killed: bytes) -> None:
    step = len(killed) // 97
    for end in [*range(0, 2000, 41), *range(2000, len(killed), step)]:
        read_whatever_it_is(killed[:end])


WORDS = st.sampled_from([0, 1, 7, 1 << 31, (1 << 32) - 1, 1 << 63, (1 << 64) - 1]) | st.integers(0, (1 << 64) - 1)


@settings(max_examples=150, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 1 << 30), st.integers(0, 63), WORDS), max_size=24),
    cut=st.none() | st.floats(0, 1),
)
def test_it_is_read_however_it_is_damaged(
    killed: bytes, changes: list[tuple[int, int, int]], cut: float | None
) -> None:
    """What is written over lies in the memory mostly, which has no checksum: a program may write anything there."""
    data = bytearray(killed)
    pages = [at for at in range(0, len(killed), region.PAGE) if any(killed[at : at + region.PAGE])]
    for page, word, value in changes:
        at = pages[page % len(pages)] + 8 * word
        data[at : at + 8] = value.to_bytes(8, "little")
    del data[len(killed) if cut is None else int(cut * len(killed)) :]
    read_whatever_it_is(bytes(data))


def test_no_more_is_read_than_there_is(killed: bytes) -> None:
    """Streams that lead into each other's chunks, and segments of nodes that are one, don't multiply what is there."""
    memory = bytearray(_join_memory(memoryview(killed), find_blocks(memoryview(killed), 40).blocks))
    header = Region(bytes(memory)).header
    [stream_page] = header["stream_pages"][:1]
    stream = bytes(memory[stream_page * region.PAGE : stream_page * region.PAGE + region.STREAM.itemsize])
    pages = region.STREAMS_PER_PAGE
    memory[stream_page * region.PAGE : (stream_page + 1) * region.PAGE] = stream * pages
    memory[120:124] = pages.to_bytes(4, "little")
    memory[132:136] = (1 << 24).to_bytes(4, "little")
    memory[280 : 280 + 4 * 4096] = bytes(memory[280:284]) * 4096
    chunk = int(np.frombuffer(stream, region.STREAM)[0]["first"])
    for page in range(chunk, len(memory) // region.PAGE):  # chunks of 256 KiB at every page
        head = page * region.PAGE
        memory[head : head + 16] = np.array([(page + 1, 3, 0, 0)], region.CHUNK).tobytes()
    damaged = Region(bytes(memory))
    assert sum(len(part.kinds) for part in damaged.list_pending({})) <= len(memory) // region.SLOT.itemsize
    assert len(list(damaged.list_pending({}))) <= 1
    assert len(damaged.read_nodes()[0]) <= region.NODES_PER_SEGMENT


def test_a_trace_without_memory_stays_as_it_is() -> None:
    header = np.zeros((), fmt.FILE_HEADER)
    header["magic"], header["major"], header["header_bytes"] = fmt.FILE_MAGIC, fmt.FORMAT_MAJOR, header.itemsize
    with pytest.raises(TraceFormatError):
        fill_in(memoryview(header.tobytes()))  # its checksum is wrong
