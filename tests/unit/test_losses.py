"""Dropped events: when they were dropped, and how far they make the figures uncertain."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from builders import Event, TraceBuilder, done, free, malloc, move, release, undo
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from vizreport.analysis.losses import find_uncertain, join_spans
from vizreport.cli.main import group
from vizreport.live.session import LiveSession
from vizreport.model.replay import Uncertain
from vizreport.model.trace import Drops
from vizreport.reports.conditions import find_met, parse_condition
from vizreport.reports.summary import ImageSummary, summarize
from vizreport.reports.summary_text import describe_losses, write_summary
from vizreport.trace.reader import Trace, read_trace
from vizreport.views.losses import count_dropped

Load = Callable[[bytes], Trace]


def make_drops(*spans: tuple[int, int, int]) -> Drops:
    columns = np.array(spans, np.uint64).reshape(-1, 3).T
    return Drops(columns[0], columns[1], columns[2])


def summarize_one(trace: Trace) -> ImageSummary:
    (summary,) = summarize(trace)
    return summary


# ---- a program that loses events is not one that leaks --------------------------------------------------------------

Step = tuple[int, int, int]  # what to do, with which block, how many bytes


def run_program(steps: list[Step], dropped: list[bool]) -> tuple[list[Event], list[Event], dict[int, int]]:
    """Runs a program whose heap gives out the lowest free address.

    Returns:
        The events that were recorded and those that were dropped, each with its number as time, and what is in use.
    """
    live: dict[int, int] = {}
    events: list[Event] = []

    def pick_address() -> int:
        return next(16 * k for k in range(1, 10_000) if 16 * k not in live)

    for what, which, size in steps:
        old = sorted(live)[which % len(live)] if live else 0
        if what == 0 or not live:
            live[pick_address()] = size
            events.append(malloc(list(live)[-1], size))
        elif what == 1:
            events.append(free(old))
            del live[old]
        elif what == 2:
            del live[old]
            live[pick_address()] = size
            events += [release(old), move(list(live)[-1], size)]
        elif what == 3:
            events += [release(old), undo(old)]
        else:
            del live[old]
            events += [release(old), done(old)]
    timed = [
        Event(event.kind, event.address, event.size, event.stack, event.thread, time)
        for time, event in enumerate(events)
    ]
    is_dropped = [dropped[k % len(dropped)] for k in range(len(timed))]
    kept = [event for event, lost in zip(timed, is_dropped, strict=True) if not lost]
    return kept, [event for event, lost in zip(timed, is_dropped, strict=True) if lost], live


STEPS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 20), st.integers(0, 100)), min_size=1, max_size=60)


@given(steps=STEPS, dropped=st.lists(st.booleans(), min_size=1, max_size=60), width=st.integers(0, 5))
def test_the_truth_lies_within_what_is_said(
    steps: list[Step], dropped: list[bool], width: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept, lost, in_use = run_program(steps, dropped)
    builder = TraceBuilder().session().image()
    if kept:
        builder.events(kept)
    spans = [(max((event.time or 0) - width, 0), (event.time or 0) + width, 1) for event in lost]
    if spans:
        builder.drops(spans)
    path = tmp_path_factory.getbasetemp() / "losses.trace"
    path.write_bytes(builder.image_end(dropped=len(lost)).build())
    summary = summarize_one(read_trace(str(path)))
    totals, uncertain = summary.totals, summary.uncertain
    assert uncertain.events == len(lost)
    assert totals.live_blocks - uncertain.blocks <= len(in_use) <= totals.live_blocks + len(lost)
    assert totals.live_bytes - uncertain.bytes <= sum(in_use.values())
    assert uncertain.blocks <= min(totals.live_blocks, len(lost))
    assert totals.n_unmatched_frees <= len(lost)
    assert bool(describe_losses(summary)) is bool(lost)


def test_only_blocks_from_before_the_last_loss_are_uncertain(load: Load) -> None:
    builder = TraceBuilder().session().image()
    builder.events([malloc(0x10 * k, k, time=10 * k) for k in range(1, 6)]).drops([(5, 8, 1), (22, 28, 1)])
    summary = summarize_one(load(builder.image_end(dropped=2).build()))
    assert summary.totals.live_blocks == 5
    assert summary.uncertain == Uncertain(events=2, bytes=3, blocks=2)
    assert describe_losses(summary) == (
        "2 events were dropped between 5 ns and 28 ns, so allocations and frees are missing from these figures, and up "
        "to 3 bytes, 2 of the blocks in use, may have been freed"
    )


def test_as_many_as_were_dropped_are_uncertain_the_largest(load: Load) -> None:
    builder = TraceBuilder().session().image()
    builder.events([malloc(0x10 * k, k, time=k) for k in range(1, 6)]).drops([(50, 60, 2)])
    assert summarize_one(load(builder.build())).uncertain == Uncertain(events=2, bytes=9, blocks=2)


def test_without_times_all_is_uncertain(load: Load) -> None:
    """Recordings before format 1.2 tell only how many events were dropped."""
    builder = TraceBuilder().session().image().events([malloc(0x10, 7), malloc(0x20, 1)])
    summary = summarize_one(load(builder.image_end(dropped=9).build()))
    assert summary.uncertain == Uncertain(events=9, bytes=8, blocks=2)
    assert "9 events were dropped, so" in describe_losses(summary)
    assert "8 bytes, all that is in use, may have been freed" in describe_losses(summary)


def test_inherited_blocks_are_not_counted(load: Load) -> None:
    builder = TraceBuilder().session().image().events([malloc(0x10, 7, time=1)])
    builder.image(1, pid=101, parent=0, origin=2, start_time=5).events([malloc(0x20, 1, time=6)], image=1)
    builder.drops([(7, 8, 5)], image=1).image_end(1, dropped=5).image_end(0)
    _, child = summarize(load(builder.build()))
    assert child.uncertain == Uncertain(events=5, bytes=1, blocks=1)


def test_nothing_dropped(load: Load) -> None:
    summary = summarize_one(load(TraceBuilder().session().image().events([malloc(0x10, 7)]).image_end().build()))
    assert describe_losses(summary) == ""
    assert find_uncertain(summary.image, np.ones(3, np.uint64), np.ones(3, np.uint64)) == Uncertain(0, 0, 0)


# ---- the same everywhere --------------------------------------------------------------------------------------------


def test_every_report_says_the_same(tmp_path: Path) -> None:
    builder = TraceBuilder().session().image().events([malloc(0x10, 7, time=3)])
    builder.drops([(1, 2, 5), (4, 9, 2)]).drops([(100, 110, 3)]).image_end(time=200, dropped=10)
    path = tmp_path / "t.trace"
    path.write_bytes(builder.build())
    spans = [
        {"start_ns": 1, "end_ns": 2, "events": 5},
        {"start_ns": 4, "end_ns": 9, "events": 2},
        {"start_ns": 100, "end_ns": 110, "events": 3},
    ]

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(group, [*arguments, str(path)])
        assert result.exit_code == 0, result.output
        return result.stdout

    (process,) = json.loads(run("summary", "--json"))["processes"]
    assert (process["anomalies"]["dropped_events"], process["dropped"]) == (10, spans)
    assert process["uncertain"] == {"bytes": 7, "blocks": 1}
    (process,) = json.loads(run("info", "--json"))["processes"]
    assert (process["dropped_events"], process["dropped"]) == (10, spans)
    assert "10 events were dropped between 1 ns and 110 ns" in " ".join(run("summary").split())
    assert "10 events dropped, in 3 spans of time" in run("info")
    session = LiveSession(str(path))
    while session.advance():
        pass
    assert session.look(0).n_dropped == 10
    session.close()


def test_a_condition_says_that_its_figure_is_uncertain(load: Load) -> None:
    builder = TraceBuilder().session().image().events([malloc(0x10, 7, time=3)]).drops([(4, 9, 2)])
    (text,) = find_met([parse_condition("leaked>0")], summarize(load(builder.build())))
    assert text == "leaked>0: leaked is 7 bytes in prog (pid 100), which is uncertain: 2 events dropped"


def test_before_the_image_has_ended(load: Load) -> None:
    builder = TraceBuilder().session().image().events([malloc(0x10, 7, time=3)]).drops([(4, 9, 2)])
    trace = load(builder.build(end=False, index=False))
    assert trace.images[0].n_dropped == 2
    assert "2 events were dropped between 4 ns and 9 ns" in "\n".join(write_summary(trace, summarize(trace)))


def test_a_damaged_block_of_drops_leaves_the_number(load: Load) -> None:
    builder = TraceBuilder().session().image().events([malloc(0x10, 7, time=3)]).drops([(4, 9, 2)])
    at = len(builder.data) - 8
    data = bytearray(builder.image_end(dropped=2).build())
    data[at] ^= 1
    trace = load(bytes(data))
    assert (trace.images[0].n_dropped, len(trace.images[0].drops), trace.completeness.n_damaged) == (2, 0, 1)


# ---- spans ----------------------------------------------------------------------------------------------------------


@given(
    lengths=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 9)), min_size=1, max_size=40),
    most=st.integers(1, 40),
)
def test_joined_spans_hold_the_same(lengths: list[tuple[int, int, int]], most: int) -> None:
    spans, now = [], 0
    for gap, length, events in lengths:
        spans.append((now + gap, now + gap + length, events))
        now = spans[-1][1]
    joined = join_spans(make_drops(*spans), most)
    assert len(joined) == min(most, len(spans))
    assert int(joined.events.sum()) == sum(span[2] for span in spans)
    for start, end, events in spans:
        (found,) = np.flatnonzero((joined.starts <= start) & (joined.ends >= end))[:1]
        assert joined.events[found] >= events
    kept = joined.starts[1:].astype(np.int64) - joined.ends[:-1].astype(np.int64)
    gaps = sorted((b[0] - a[1] for a, b in itertools.pairwise(spans)), reverse=True)
    assert sorted(kept.tolist(), reverse=True) == gaps[: len(kept)]


def test_drops_by_bin() -> None:
    edges = np.arange(0, 101, 10, dtype=np.uint64)
    dropped = count_dropped(make_drops((0, 3, 5), (8, 14, 7), (99, 400, 1)), edges)
    assert dropped.tolist() == [5, 7, 0, 0, 0, 0, 0, 0, 0, 1]
