"""Pages, fragmentation and who causes it equal their slow twins; and the formulas, on heaps made by hand."""

import numpy as np
import pytest
from blocks import Block, live_blocks, make_live_set, split
from hypothesis import given
from hypothesis import strategies as st
from pictures_oracle import find_held, find_pages, find_pinning

from vizreport.analysis.fragmentation import find_pinning_stacks, measure_fragmentation
from vizreport.analysis.held import HeldAccumulator, HeldTimeline
from vizreport.analysis.pages import find_page_occupancy

PAGES = st.sampled_from([256, 4096])


@given(live_blocks(), PAGES)
def test_pages_equal_their_slow_twin(blocks: list[Block], page: int) -> None:
    occupancy = find_page_occupancy(make_live_set(blocks), page_bytes=page)
    expected = {number: len(owners) for number, owners in find_pages(blocks, page).items()}
    found = dict(zip(occupancy.pages.tolist(), occupancy.live_bytes.tolist(), strict=True))
    assert occupancy.held_bytes == len(expected) * page
    assert found.items() <= expected.items()
    assert {expected[number] for number in expected.keys() - found.keys()} <= {page}
    shares = [-(-live * 10 // page) - 1 for live in expected.values()]
    assert occupancy.count_by_share().tolist() == [shares.count(k) for k in range(10)]


@given(live_blocks(), PAGES, st.sampled_from([0.1, 0.25, 1.0]))
def test_pinning_stacks_equal_their_slow_twin(blocks: list[Block], page: int, mostly_empty: float) -> None:
    live = make_live_set(blocks)
    found = find_pinning_stacks(live, page_bytes=page, mostly_empty=mostly_empty)
    expected = find_pinning(blocks, page, mostly_empty)
    if mostly_empty == 1.0:  # pages inside a block have no bytes to pin, and releasing them is no question of emptiness
        inner = find_page_occupancy(live, page_bytes=page).n_inner
        assert found.n_pages == len(find_pages(blocks, page)) - inner
        return
    assert dict(zip(found.stacks.tolist(), found.pages.tolist(), strict=True)) == {k: v[0] for k, v in expected.items()}
    pinned = dict(zip(found.stacks.tolist(), found.pinned_bytes.tolist(), strict=True))
    assert pinned == pytest.approx({k: v[1] for k, v in expected.items()})
    assert dict(zip(found.stacks.tolist(), found.releasable_bytes.tolist(), strict=True)) == {
        k: v[2] for k, v in expected.items()
    }
    assert found.pinned_bytes.sum() == pytest.approx(found.empty_bytes)
    assert (np.diff(found.pinned_bytes) <= 0).all()


@st.composite
def blocks_over_time(draw: st.DrawFn) -> list[Block]:
    """Blocks that do not overlap wherever two of them live at once: each has its own place."""
    times = st.tuples(st.integers(0, 99), st.none() | st.integers(0, 99))
    blocks = []
    for block in draw(live_blocks()):
        start, end = draw(times)
        blocks.append(Block(block.address, block.size, start, None if end is None else max(start, end)))
    return blocks


def measure_held(blocks: list[Block], *, n_bins: int, page: int = 4096) -> HeldTimeline:
    accumulator = HeldAccumulator(0, 99, n_bins=n_bins, page_bytes=page)
    for batch in split(blocks, 3):
        accumulator.add(batch)
    return accumulator.result()


@given(blocks_over_time(), st.sampled_from([1, 7, 64, 100]), PAGES)
def test_held_bytes_over_time_equal_their_slow_twin(blocks: list[Block], n_bins: int, page: int) -> None:
    timeline = measure_held(blocks, n_bins=n_bins, page=page)
    moments = [min(edge - 1, 99) for edge in timeline.bins.edges.tolist()[1:]]
    found = list(zip(timeline.held_bytes.tolist(), timeline.live_bytes.tolist(), strict=True))
    assert found == find_held(blocks, moments, page)


def test_pages_are_merged_however_many_are_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vizreport.analysis.held._PENDING", 2)
    blocks = [Block(k * 100, 100, k, k + 50) for k in range(40)]
    timeline = measure_held(blocks, n_bins=100)
    assert timeline.held_bytes.tolist() == [held for held, _ in find_held(blocks, range(100), 4096)]


def test_one_small_block_on_each_page_is_external_fragmentation() -> None:
    fragmentation = measure_fragmentation(make_live_set([Block(k * 4096, 24) for k in range(10)]))
    assert (fragmentation.live_bytes, fragmentation.chunk_bytes, fragmentation.held_bytes) == (240, 320, 40960)
    assert fragmentation.external_fragmentation == pytest.approx(1 - 320 / 40960)
    assert fragmentation.internal_fragmentation == pytest.approx(80 / 320)


def test_a_full_page_is_not_fragmented() -> None:
    fragmentation = measure_fragmentation(make_live_set([Block(0x1000, 8192)]))
    assert (fragmentation.external_fragmentation, fragmentation.held_bytes) == (0.0, 8192)


def test_nothing_live_is_not_fragmented() -> None:
    fragmentation = measure_fragmentation(make_live_set([]))
    assert (fragmentation.external_fragmentation, fragmentation.internal_fragmentation) == (0.0, 0.0)
    assert len(find_pinning_stacks(make_live_set([])).stacks) == 0


def test_a_block_of_a_tebibyte_is_no_loop_over_pages() -> None:
    assert measure_fragmentation(make_live_set([Block(0x1000, 1 << 40)])).held_bytes == 1 << 40


def test_what_ends_after_the_last_moment_is_live_at_it() -> None:
    timeline = measure_held([Block(0, 100, 10, 200), Block(8192, 100, 10, 99)], n_bins=10)
    assert timeline.live_bytes.tolist() == [0, *[200] * 8, 100]
    assert timeline.held_bytes.tolist() == [0, *[8192] * 8, 4096]
