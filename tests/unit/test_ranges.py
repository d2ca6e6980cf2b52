"""Ranges and growth equal their slow twins."""

import numpy as np
import pytest
from blocks import Block, blocks_in_time, split
from hypothesis import given
from hypothesis import strategies as st
from pictures_oracle import count_ranges
from pictures_oracle import measure_growth as measure_growth_slowly

from vizreport.analysis.growth import NS_PER_MINUTE, measure_growth
from vizreport.analysis.ranges import RangeAccumulator, RangeTable, coarsen_ranges

LAST = 1000


def tabulate(blocks: list[Block], slots: dict[int, int], *, n_bins: int = 10) -> RangeTable:
    accumulator = RangeAccumulator(
        0,
        LAST,
        stacks=np.array(list(slots), np.uint32),
        slots=np.array(list(slots.values()), np.int64),
        n_bins=n_bins,
    )
    for batch in split(blocks, 5):
        accumulator.add(batch)
    return accumulator.result()


@given(
    blocks_in_time(last=LAST),
    st.dictionaries(st.sampled_from([1, 2, 3, 4, 2**32 - 1]), st.integers(0, 3), max_size=4),
    st.sampled_from([1, 10, 64]),
)
def test_ranges_equal_their_slow_twin(blocks: list[Block], slots: dict[int, int], n_bins: int) -> None:
    table = tabulate(blocks, slots, n_bins=n_bins)
    n, other = table.bins.n, max(slots.values(), default=-1) + 1
    expected = count_ranges(blocks, slots, other, table.bins.width_ns, n)
    keys = list(zip(table.slots.tolist(), table.alloc_bins.tolist(), table.free_bins.tolist(), strict=True))
    assert keys == sorted(expected)
    values = list(zip(table.bytes.tolist(), table.blocks.tolist(), strict=True))
    assert dict(zip(keys, values, strict=True)) == expected

    allocated, live = table.sum_allocated(), table.sum_live()
    for slot in range(table.n_slots):
        for k in range(n):
            of_slot = [(key, size) for key, (size, _) in expected.items() if key[0] == slot]
            assert allocated[slot, k] == sum(size for key, size in of_slot if key[1] == k)
            assert live[slot, k] == sum(size for key, size in of_slot if key[1] <= k < key[2])


@given(blocks_in_time(last=LAST), st.integers(1, 12), st.sampled_from([1, 9, 64]))
def test_coarser_ranges_answer_as_if_their_bins_had_been_so_wide(
    blocks: list[Block], most_rows: int, n_bins: int
) -> None:
    slots = {1: 0, 2: 1}
    coarse = coarsen_ranges(tabulate(blocks, slots, n_bins=n_bins), most_rows)
    n = coarse.bins.n
    assert len(coarse) <= most_rows or n == 1
    assert coarse.bins.width_ns * n > LAST >= coarse.bins.width_ns * (n - 1)
    expected = count_ranges(blocks, slots, 2, coarse.bins.width_ns, n)
    keys = list(zip(coarse.slots.tolist(), coarse.alloc_bins.tolist(), coarse.free_bins.tolist(), strict=True))
    values = list(zip(coarse.bytes.tolist(), coarse.blocks.tolist(), strict=True))
    assert list(zip(keys, values, strict=True)) == sorted(expected.items())


def test_rows_are_merged_however_many_are_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vizreport.analysis.ranges._PENDING", 2)
    blocks = [Block(k, 1, k % 7 * 101, stack=3) for k in range(50)]
    table = tabulate(blocks, {3: 0})
    assert table.blocks.tolist() == [8, 7, 7, 7, 7, 7, 7]


def test_asking_twice_answers_twice() -> None:
    accumulator = RangeAccumulator(0, LAST, stacks=np.array([3], np.uint32), slots=np.array([0]))
    for batch in split([Block(0, 5, 0, 1), Block(9, 7, 0, 900)], 1):
        accumulator.add(batch)
    assert accumulator.result().bytes.tolist() == accumulator.result().bytes.tolist() == [5, 7]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=12))
def test_growth_equals_its_slow_twin(series: list[int]) -> None:
    growth = measure_growth(np.array([series, series], np.uint64), bin_ns=NS_PER_MINUTE, warm_up=0)
    slope, trend = measure_growth_slowly(series)
    assert growth.bytes_per_minute == pytest.approx([slope, slope])
    assert growth.trends == pytest.approx([trend, trend])


def test_neither_a_burst_nor_the_start_is_growth() -> None:
    start = [0, 500, 1000] + [1000] * 17
    burst = [10] * 15 + [10_000] + [10] * 4
    leak = list(range(0, 2000, 100))
    growth = measure_growth(np.array([start, burst, leak], np.uint64), bin_ns=NS_PER_MINUTE)
    assert growth.bytes_per_minute.tolist() == [0, 0, 100]
    assert growth.trends[2] == 1
