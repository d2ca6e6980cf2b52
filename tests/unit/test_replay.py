"""Replay and the analyses on it equal their slow twins; and the cases that are easy to get wrong, one by one."""

from collections.abc import Sequence

import numpy as np
import pytest
from builders import Event, done, free, make_events, malloc, move, release, undo
from hypothesis import given
from hypothesis import strategies as st
from replay_oracle import replay as replay_slowly

from vizreport.analysis.peak import find_peak
from vizreport.analysis.temporary import find_temporary
from vizreport.analysis.usage import Usage, sum_usage
from vizreport.kernels.reference import replay
from vizreport.model.blocks import Blocks, Inherited

A, B, C = 0x1000, 0x2000, 0x3000


def make_inherited(blocks: Sequence[tuple[int, int]]) -> Inherited:
    return Inherited(
        np.array([address for address, _ in blocks], np.uint64), np.array([size for _, size in blocks], np.uint64)
    )


def run(*events: Event, inherited: Sequence[tuple[int, int]] = ()) -> tuple[Usage, Blocks]:
    columns = make_events(events)
    blocks = replay(columns, make_inherited(inherited))
    return sum_usage(columns, blocks), blocks


ADDRESSES = st.sampled_from([A, B, C, 0x4000])
EVENTS = st.builds(
    Event,
    kind=st.sampled_from([1, 2, 16, 24, 25, 26, 27, 32, 40]),
    address=ADDRESSES,
    size=st.integers(1, 1000),
    thread=st.integers(0, 2),
)
INHERITED = st.lists(st.tuples(ADDRESSES, st.integers(1, 99)), max_size=3, unique_by=lambda block: block[0])


@given(st.lists(EVENTS, max_size=30), INHERITED)
def test_replay_equals_its_slow_twin(events: list[Event], inherited: list[tuple[int, int]]) -> None:
    columns, heap = make_events(events), replay_slowly(events, inherited)
    blocks = replay(columns, make_inherited(inherited))
    usage, peak = sum_usage(columns, blocks), find_peak(columns, blocks)
    assert (usage.allocs, usage.frees, usage.bytes_allocated) == (heap.allocs, heap.frees, heap.bytes_allocated)
    assert (blocks.n_unmatched_frees, blocks.n_duplicates) == (heap.unmatched_frees, heap.duplicates)
    assert (usage.live_bytes, usage.live_blocks) == heap.in_use()
    assert (usage.inherited_bytes, usage.inherited_blocks) == heap.in_use(own=False)
    assert int(find_temporary(columns, blocks).sum()) == heap.temporary
    assert (peak.bytes, peak.blocks, peak.time_ns) == heap.peak


def test_a_reallocation_is_one_alloc_and_one_free() -> None:
    usage, blocks = run(malloc(A, 10), release(A), move(B, 30), free(B))
    assert (usage.allocs, usage.frees, usage.bytes_allocated, usage.live_blocks) == (2, 2, 40, 0)
    assert blocks.n_unmatched_frees == 0


def test_another_thread_gets_the_address_before_the_second_half() -> None:
    usage, blocks = run(malloc(A, 10), release(A), malloc(A, 7, thread=1), move(B, 30), free(A, thread=1))
    assert (usage.live_bytes, usage.live_blocks) == (30, 1)
    assert (blocks.n_unmatched_frees, blocks.n_duplicates) == (0, 0)


@pytest.mark.parametrize("events", [(), (undo(A),)])
def test_a_reallocation_that_failed_or_never_ended_leaves_the_block(events: tuple[Event, ...]) -> None:
    usage, blocks = run(malloc(A, 10), release(A), *events)
    assert (usage.allocs, usage.frees, usage.live_bytes) == (1, 0, 10)
    assert blocks.n_unmatched_frees == 0


def test_a_reallocation_to_nothing_is_a_free() -> None:
    usage, _ = run(malloc(A, 10), release(A), done(A))
    assert (usage.allocs, usage.frees, usage.live_blocks) == (1, 1, 0)


def test_nested_reallocations_tie_innermost_first() -> None:
    usage, blocks = run(malloc(A, 1), malloc(B, 2), release(A), release(B), undo(B), move(C, 5))
    assert (usage.live_bytes, usage.live_blocks) == (7, 2)
    assert blocks.n_unmatched_frees == 0


def test_freeing_an_inherited_block_is_no_anomaly() -> None:
    usage, blocks = run(free(A), malloc(A, 5), inherited=[(A, 100), (B, 50)])
    assert blocks.n_unmatched_frees == 0
    assert (usage.frees, usage.live_bytes, usage.inherited_bytes, usage.inherited_blocks) == (1, 5, 50, 1)


def test_mappings_are_not_heap() -> None:
    usage, blocks = run(Event(32, A, 4096), malloc(A, 1), Event(40, A, 4096))
    assert (usage.allocs, usage.frees, usage.bytes_allocated) == (1, 0, 1)
    assert blocks.n_unmatched_frees == 0


def test_unmatched_and_doubled_are_counted() -> None:
    _, blocks = run(free(A), malloc(B, 1), malloc(B, 2), move(C, 3))
    assert (blocks.n_unmatched_frees, blocks.n_duplicates) == (2, 1)


def test_sizes_beyond_four_gigabytes_add_up() -> None:
    usage, _ = run(malloc(A, 1 << 45), malloc(B, 1 << 45))
    assert usage.bytes_allocated == 1 << 46
