"""The second pass collects what the first one counted."""

import numpy as np
import pytest
from builders import Event, TraceBuilder, done, free, malloc, move, release
from hypothesis import given
from hypothesis import strategies as st
from trees import make_tree

from vizreport.analysis.findings import LargestLeak, PeakOwner, PinnedPages, find_findings
from vizreport.analysis.pictures import PictureCollector, Pictures
from vizreport.analysis.replay import replay_images
from vizreport.model.replay import ImageReplay
from vizreport.trace.format import Origin
from vizreport.trace.reader import Trace, parse_trace

EVENTS: list[Event] = [
    malloc(0x10_0000, 100, stack=3),
    malloc(0x20_0000, 5000, stack=4),
    release(0x10_0000),
    move(0x30_0000, 300, stack=3),
    free(0x20_0000),
    malloc(0x20_0000, 50, stack=9),
    release(0x20_0000),
    done(0x20_0000),
]


def draw(trace: Trace, *, n_snapshots: int = 16) -> list[tuple[ImageReplay, Pictures]]:
    firsts = {first.image.index: first for first in replay_images(trace)}
    collectors = {
        index: PictureCollector(first, np.arange(len(first.stacks)), n_snapshots=n_snapshots)
        for index, first in firsts.items()
    }
    return [
        (firsts[second.image.index], collectors[second.image.index].finish(second))
        for second in replay_images(trace, wanted=lambda image: collectors[image.index].wanted)
    ]


def check(first: ImageReplay, pictures: Pictures) -> None:
    totals = first.totals
    live_bytes = totals.live_bytes + totals.inherited_bytes
    assert pictures.size_lifetimes.blocks.sum() == pictures.ranges.blocks.sum() == totals.allocs
    assert pictures.size_lifetimes.bytes.sum() == pictures.ranges.bytes.sum() == totals.bytes_allocated
    assert pictures.size_lifetimes.n_live == totals.live_blocks
    assert pictures.end.fragmentation.live_bytes == pictures.held.live_bytes[-1] == live_bytes
    assert pictures.ranges.sum_live()[:, -1].sum() == totals.live_bytes
    assert pictures.layouts[pictures.peak_layout].live_bytes == pictures.peak.fragmentation.live_bytes
    assert pictures.peak.fragmentation.live_bytes >= first.peak.bytes
    times = [layout.time_ns for layout in pictures.layouts]
    assert times == sorted(times)


@pytest.mark.parametrize("n_snapshots", [2, 3, 16])
def test_pictures_agree_with_the_first_pass(n_snapshots: int) -> None:
    data = TraceBuilder().session().image().events(EVENTS).image_end(time=1000).build()
    ((first, pictures),) = draw(parse_trace("t", memoryview(data)), n_snapshots=n_snapshots)
    check(first, pictures)
    assert len(pictures.layouts) == n_snapshots
    assert pictures.layouts[pictures.peak_layout].live_bytes == first.peak.bytes == 5300


@pytest.mark.parametrize("events", [[], EVENTS[:1]])
def test_of_next_to_nothing(events: list[Event]) -> None:
    builder = TraceBuilder().session().image()
    ((first, pictures),) = draw(parse_trace("t", memoryview((builder.events(events) if events else builder).build())))
    check(first, pictures)


def test_of_a_forked_image() -> None:
    builder = TraceBuilder().session().image(0).image(1, pid=101, parent=0, origin=Origin.FORK, start_time=2)
    data = builder.events(EVENTS, 0).events([free(0x20_0000, time=5), malloc(0x40, 7, time=6)], 1).build()
    for first, pictures in draw(parse_trace("t", memoryview(data))):
        check(first, pictures)


@given(st.lists(st.tuples(st.sampled_from([0x1000, 0x2000, 0x9_0000]), st.integers(1, 5000), st.booleans())))
def test_pictures_of_anything_agree_with_the_first_pass(rows: list[tuple[int, int, bool]]) -> None:
    events = [malloc(address, size, stack=3) if new else free(address) for address, size, new in rows]
    builder = TraceBuilder().session().image()
    ((first, pictures),) = draw(parse_trace("t", memoryview((builder.events(events) if events else builder).build())))
    check(first, pictures)


def test_findings_of_a_trace() -> None:
    nodes = [(3, 0, 0x1010), (4, 3, 0x1020)]
    events = [malloc(k << 12, 64, stack=4) for k in range(1, 400)]
    data = TraceBuilder().session().image().nodes(nodes).events(events).build()
    trace = parse_trace("t", memoryview(data))
    ((first, pictures),) = draw(trace)
    tree = make_tree((0, "main"), (1, "parse"), ends=[2], peak=[0, 399 * 64], leaked=[0, 399 * 64])
    peak, leak, pinned = find_findings(first, tree, pictures, np.array([2]))
    assert isinstance(peak, PeakOwner)
    assert leak == LargestLeak(2, 399 * 64, 399 * 64, 399)
    assert pinned == PinnedPages(398, 399 * 4032, 399 * 4096, 2, 399 * 4032)
