"""Regions equal their slow twin; and the rules, one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures_oracle import find_regions as find_regions_slowly

from vizreport.analysis.regions import PAGE, Regions, find_regions

MIB = 1 << 20
RANGES = st.lists(
    st.tuples(
        st.sampled_from([0, 0x5555_0000_0000, 0x7FFF_0000_0000]), st.integers(0, 4 * MIB), st.integers(0, 2 * MIB)
    ),
    max_size=10,
)


def find(ranges: list[tuple[int, int]], *, granule: int = PAGE, max_regions: int = 128) -> Regions:
    starts = np.array([start for start, _ in ranges], np.uint64)
    ends = np.array([end for _, end in ranges], np.uint64)
    return find_regions(starts, ends, granule=granule, max_regions=max_regions)


@given(RANGES, st.sampled_from([PAGE, 64 * 1024]), st.sampled_from([1, 2, 4, 128]))
def test_regions_equal_their_slow_twin(rows: list[tuple[int, int, int]], granule: int, max_regions: int) -> None:
    ranges = [(base + offset, base + offset + size) for base, offset, size in rows]
    regions = find(ranges, granule=granule, max_regions=max_regions)
    found = list(zip(regions.starts.tolist(), regions.ends.tolist(), strict=True))
    assert found == find_regions_slowly(ranges, granule, max_regions)


def test_a_large_gap_is_left_out_and_a_small_one_is_not() -> None:
    regions = find([(0, PAGE), (2 * PAGE, 3 * PAGE), (64 * MIB, 65 * MIB)])
    assert list(zip(regions.starts.tolist(), regions.ends.tolist(), strict=True)) == [
        (0, 3 * PAGE),
        (64 * MIB, 65 * MIB),
    ]
    assert regions.gaps.tolist() == [64 * MIB - 3 * PAGE]
    assert regions.fold(np.array([5, 64 * MIB + 7], np.uint64)).tolist() == [5, 3 * PAGE + 7]


def test_ranges_at_the_end_of_the_address_space_do_not_wrap() -> None:
    regions = find([(2**64 - 100, 2**64 - 1)])
    assert len(regions.starts) == 1
    assert regions.starts[0] < regions.ends[0]


@pytest.mark.parametrize(("gap", "n_regions"), [(64 * 1024 - PAGE, 1), (64 * 1024, 2)])
def test_a_gap_of_64_kib_is_left_out(gap: int, n_regions: int) -> None:
    assert len(find([(0, PAGE), (PAGE + gap, 2 * PAGE + gap)]).starts) == n_regions
