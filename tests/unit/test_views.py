"""What pictures hold is what the analyses found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bokeh.models import ColumnDataSource, LayoutDOM
from trees import make_tree

from vizreport.analysis.call_tree import sort_depth_first
from vizreport.analysis.findings import (
    Finding,
    ForeignFrees,
    LargestLeak,
    ManyTemporaries,
    PeakOwner,
    PinnedPages,
    SteadyGrowth,
)
from vizreport.analysis.log_bins import find_log_bins, find_log_edges
from vizreport.analysis.owners import Owner
from vizreport.analysis.size_lifetimes import LogHistogram
from vizreport.analysis.thread_matrix import ThreadMatrix
from vizreport.model.replay import Peak, Timeline
from vizreport.model.trace import Drops, Samples
from vizreport.reports.finding_text import describe_finding
from vizreport.views.calltree import (
    METRICS,
    FrameColumns,
    find_ends,
    make_tree_columns,
)
from vizreport.views.histogram import draw_histogram
from vizreport.views.samples import draw_samples, shows_resident
from vizreport.views.theme import COLOURS, PALETTE, SCALE, choose_time_unit, make_figure
from vizreport.views.threads import draw_thread_matrix
from vizreport.views.timeline import draw_timeline


def read(model: LayoutDOM, name: str) -> dict[str, Any]:
    """The columns of one of a picture's sources."""
    found = model.select_one({"name": name})
    assert isinstance(found, ColumnDataSource)
    return dict(found.data)


def make_timeline(n: int) -> Timeline:
    rising = np.arange(n, dtype=np.uint64)
    edges = np.arange(n + 1, dtype=np.uint64) * np.uint64(1_000_000)
    return Timeline(edges, rising, rising + 5, rising + 1, rising, rising + 3, rising + 1, rising, rising, rising * 100)


def test_timeline_keeps_least_and_most() -> None:
    timeline = make_timeline(50)
    drawn = draw_timeline(timeline, Peak(54, 52, 49_500_000, 7), Samples(*(np.zeros(0, np.uint64) for _ in range(3))))
    data = read(drawn, "timeline")
    assert data["min_bytes"][:-1].tolist() == timeline.min_bytes.tolist()
    assert data["max_bytes"][:-1].tolist() == timeline.max_bytes.tolist()
    assert data["most_blocks"][:-1].tolist() == timeline.max_blocks.tolist()
    assert data["allocs_per_s"][:-1] == pytest.approx(timeline.allocs * 1000.0)
    assert data["time"].tolist() == list(range(51))  # ms


def test_spans_of_dropped_events_are_marked() -> None:
    no_samples = Samples(*(np.zeros(0, np.uint64) for _ in range(3)))
    columns = np.array([[1, 7, 40], [3, 8, 60], [5, 1, 2]], np.uint64) * np.array(
        [[1_000_000], [1_000_000], [1]], np.uint64
    )
    drawn = draw_timeline(make_timeline(50), Peak(54, 52, 49_500_000, 7), no_samples, drops=Drops(*columns))
    spans = read(drawn, "losses")
    assert (spans["start"].tolist(), spans["end"].tolist()) == ([1, 7, 40], [3, 8, 50])  # ms; the picture ends at 50
    dropped = read(drawn, "timeline")["dropped"]
    assert (len(dropped), dropped[:-1].sum(), dropped[2]) == (51, 8, 5)


def test_samples_keep_the_largest_of_each_few() -> None:
    rss = np.arange(10_000, dtype=np.uint64)
    rss[777] = 1_000_000
    drawn = make_figure(height=100)
    draw_samples(drawn, Samples(np.arange(10_000, dtype=np.uint64), rss, rss), choose_time_unit(1), "second")
    shown = read(drawn, "rss")["rss"]
    assert len(shown) == 2000
    assert shown.max() == 1_000_000


@pytest.mark.parametrize(("rss", "shown"), [(400, True), (600, False)])
def test_resident_memory_must_not_flatten_the_heap(rss: int, shown: bool) -> None:
    column = np.array([rss], np.uint64)
    assert shows_resident(100, Samples(column, column, column)) is shown


PROGRAM = ((0, "main"), (1, "parse"), (2, "grow"), (1, "serve"))


def test_tree_columns_hold_every_figure() -> None:
    tree = sort_depth_first(make_tree(*PROGRAM, ends=[3, 4, 3, 2], peak=[0, 2, 30, 4], allocated=[0, 20, 300, 40]))
    frames = FrameColumns()
    columns = make_tree_columns(tree, METRICS, frames, None)
    assert columns["up"] == [0, 0, 0, 2]
    ends = find_ends(tree)
    assert np.cumsum(columns["endSteps"]).tolist() == ends.tolist() == [2, 3, 4]
    assert columns["self"]["peak"] == [2, 30, 4]
    for figure, metric in enumerate(METRICS):
        assert columns["self"][metric.name] == tree.self_values[ends, figure].tolist()
    names = frames.make_columns()
    shown = [names["names"][names["name"][frame]] for frame in columns["frame"]]
    assert shown == ["main", "parse", "grow", "serve"]


def test_frames_that_occur_most_have_the_smallest_numbers() -> None:
    tree = make_tree((0, "main"), (1, "visit"), (2, "grow"), (3, "visit"), (4, "grow"), (5, "grow"), ends=[6])
    frames = np.array([-1, 0, 1, 2, 1, 2, 2])
    columns = make_tree_columns(replace(tree, frames=frames), METRICS, FrameColumns(), None)
    assert columns["frame"] == [2, 1, 0, 1, 0, 0]


def test_histogram_bars_are_the_bins() -> None:
    sizes = np.array([1, 7, 7, 100, 5000], np.uint64)
    n = int(find_log_bins(sizes).max()) + 1
    blocks = np.bincount(find_log_bins(sizes), minlength=n)
    drawn = draw_histogram(LogHistogram(find_log_edges(n), blocks, blocks.astype(np.uint64) * 10), is_time=False)
    data = read(drawn, "sizes")
    assert data["blocks"].tolist() == blocks.tolist()
    assert data["from"][7] == "7 B"
    assert data["to"][7] == "8 B"


def test_threads_of_one_name_have_places_of_their_own() -> None:
    ones = np.ones(2, np.uint64)
    blocks = np.array([[3, 4], [0, 5]], np.uint64)
    drawn = draw_thread_matrix(ThreadMatrix(("worker", "worker"), 0, ones, ones, ones, ones, blocks, blocks * 10))
    data = read(drawn, "thread pairs")
    assert data["allocated"] == ["worker", "worker", "worker #2"]
    assert data["freed"] == ["worker", "worker #2", "worker #2"]
    assert data["blocks"].tolist() == [3, 4, 5]


def test_each_colour_has_one_partner() -> None:
    pairs = [*PALETTE.values(), *COLOURS, *SCALE]
    assert len({light for light, _ in pairs}) == len({dark for _, dark in pairs}) == len(pairs)
    assert not {light for light, _ in pairs} & {dark for _, dark in pairs}


TREE = make_tree(*PROGRAM, ends=[3, 4], peak=[1, 2, 30, 4])
OWNER = Owner(3, TREE.table[2], 3 << 20, 0.75)
SENTENCES: list[tuple[Finding, str]] = [
    (PeakOwner(OWNER, 4 << 20), "75 % of what was live at the peak, 3.0 MiB of 4.0 MiB, was allocated under grow."),
    (
        ManyTemporaries(400, 1000, None),
        "40 % of all allocations, 400, are temporary: freed before their thread allocated again.",
    ),
    (
        LargestLeak(3, 900 << 10, 1000 << 10, 7),
        "One call path left 900.0 KiB, 90 % of all that was in use at exit: grow.",
    ),
    (
        SteadyGrowth(6 << 20, OWNER),
        "Memory keeps growing: 6.0 MiB per minute after the first quarter of the time."
        " What is allocated under grow grows by 3.0 MiB per minute.",
    ),
    (
        PinnedPages(2_000_000_000, 2 << 20, 4 << 20, 3, 1 << 20),
        "2.0 MiB of the 4.0 MiB that were held after 2.000 s lay empty on pages that a few blocks kept from being "
        "given back. Blocks of grow pinned 1.0 MiB of it.",
    ),
    (
        ForeignFrees(0, 1, 1500, 3000),
        "Thread worker freed 1,500 blocks that main had allocated, 50 % of all that were freed.",
    ),
]


@pytest.mark.parametrize(("finding", "sentence"), SENTENCES, ids=[type(finding).__name__ for finding, _ in SENTENCES])
def test_findings_in_words(finding: Finding, sentence: str) -> None:
    told = describe_finding(finding, TREE, {0: "main", 1: "worker"})
    assert told.text == sentence
    assert told.kind == type(finding).__name__
