"""The heatmap equals its slow twin, drawn cell by cell."""

import numpy as np
import pytest
from blocks import Block, blocks_in_time, split
from hypothesis import given
from hypothesis import strategies as st
from pictures_oracle import map_occupancy

from vizreport.analysis.heatmap import Heatmap, HeatmapAccumulator

LAST = 1000


def draw(blocks: list[Block], *, n_rows: int = 64, n_columns: int = 10, batch: int = 5) -> Heatmap:
    accumulator = HeatmapAccumulator(0, LAST, n_rows=n_rows, n_columns=n_columns)
    for part in split(blocks, batch):
        accumulator.add(part)
    return accumulator.result()


@given(blocks_in_time(last=LAST), st.sampled_from([2, 8, 64]), st.sampled_from([1, 7, 40]))
def test_heatmap_equals_its_slow_twin(blocks: list[Block], n_rows: int, n_columns: int) -> None:
    heatmap = draw(blocks, n_rows=n_rows, n_columns=n_columns)
    row_bytes, width, cells = map_occupancy(blocks, LAST, n_rows, n_columns)
    assert len(heatmap.mean_bytes) <= n_rows
    assert heatmap.bins.width_ns == width
    if cells:
        assert heatmap.row_bytes == row_bytes
    expected = np.zeros(heatmap.mean_bytes.shape)
    for cell, mean in cells.items():
        expected[cell] = mean
    assert heatmap.mean_bytes == pytest.approx(expected)
    assert (heatmap.touched == (expected > 0)).all()


def test_levels_say_empty_full_and_touched() -> None:
    full, half, moment = Block(0, 64, 0), Block(64, 32, 0), Block(128, 1, 500, 500)
    heatmap = draw([full, half, moment], n_columns=1)
    assert heatmap.row_bytes == 64
    assert heatmap.row_addresses.tolist() == [0, 64, 128]
    assert heatmap.levels[:, 0].tolist() == [255, 223, 1]


def test_what_was_never_used_is_left_out() -> None:
    heatmap = draw([Block(0x5000, 64), Block(0x7FFF_0000_0000, 64)])
    assert heatmap.row_addresses.tolist() == [0x5000, 0x7FFF_0000_0000]
    assert heatmap.regions.gaps.tolist() == [0x7FFF_0000_0000 - 0x5040]


def test_a_block_larger_than_the_address_space_harms_nothing() -> None:
    heatmap = draw([Block(2**63, 2**64 - 1), Block(2**64 - 1, 2**64 - 1), Block(0, 1)], n_rows=2)
    assert len(heatmap.mean_bytes) == 2
