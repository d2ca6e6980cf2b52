"""The streaming pass over a whole trace: families of images, live sets at asked times, blocks, progress."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from builders import Event, TraceBuilder, free, malloc, move, release
from hypothesis import given, settings
from hypothesis import strategies as st
from replay_oracle import Heap, expect_batch, expect_peak, expect_stacks, expect_totals
from replay_oracle import replay as replay_slowly

from vizreport.analysis.replay import Wanted, replay_images
from vizreport.errors import TraceFormatError
from vizreport.model.block_batch import BlockBatch
from vizreport.model.replay import ImageReplay
from vizreport.trace import format as fmt
from vizreport.trace.reader import Trace, parse_trace

Load = Callable[[bytes], Trace]
KINDS = [1, 1, 2, 16, 16, 24, 25, 26, 27]


class Collector:
    """Keeps all blocks."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []

    def add(self, batch: BlockBatch) -> None:
        self.rows += zip(*(getattr(batch, name).tolist() for name in BlockBatch.__slots__), strict=True)


@st.composite
def families(draw: st.DrawFn) -> list[tuple[int | None, int, list[Event]]]:
    """Images as (parent, fork time, events)."""
    family: list[tuple[int | None, int, list[Event]]] = []
    for index in range(draw(st.integers(1, 4))):
        parent = draw(st.none() | st.integers(0, index - 1)) if index else None
        start = 0 if parent is None else draw(st.integers(family[parent][1], family[parent][1] + 12))
        time, events = start, []
        for _ in range(draw(st.integers(0, 15))):
            time += draw(st.sampled_from([0, 0, 1, 2]))
            kind, address = draw(st.sampled_from(KINDS)), draw(st.sampled_from([16, 32, 48]))
            size, thread = draw(st.integers(0, 50)), draw(st.integers(0, 1))
            events.append(Event(kind, address, size, stack=draw(st.integers(0, 4)), thread=thread, time=time))
        family.append((parent, start, events))
    return family


def build(family: list[tuple[int | None, int, list[Event]]], cuts: list[int]) -> Trace:
    builder = TraceBuilder().session()
    for index, (parent, start, events) in enumerate(family):
        origin = fmt.Origin.START if parent is None else fmt.Origin.FORK
        described = fmt.NO_IMAGE if parent is None else parent
        builder.image(index, pid=100 + index, parent=described, origin=origin, start_time=start)
        bounds = sorted({0, len(events), *(cut for cut in cuts if cut < len(events))})
        for begin, end in pairwise(bounds):
            builder.events(events[begin:end], image=index)
    return parse_trace("-", memoryview(builder.build()))


def live_at(heap: Heap, time: int) -> list[Any]:
    live = list(heap.inherited)
    for moment in heap.moments:
        if moment.time <= time:
            live = moment.live
    return sorted(live, key=lambda block: block.address)


def play_all(family: list[tuple[int | None, int, list[Event]]]) -> list[Heap]:
    heaps: list[Heap] = []
    for parent, start, events in family:
        inherited = {}
        if parent is not None:
            # Of two at one address the last has it; the other's reallocation was under way.
            inherited = {block.address: block.size for block in live_at(heaps[parent], start)}
        times = [event.time or 0 for event in events]
        heaps.append(replay_slowly(events, times, list(inherited.items()), fork_time=start))
    return heaps


@settings(deadline=None)
@given(families(), st.lists(st.integers(1, 14), max_size=2), st.lists(st.integers(0, 30), max_size=3))
def test_families_equal_their_slow_twins(
    family: list[tuple[int | None, int, list[Event]]], cuts: list[int], times: list[int]
) -> None:
    trace, heaps = build(family, cuts), play_all(family)
    collectors = {image.index: Collector() for image in trace.images}
    replays = replay_images(trace, wanted=lambda image: Wanted(times=times, sinks=[collectors[image.index]]))
    found = {replay.image.index: replay for replay in replays}
    assert sorted(found) == list(range(len(family)))
    for index, heap in enumerate(heaps):
        replay = found[index]
        assert {name: getattr(replay.totals, name) for name in replay.totals.__slots__} == expect_totals(heap)
        assert {name: getattr(replay.peak, name) for name in replay.peak.__slots__} == expect_peak(heap)
        assert replay.stacks.peak_bytes.tolist() == expect_stacks(heap)["peak_bytes"]
        assert sorted(collectors[index].rows) == sorted(expect_batch([*heap.ended, *heap.live()]))
        for time, snapshot in zip(times, replay.snapshots, strict=True):
            expected = live_at(heap, time)
            assert snapshot.time_ns == time
            assert sorted(snapshot.sizes.tolist()) == sorted(block.size for block in expected)
            assert snapshot.addresses.tolist() == [block.address for block in expected]


@settings(deadline=None)
@given(families(), st.data())
def test_some_images_are_as_they_are_among_all(
    family: list[tuple[int | None, int, list[Event]]], data: st.DataObject
) -> None:
    trace = build(family, [])
    chosen = data.draw(st.sets(st.integers(0, len(family) - 1)))
    every = {replay.image.index: replay.totals for replay in replay_images(trace)}
    some = {replay.image.index: replay.totals for replay in replay_images(trace, images=chosen)}
    assert some == {index: every[index] for index in chosen}


def one_image() -> TraceBuilder:
    builder = TraceBuilder().image()
    builder.events([malloc(16, 10, time=5), malloc(32, 20, time=5)])
    builder.events([release(16, time=5), move(48, 100, time=6), free(32, time=9)])
    return builder


def run(trace: Trace, **options: Any) -> ImageReplay:
    (replay,) = replay_images(trace, **options)
    return replay


def test_the_live_set_at_the_peak(load: Load) -> None:
    """A second pass: the peak's event is known only after the first."""
    trace = load(one_image().build())
    peak = run(trace).peak
    assert (peak.bytes, peak.row, peak.time_ns) == (120, 3, 6)
    (snapshot,) = run(trace, wanted=lambda image: Wanted(rows=[peak.row])).snapshots
    assert (snapshot.addresses.tolist(), snapshot.sizes.tolist(), snapshot.time_ns) == ([32, 48], [20, 100], 6)


def test_a_time_includes_all_its_events(load: Load) -> None:
    trace = load(one_image().build())
    snapshots = run(trace, wanted=lambda image: Wanted(times=[99, 5, 0], rows=[0, 99])).snapshots
    assert [snapshot.addresses.tolist() for snapshot in snapshots] == [[48], [16, 32], [], [16], [48]]


def test_progress_ends_at_the_end(load: Load) -> None:
    seen: list[tuple[int, int]] = []
    trace = load(one_image().build())
    run(trace, progress=lambda done, total: seen.append((done, total)))
    assert len(seen) == 2
    assert seen[-1][0] == seen[-1][1] > seen[0][0] > 0


def test_a_circle_of_forks_ends(load: Load) -> None:
    builder = TraceBuilder()
    for image, parent in ((0, 1), (1, 0), (2, 2)):
        builder.image(image, parent=parent, origin=fmt.Origin.FORK).events([malloc(16, image + 1)], image=image)
    replays = {replay.image.index: replay.totals.allocs for replay in replay_images(load(builder.build()))}
    assert replays == {0: 1, 1: 1, 2: 1}


def test_a_timeline_of_an_image_without_events(load: Load) -> None:
    trace = load(TraceBuilder().image().build())
    timeline = run(trace, wanted=lambda image: Wanted(n_bins=3)).timeline
    assert timeline.edges.tolist() == [0, 0, 0, 0]
    assert timeline.max_bytes.tolist() == [0, 0, 0]


def test_a_wrong_writer_is_an_error_with_many_blocks_ahead(load: Load) -> None:
    builder = one_image()
    builder.block(fmt.BlockType.EVENTS, b"nonsense", image=0).events([malloc(16, 1, time=20)])
    with pytest.raises(TraceFormatError):
        list(replay_images(load(builder.build())))
