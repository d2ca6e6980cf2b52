"""Sizes and lifetimes equal their slow twins."""

import numpy as np
from blocks import Block, blocks_in_time, make_batch, split
from hypothesis import given
from hypothesis import strategies as st
from pictures_oracle import count_size_lifetimes, find_log_bin
from pictures_oracle import find_log_edges as find_log_edges_slowly

from vizreport.analysis.log_bins import N_LOG_BINS, find_log_bins, find_log_edges
from vizreport.analysis.size_lifetimes import SizeLifetimes, SizeLifetimesAccumulator


def measure(blocks: list[Block]) -> SizeLifetimes:
    accumulator = SizeLifetimesAccumulator()
    for batch in split(blocks, 5):
        accumulator.add(batch)
    return accumulator.result()


def test_edges_equal_their_slow_twin() -> None:
    assert find_log_edges().tolist() == find_log_edges_slowly()


@given(st.integers(0, 2**64 - 1) | st.integers(0, 63).flatmap(lambda k: st.integers(-3, 3).map(lambda d: (1 << k) + d)))
def test_bins_equal_their_slow_twin(value: int) -> None:
    value = max(value, 0)
    assert find_log_bins(np.array([value], np.uint64)).tolist() == [find_log_bin(value)]


@given(blocks_in_time())
def test_size_lifetimes_equal_their_slow_twin(blocks: list[Block]) -> None:
    counts, sizes = count_size_lifetimes(blocks)
    result = measure(blocks)
    for size, lifetime in zip(*np.nonzero(result.blocks), strict=True):
        key = int(size), -1 if lifetime == N_LOG_BINS else int(lifetime)
        assert result.blocks[size, lifetime] == counts.pop(key)
        assert result.bytes[size, lifetime] == sizes[key]
    assert not counts


def test_sizes_count_all_blocks_and_lifetimes_those_that_ended() -> None:
    result = measure([Block(0, 100, 0, 7), Block(0, 100, 3, None), Block(0, 5, 0, 9), Block(0, 9, inherited=True)])
    sizes, lifetimes = result.sizes, result.lifetimes
    assert {int(e): (int(n), int(b)) for e, n, b in zip(sizes.edges, sizes.blocks, sizes.bytes, strict=True) if n} == {
        5: (1, 5),
        96: (2, 200),
    }
    assert {int(e): int(n) for e, n in zip(lifetimes.edges, lifetimes.blocks, strict=True) if n} == {7: 1, 8: 1}
    assert result.n_live == 1


def test_nothing_gives_empty_histograms() -> None:
    accumulator = SizeLifetimesAccumulator()
    accumulator.add(make_batch([]))
    assert len(accumulator.result().sizes.edges) == len(accumulator.result().lifetimes.edges) == 0
