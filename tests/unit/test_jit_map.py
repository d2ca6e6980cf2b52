"""Perf maps: the last line that covers an address names it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizreport.model.places import Place
from vizreport.symbols.jit_map import JitMap

LINES = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=12)


@given(LINES)
def test_the_last_line_counts(lines: list[tuple[int, int]]) -> None:
    jit_map = JitMap("".join(f"{start:x} {size:x} f{k}\n" for k, (start, size) in enumerate(lines)))
    for address in range(90):
        holders = [k for k, (start, size) in enumerate(lines) if start <= address < start + size]
        assert jit_map.find(address) == (Place(f"f{holders[-1]}") if holders else None)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("plain name with spaces", Place("plain name with spaces")),
        ("py::Reader.read:/srv/app.py", Place("Reader.read", "/srv/app.py")),
        ("JS:*makeBuffers /srv/app.js:1:21", Place("makeBuffers", "/srv/app.js", 1)),
        ("LazyCompile:~ node:internal/main:7:3", Place("(anonymous)", "node:internal/main", 7)),
        ("Builtin:ArrayMap", Place("Builtin:ArrayMap")),
        ("BytecodeHandler:LdaZero", Place("BytecodeHandler:LdaZero")),
    ],
)
def test_known_forms_of_names(name: str, place: Place) -> None:
    assert JitMap(f"0x1000 10 {name}\n").find(0x1008) == place


@pytest.mark.parametrize("line", ["", "1000", "1000 10", "1000 10 ", "x 10 f", "1000 y f", "-1000 10 f", "1000 0 f"])
def test_lines_that_make_no_sense_are_left_out(line: str) -> None:
    assert JitMap(f"{line}\n2000 10 g\n").find(0x1000) is None
    assert JitMap(f"{line}\n2000 10 g").find(0x2000) == Place("g")
