"""A trace in any state is read as what is left of it, or refused: nothing else."""

import io
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from builders import TraceBuilder, free, malloc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vizreport.errors import TraceFormatError, VizzyError
from vizreport.reports.info import describe_info, write_info
from vizreport.reports.summary import summarize
from vizreport.reports.summary_json import describe_summary
from vizreport.reports.summary_text import write_summary
from vizreport.trace import format as fmt
from vizreport.trace.reader import Trace, parse_trace, read_trace

Load = Callable[[bytes], Trace]
HEADER = fmt.FILE_HEADER.itemsize


def small_trace(*, compress: bool = False, index: bool = True) -> bytes:
    """Two images, one of them forked; three blocks of events."""
    builder = TraceBuilder(compress=compress).session().image().thread().module(build_id=b"\x01" * 20)
    builder.nodes([(3, 0, 0x1100), (4, 3, 0x1200)])
    builder.events([malloc(0x10, 8, stack=4, time=5), malloc(0x20, 9, stack=3, time=6)])
    builder.image(1, pid=101, parent=0, origin=fmt.Origin.FORK, start_time=6, ppid=100)
    builder.events([free(0x10, time=7)], image=1).events([free(0x10, time=8)])
    builder.note("odd").image_end(1).image_end(fate_value=3)
    return builder.build(index=index)


SMALL = small_trace()
BLOCKS = parse_trace("t", memoryview(SMALL)).blocks


def count_events(trace: Trace) -> int:
    return sum(len(trace.read_events(image.index)) for image in trace.images)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("index", [False, True])
def test_a_whole_trace(load: Load, compress: bool, index: bool) -> None:
    trace = load(small_trace(compress=compress, index=index))
    assert trace.completeness.complete
    assert trace.completeness.indexed == index
    assert (trace.session.host, trace.session.recorder_version) == ("host", "1.2.3")
    parent, child = trace.images
    assert (parent.pid, parent.args, parent.threads[0].name) == (100, ("prog",), "main")
    assert parent.end is not None
    assert (parent.end.fate, parent.end.fate_value) == (fmt.Fate.EXIT, 3)
    assert (child.parent, child.origin, child.start_time_ns) == (0, fmt.Origin.FORK, 6)
    assert trace.read_events(0).addresses.tolist() == [0x10, 0x20, 0x10]
    assert trace.read_events(0).times.tolist() == [5, 6, 8]
    assert trace.read_stacks(0).find_above().tolist() == [-1, 0]
    assert trace.read_stacks(0).find_roots().tolist() == [fmt.NODE_COMPLETE] * 2
    assert [note.text for note in trace.notes] == ["odd"]


@pytest.mark.parametrize("compress", [False, True])
def test_cut_at_every_offset(load: Load, compress: bool) -> None:
    """What lies before the cut in whole blocks is read, and the trace says that it is cut."""
    data = small_trace(compress=compress)
    whole = load(data)
    ends = [block.end for block in whole.blocks]
    for cut in range(len(data)):
        if cut < HEADER:
            with pytest.raises(TraceFormatError):
                load(data[:cut])
            continue
        trace = parse_trace("t", memoryview(data[:cut]))
        # The gap behind a payload is not needed, so a block may end up to seven bytes early.
        n_whole = sum(block.offset + 56 + block.stored_bytes <= cut for block in whole.blocks)
        assert trace.completeness.n_blocks == n_whole, cut
        assert trace.completeness.n_damaged == 0, cut
        assert trace.completeness.complete == (n_whole >= len(ends) - 1), cut
        count_events(trace)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("index", [False, True])
def test_a_byte_flipped_at_every_offset(load: Load, compress: bool, index: bool) -> None:
    """A flipped byte costs at most the block that holds it, and that is counted."""
    data = small_trace(compress=compress, index=index)
    whole = load(data)
    n_events = count_events(whole)
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 0xFF
        if at < HEADER:
            with pytest.raises(TraceFormatError):
                load(bytes(broken))
            continue
        trace = parse_trace("t", memoryview(bytes(broken)))
        hit = [block for block in whole.blocks if block.offset <= at < block.offset + 56 + block.stored_bytes]
        # The last block without an index behind it can't be told from a cut one when its header is hit.
        lost = len(hit)
        assert trace.completeness.n_blocks == len(whole.blocks) - lost, at
        told = trace.completeness.n_damaged + (trace.completeness.cut_bytes > 0)
        assert told == lost, at
        n_hit = sum(block.count for block in hit if block.type == fmt.BlockType.EVENTS)
        assert count_events(trace) == n_events - n_hit, at
        assert not (lost and trace.completeness.complete and hit[0].type != fmt.BlockType.INDEX), at


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"\x7fELF" + bytes(100), "no vizzy trace"),
        (b"\x1f\x8b" + bytes(1000), "no vizzy trace"),
    ],
)
def test_foreign_files_are_refused(load: Load, data: bytes, message: str) -> None:
    with pytest.raises(TraceFormatError, match=message):
        load(data)


def test_another_major_version_is_refused(load: Load) -> None:
    data = bytearray(small_trace())
    data[8] = 9
    with pytest.raises(TraceFormatError, match=r"format 9\.\d, this vizreport reads format 1\.\d"):
        load(bytes(data))


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero here")
def test_a_file_without_an_end_is_refused_at_once() -> None:
    with pytest.raises(TraceFormatError, match="no vizzy trace"):
        read_trace("/dev/zero")


def test_what_is_missing_or_a_folder_is_an_error_of_the_user(tmp_path: object) -> None:
    for path in (f"{tmp_path}/none", str(tmp_path), "a\0b"):
        with pytest.raises(VizzyError, match="can't be read"):
            read_trace(path)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(small_trace())))
    assert read_trace("-").completeness.complete


def test_unknown_blocks_are_skipped(load: Load) -> None:
    trace = load(TraceBuilder().image().block(999, b"from the future").events([malloc(1, 2)]).build())
    assert trace.completeness.complete
    assert count_events(trace) == 1


def test_an_image_whose_description_is_lost_still_has_events(load: Load) -> None:
    trace = load(TraceBuilder().events([malloc(1, 2)], image=7).build())
    assert [(image.index, image.known, image.n_events) for image in trace.images] == [(7, False, 1)]


def test_an_empty_trace(load: Load) -> None:
    assert load(TraceBuilder().build()).images == ()
    assert load(TraceBuilder().build(end=False, index=False)).completeness.ended is False


def test_texts_that_are_no_utf8(load: Load) -> None:
    trace = load(TraceBuilder().image(args=("\udcff\x1b[2J",)).build())
    assert trace.images[0].args == ("\\xff\x1b[2J",)


@pytest.mark.parametrize("column", list(fmt.Column)[:8])
def test_columns_that_contradict_each_other(load: Load, column: fmt.Column) -> None:
    """A checksum that is right over nonsense comes from a wrong writer: the events are refused, nothing crashes."""
    builder = TraceBuilder().image()
    rows = [(other, [1, 1]) for other in list(fmt.Column)[:8] if other != column]
    builder.block(fmt.BlockType.EVENTS, builder.columns(*rows, (column, [1])), image=0, count=2)
    with pytest.raises(TraceFormatError):
        load(builder.build()).read_events(0)


def test_random_payloads_under_right_checksums(load: Load) -> None:
    """Every prefix of a sound payload, as a payload: refused or read, nothing else."""
    sound = TraceBuilder().columns((fmt.Column.KIND, [1, 2]), (fmt.Column.THREAD, [0, 0]))
    for kind in fmt.BlockType:
        if kind == fmt.BlockType.INDEX:
            continue
        for n in range(len(sound)):
            trace = load(TraceBuilder().image().block(kind, sound[:n], image=0, count=2).build())
            try:
                trace.read_events(0)
                trace.read_stacks(0)
            except TraceFormatError:
                pass


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_nonsense_under_right_checksums(data: st.DataObject) -> None:
    """Fields and payloads changed at will, checksums made to fit: a summary or a TraceFormatError, nothing else."""
    broken = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 3))):
        block = data.draw(st.sampled_from(BLOCKS))
        payload = block.offset + fmt.BLOCK_HEADER.itemsize
        last = min(payload + block.stored_bytes, block.offset + 160) - 1
        offsets = [at for at in range(block.offset + 8, last + 1) if not payload - 8 <= at < payload]
        at = data.draw(st.sampled_from(offsets))
        broken[at] = data.draw(st.sampled_from([0, 1, 2, 127, 128, 255]))
        checksum = zlib.crc32(broken[payload : payload + block.stored_bytes])
        broken[payload - 8 : payload - 4] = checksum.to_bytes(4, "little")
        checksum = zlib.crc32(broken[block.offset : payload - 4])
        broken[payload - 4 : payload] = checksum.to_bytes(4, "little")
    try:
        trace = parse_trace("t", memoryview(bytes(broken)))
        summaries = summarize(trace)
    except TraceFormatError:
        return
    json.dumps(describe_summary(trace, summaries))
    json.dumps(describe_info(trace))
    assert list(write_summary(trace, summaries))
    assert list(write_info(trace))
