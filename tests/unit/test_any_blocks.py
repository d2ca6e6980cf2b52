"""A trace may be damaged, or its program's allocator odd: blocks with any values are taken by every analysis."""

from __future__ import annotations

import numpy as np
from blocks import Block, make_live_set, split
from hypothesis import given
from hypothesis import strategies as st

from vizreport.analysis.fragmentation import find_pinning_stacks, measure_fragmentation
from vizreport.analysis.heatmap import HeatmapAccumulator
from vizreport.analysis.held import HeldAccumulator
from vizreport.analysis.layout import find_layout_regions, lay_out, wrap_rows
from vizreport.analysis.ranges import RangeAccumulator
from vizreport.analysis.size_lifetimes import SizeLifetimesAccumulator

BIG = 2**64 - 1
ANY = st.integers(0, 9) | st.integers(0, BIG) | st.integers(BIG - 5000, BIG) | st.integers(2**63 - 9, 2**63 + 9)
BLOCKS = st.lists(
    st.builds(
        Block,
        address=ANY,
        size=ANY,
        start=ANY,
        end=st.none() | ANY,
        stack=st.integers(0, 2**32 - 1),
        inherited=st.booleans(),
    ),
    max_size=8,
)


@given(BLOCKS, st.tuples(ANY, ANY))
def test_streams_of_any_blocks(blocks: list[Block], times: tuple[int, int]) -> None:
    start, end = min(times), max(times)
    stacks = np.unique(np.array([block.stack for block in blocks], np.uint32))
    sizes, held = SizeLifetimesAccumulator(), HeldAccumulator(start, end, n_bins=70)
    heatmap = HeatmapAccumulator(start, end, n_rows=8, n_columns=5)
    ranges = RangeAccumulator(start, end, stacks=stacks, slots=np.arange(len(stacks)), n_bins=6)
    for accumulator in (sizes, held, heatmap, ranges):
        for batch in split(blocks, 3):
            accumulator.add(batch)
    n_own = sum(not block.inherited for block in blocks)
    assert sizes.result().blocks.sum() == ranges.result().blocks.sum() == n_own
    assert len(heatmap.result().levels) == len(heatmap.result().row_addresses) <= 8
    assert len(held.result().held_bytes) == held.result().bins.n <= 70


@given(BLOCKS, st.sampled_from([1, 1000]))
def test_live_sets_of_any_blocks(blocks: list[Block], n: int) -> None:
    live = make_live_set(blocks)
    layout = lay_out(live, regions=find_layout_regions([live]), max_pieces=n)
    rows = wrap_rows(layout, n_rows=n)
    assert layout.blocks.sum() == len(blocks)
    assert len(rows.pieces) >= len(layout)
    assert 0 <= measure_fragmentation(live).external_fragmentation <= 1
    assert find_pinning_stacks(live).n_pages <= 2 * len(blocks)
