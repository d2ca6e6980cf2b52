"""Names in a trace: written, read, replaced; all else of the trace stays."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from builders import TraceBuilder, free, malloc
from hypothesis import given
from hypothesis import strategies as st

from vizreport.errors import TraceFormatError, VizzyError
from vizreport.model.places import ModuleNames, Place
from vizreport.trace import format as fmt
from vizreport.trace.names import decode_names, encode_names
from vizreport.trace.reader import Trace, parse_trace, read_trace
from vizreport.trace.rewrite import write_names

Load = Callable[[bytes], Trace]

TEXTS = st.one_of(st.none(), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
PLACES = st.builds(Place, TEXTS, TEXTS, st.one_of(st.none(), st.integers(1, (1 << 32) - 1)))
NAMES = st.builds(
    ModuleNames,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.binary(max_size=32),
    st.dictionaries(st.integers(0, (1 << 64) - 1), st.lists(PLACES, max_size=4).map(tuple), max_size=20),
)
SOME = ModuleNames("/bin/prog", b"id", {7: (Place("inner", "a.c", 3), Place("outer", "b.c", 9)), 9: (Place("last"),)})


@given(NAMES)
def test_what_is_written_is_read(names: ModuleNames) -> None:
    read = [decode_names(payload, count) for count, payload in encode_names(names)]
    assert len(read) == (1 if names.places else 0)
    assert not read or read[0] == names


def test_many_addresses_take_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fmt, "MAX_NAMES", 10)
    names = replace(SOME, places={address: (Place(f"f{address % 7}"),) for address in range(25)})
    parts = [decode_names(payload, count) for count, payload in encode_names(names)]
    assert [len(part.places) for part in parts] == [10, 10, 5]
    assert {address: places for part in parts for address, places in part.places.items()} == names.places


@given(st.integers(0, 400), st.integers(0, 255), st.integers(0, 4))
def test_no_damage_is_more_than_an_error(at: int, value: int, count: int) -> None:
    ((_, payload),) = encode_names(SOME)
    broken = bytearray(payload)
    broken[at % len(broken)] = value
    for content in (bytes(broken), payload[: at % len(payload)]):
        with suppress(TraceFormatError):
            decode_names(content, count)


def build(*, end: bool = True, index: bool = True) -> bytes:
    builder = TraceBuilder().session().image().module().nodes([(3, 0, 0x1100), (4, 3, 0x1200)])
    builder.block(999, b"of a later version").events([malloc(16, 100, stack=4), malloc(32, 5, stack=3)])
    return builder.events([free(16)]).image_end().build(end=end, index=index)


def rewrite(data: bytes, path: Path, names: list[ModuleNames]) -> Trace:
    write_names(parse_trace("t", memoryview(data)), path, names)
    return read_trace(str(path))


def test_names_are_added_and_nothing_else_changes(tmp_path: Path) -> None:
    before = parse_trace("t", memoryview(build()))
    after = rewrite(build(), tmp_path / "t", [SOME])
    assert list(after.read_names()) == [SOME]
    assert repr((after.images, after.notes)) == repr((before.images, before.notes))
    assert replace(after.session, format_version="") == replace(before.session, format_version="")
    assert replace(after.completeness, n_blocks=0) == replace(before.completeness, n_blocks=0)
    assert after.completeness.indexed
    assert [block.type for block in after.blocks if block.type != fmt.BlockType.NAMES] == [
        block.type for block in before.blocks
    ]


def test_other_names_replace_them(tmp_path: Path) -> None:
    path = tmp_path / "t"
    rewrite(build(), path, [SOME, replace(SOME, path="/other")])
    once = path.read_bytes()
    assert list(rewrite(once, path, [SOME]).read_names()) == [SOME]
    rewrite(once, path, [SOME, replace(SOME, path="/other")])
    assert path.read_bytes() == once
    rewrite(once, path, [])
    assert path.read_bytes() == rewrite(build(), tmp_path / "u", []).data


@pytest.mark.parametrize("cut", range(1, len(build()) - 40, 61))
def test_a_cut_trace_stays_one(tmp_path: Path, cut: int) -> None:
    data = build()[:-cut]
    before = parse_trace("t", memoryview(data))
    after = rewrite(data, tmp_path / "t", [SOME])
    assert list(after.read_names()) == [SOME]
    assert repr(after.images) == repr(before.images)
    assert after.completeness.ended == before.completeness.ended
    assert after.completeness.n_damaged == before.completeness.n_damaged


@pytest.mark.parametrize("at", range(40, len(build()), 53))
def test_a_damaged_trace_stays_one(tmp_path: Path, at: int) -> None:
    data = bytearray(build())
    data[at] ^= 0xFF
    before = parse_trace("t", memoryview(bytes(data)))
    after = rewrite(bytes(data), tmp_path / "t", [SOME])
    assert list(after.read_names()) == [SOME]
    assert repr(after.images) == repr(before.images)
    if before.completeness.indexed:  # else the index may be what is damaged: it is made anew
        assert after.completeness.n_damaged == before.completeness.n_damaged
    assert after.completeness.ended == before.completeness.ended


def test_a_file_that_cant_be_written_is_left_as_it_is(tmp_path: Path) -> None:
    trace = parse_trace("t", memoryview(build()))
    with pytest.raises(VizzyError, match="-o"):
        write_names(trace, tmp_path / "no" / "such" / "folder", [SOME])
    (tmp_path / "folder").mkdir()
    with pytest.raises(VizzyError):
        write_names(trace, tmp_path / "folder", [SOME])
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_csv_has_no_place_for_names(load: Load, tmp_path: Path) -> None:
    csv = load(b"time_ns,pid,tid,function,address,size,stack_id\n1,1,1,malloc,0x10,5,0\n")
    with pytest.raises(VizzyError, match="CSV"):
        write_names(csv, tmp_path / "out", [SOME])
