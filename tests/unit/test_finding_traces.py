"""Each kind of sentence in the head of a page: two traces in which it is true, and some in which it must not appear."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from builders import Event, TraceBuilder, free, malloc
from click.testing import CliRunner

from vizreport.cli.main import group
from vizreport.model.places import ModuleNames, Place, Places
from vizreport.trace.reader import parse_trace
from vizreport.trace.rewrite import write_names

MAIN, LOAD, SERVE = 8, 9, 10
S = 1_000_000_000
PAGE = 4096
BASE = 1 << 24
BUILD_ID = bytes(range(1, 21))


def write_trace(path: Path, events: list[Event], seconds: int) -> None:
    """Writes the trace of a program whose main calls load and serve."""
    builder = (
        TraceBuilder()
        .session()
        .image()
        .module(build_id=BUILD_ID)
        .thread(name=b"reader")
        .thread(thread=1, tid=101, name=b"writer")
    )
    builder.nodes([(MAIN, 0, 0x1100), (LOAD, MAIN, 0x1200), (SERVE, MAIN, 0x1300)])
    places: dict[int, Places] = {0xFF: (Place("main"),), 0x1FF: (Place("load"),), 0x2FF: (Place("serve"),)}
    builder.events(sorted(events, key=lambda event: event.time or 0))
    data = builder.image_end(time=seconds * S).build()
    write_names(parse_trace("t", memoryview(data)), path, [ModuleNames("/bin/prog", BUILD_ID, places)])


def find_sentences(tmp_path: Path, events: list[Event], seconds: int = 1) -> dict[str, str]:
    """Returns what the head of the report says, by kind."""
    trace, page = tmp_path / "t.trace", tmp_path / "t.html"
    write_trace(trace, events, seconds)
    run = CliRunner().invoke(group, ["report", str(trace), "-o", str(page)], catch_exceptions=False)
    assert run.exit_code == 0
    return dict(re.findall(r'<li data-kind="(\w+)"><p>(.*?)</p>', page.read_text()))


def keep(n: int, size: int, stack: int, *, step: int = PAGE, first: int = 0, every: int = 1) -> list[Event]:
    """Blocks that stay, `step` bytes apart, one each `every` ns."""
    return [malloc(BASE + (first + k) * step, size, stack=stack, time=k * every) for k in range(n)]


def churn(n: int, size: int, stack: int, *, by: int = 0, lives: int = 1, every: int = 2) -> list[Event]:
    """Blocks that are freed by a thread after a time."""
    events: list[Event] = []
    for k in range(n):
        address = (BASE << 8) + k * PAGE
        events.append(malloc(address, size, stack=stack, time=k * every))
        events.append(free(address, thread=by, time=k * every + lives))
    return events


GROWING = keep(64, 1000, LOAD, every=S)
CHURNING = churn(60, 500, SERVE, lives=3 * S, every=S)
SCATTERED = keep(300, 64, SERVE)
DENSE = keep(300, PAGE, SERVE)
PASSED_ON = churn(1000, 100, LOAD, by=1, lives=200)

TRUE = [
    ("PeakOwner", keep(10, 500, LOAD), 1, "100 % of what was live at the peak, 4.9 KiB of 4.9 KiB, .* under load"),
    (
        "PeakOwner",
        keep(6, 500, LOAD) + keep(4, 500, SERVE, first=6),
        1,
        "60 % of .* at the peak.* under load",
    ),
    ("LargestLeak", keep(1, 8192, LOAD), 1, "One call path left 8.0 KiB, 100 %.*: load"),
    ("LargestLeak", keep(3, 4096, SERVE) + keep(1, 4096, LOAD, first=9), 1, "12.0 KiB, 75 %.*: serve"),
    ("ManyTemporaries", churn(1000, 50, SERVE), 1, "100 % of all allocations, 1,000, are temporary"),
    (
        "ManyTemporaries",
        churn(500, 50, SERVE) + keep(600, 50, LOAD, every=2000),
        1,
        "of all allocations, .*, are temporary",
    ),
    ("SteadyGrowth", GROWING, 64, "Memory keeps growing: 58.6 KiB per minute.* under load grows by 58.6 KiB"),
    ("SteadyGrowth", GROWING + CHURNING, 64, "Memory keeps growing: .* under load"),
    ("PinnedPages", SCATTERED, 1, "1.2 MiB of the 1.2 MiB .* Blocks of serve pinned 1.2 MiB"),
    ("PinnedPages", SCATTERED + keep(1, 1 << 20, LOAD, first=10_000), 1, "Blocks of serve pinned 1.2 MiB"),
    ("ForeignFrees", PASSED_ON, 1, "Thread writer freed 1,000 blocks that reader had allocated, 100 %"),
    ("ForeignFrees", PASSED_ON + keep(50, 100, SERVE), 1, "Thread writer freed 1,000 blocks"),
]
UNTRUE = [
    ("PeakOwner", keep(5, 500, LOAD) + keep(5, 500, SERVE, first=5), 1),
    ("LargestLeak", keep(2, 4096, LOAD) + keep(2, 4095, SERVE, first=9) + keep(2, 4096, MAIN, first=99), 1),
    ("LargestLeak", churn(100, 4096, LOAD), 1),
    ("ManyTemporaries", keep(2000, 50, LOAD), 1),
    ("ManyTemporaries", churn(900, 50, SERVE), 1),
    ("SteadyGrowth", CHURNING, 64),
    ("SteadyGrowth", keep(64, 1000, LOAD), 64),
    ("PinnedPages", DENSE, 1),
    ("PinnedPages", SCATTERED[:100], 1),
    ("ForeignFrees", churn(2000, 100, LOAD), 1),
]


def name_case(value: object) -> str:
    return value if isinstance(value, str) and " " not in value else ""


@pytest.mark.parametrize(("kind", "events", "seconds", "words"), TRUE, ids=name_case)
def test_what_is_true_is_said(tmp_path: Path, kind: str, events: list[Event], seconds: int, words: str) -> None:
    assert re.search(words, find_sentences(tmp_path, events, seconds)[kind])


@pytest.mark.parametrize(("kind", "events", "seconds"), UNTRUE, ids=name_case)
def test_what_is_untrue_is_not_said(tmp_path: Path, kind: str, events: list[Event], seconds: int) -> None:
    assert kind not in find_sentences(tmp_path, events, seconds)


def test_there_are_enough_of_each_kind() -> None:
    kinds = [kind for kind, *_ in TRUE]
    assert {kinds.count(kind) for kind in kinds} == {2}
    assert {kind for kind, *_ in UNTRUE} == set(kinds)
