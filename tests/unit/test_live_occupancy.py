"""The live heatmap's columns: what was live at their ends, however events came and however many there are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders import Event, free, make_events, malloc
from hypothesis import given
from hypothesis import strategies as st

from vizreport.analysis.heatmap import Heatmap
from vizreport.live.occupancy import N_COLUMNS
from vizreport.live.run import Run
from vizreport.trace.event_block import EventBlock, pack_events

STEP = 250_000_000
S = 1_000_000_000


def block_of(events: list[Event]) -> EventBlock:
    plain = make_events(events)
    return pack_events(replace(plain, times=np.array([event.time for event in events], np.uint64)))


def measure_live(events: list[Event], time_ns: int) -> int:
    live: dict[int, int] = {}
    for event in events:
        if (event.time or 0) > time_ns:
            break
        if event.size:
            live[event.address] = event.size
        else:
            live.pop(event.address, None)
    return sum(live.values())


def check(heatmap: Heatmap | None, events: list[Event], now_ns: int) -> None:
    assert heatmap is not None
    edges = heatmap.bins.edges
    assert len(edges) - 1 <= N_COLUMNS
    assert edges[-2] <= now_ns <= edges[-1]
    shown = heatmap.mean_bytes.sum(axis=0, dtype=np.float64)
    expected = [measure_live(events, min(int(edge), now_ns)) for edge in edges[1:]]
    assert shown.tolist() == pytest.approx(expected, rel=1e-5)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Mallocs and frees of a few addresses, in the order of their times."""
    times = sorted(draw(st.lists(st.integers(0, 40 * STEP), min_size=1, max_size=30)))
    live: set[int] = set()
    events = []
    for time in times:
        address = draw(st.sampled_from([1 << 20, (1 << 20) + 4096, 1 << 30, (1 << 46) + 64]))
        events.append(free(address, time=time) if address in live else malloc(address, 100, time=time))
        live ^= {address}
    return events


@given(events=histories(), cuts=st.lists(st.floats(0, 1), max_size=3), later=st.integers(0, 20 * STEP))
def test_columns_are_what_was_live_at_their_ends(events: list[Event], cuts: list[float], later: int) -> None:
    run, at = Run(0), 0
    for end in sorted({*(int(cut * len(events)) for cut in cuts), len(events)}):
        if end > at:
            run.feed(block_of(events[at:end]))
            run.draw_heatmap(events[end - 1].time or 0)  # looking changes nothing
        at = max(at, end)
    now = (events[-1].time or 0) + later
    heatmap = run.draw_heatmap(now)
    if heatmap is None:
        assert measure_live(events, now) == 0
    else:
        check(heatmap, events, now)


def test_a_copy_goes_on_by_itself() -> None:
    first = [malloc(4096 * k, 1000, time=k * STEP) for k in range(1, 20)]
    run = Run(0)
    run.feed(block_of(first))
    twin = run.copy()
    more = [malloc(4096 * k, 1000, time=k * STEP) for k in range(20, 60)]
    twin.feed(block_of(more))
    check(run.draw_heatmap(20 * STEP), first, 20 * STEP)
    check(twin.draw_heatmap(60 * STEP), first + more, 60 * STEP)
    assert twin.n_bytes > run.n_bytes


def test_long_recordings_have_no_more_columns() -> None:
    events = [malloc(4096 * k, 16, time=k * 7 * S) for k in range(1, 1000)]
    run = Run(0)
    for begin in range(0, len(events), 100):
        run.feed(block_of(events[begin : begin + 100]))
    heatmap = run.draw_heatmap(7000 * S)
    check(heatmap, events, 7000 * S)
    assert heatmap is not None
    assert heatmap.bins.n > N_COLUMNS // 2 - 1
    assert run._occupancy.n_bytes < N_COLUMNS * 1024 * 16


def test_nothing_live_is_no_map() -> None:
    assert Run(0).draw_heatmap(5 * S) is None
