"""The replay equals its slow twin in everything; and the cases that are easy to get wrong, one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from builders import Event, done, free, malloc, move, release, undo
from hypothesis import given
from hypothesis import strategies as st
from replay_oracle import (
    Heap,
    expect_batch,
    expect_peak,
    expect_stacks,
    expect_threads,
    expect_timeline,
    expect_totals,
)
from replay_oracle import replay as replay_slowly

from vizreport.kernels import Replay
from vizreport.kernels.native import KernelError, NativeReplay, load_library
from vizreport.kernels.reference import ReferenceReplay
from vizreport.model.block_batch import BlockBatch
from vizreport.model.live_set import LiveSet
from vizreport.model.replay import CoreResults, Totals
from vizreport.trace.event_block import EventBlock, find_sized, find_stacked

A, B, C = 0x1000, 0x2000, 0x3000
MakeReplay = Callable[..., Replay]
KERNELS: dict[str, MakeReplay] = {"numpy": ReferenceReplay}
with suppress(KernelError):  # test_kernels.py says so
    KERNELS["native"] = partial(NativeReplay, load_library())
each_kernel = pytest.mark.parametrize("make", KERNELS.values(), ids=KERNELS)


def make_inheritance(blocks: Sequence[tuple[int, int]], time: int = 0) -> LiveSet:
    n = len(blocks)
    addresses, sizes = ([block[k] for block in blocks] for k in (0, 1))
    order = np.argsort(np.array(addresses, np.uint64))
    return LiveSet(
        time,
        np.array(addresses, np.uint64)[order],
        np.array(sizes, np.uint64)[order],
        np.full(n, time, np.uint64),
        np.zeros(n, np.uint32),
        np.zeros(n, np.uint32),
    )


def make_block(
    events: Sequence[Event], times: Sequence[int], *, free_stacks: bool = False, share: bool = True
) -> EventBlock:
    """Returns events as a block; share: each address stands in it once, else once for each event."""
    kinds = np.array([event.kind for event in events], np.uint8)
    sizes, stacks = np.array([e.size for e in events], np.uint64), np.array([e.stack for e in events], np.uint32)
    addresses = np.array([event.address for event in events], np.uint64)
    ordinals = np.arange(len(events))
    if share:
        addresses, ordinals = np.unique(addresses, return_inverse=True)
    run_ends = [k for k in range(1, len(events) + 1) if k == len(events) or times[k] != times[k - 1]]
    return EventBlock(
        kinds,
        np.array([event.thread for event in events], np.uint32),
        np.array([times[end - 1] for end in run_ends], np.uint64),
        np.array(run_ends, np.uint32),
        addresses,
        ordinals.astype(np.uint32),
        sizes[find_sized(kinds)],
        stacks[find_stacked(kinds, free_stacks=free_stacks)],
        free_stacks,
    )


def rows_of(batch: BlockBatch) -> list[tuple[Any, ...]]:
    return list(zip(*(getattr(batch, name).tolist() for name in BlockBatch.__slots__), strict=True))


def columns_of(result: Any) -> dict[str, Any]:
    columns = {name: getattr(result, name) for name in type(result).__slots__}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in columns.items()}


def run(make: MakeReplay, *events: Event, inherited: Sequence[tuple[int, int]] = ()) -> Totals:
    replay = make(np.array([0, 100], np.uint64), make_inheritance(inherited))
    if events:
        replay.feed(make_block(events, range(len(events))))
    return replay.take_results().totals


ADDRESSES = st.sampled_from([A, B, C, 0x4000])
EVENTS = st.builds(
    Event,
    kind=st.sampled_from([1, 1, 2, 16, 16, 24, 25, 26, 27, 32, 40]),
    address=ADDRESSES,
    size=st.sampled_from([0, 1, 5, 100, 4096, 5000, 1 << 40]),
    thread=st.sampled_from([0, 0, 1, 7]),
    stack=st.sampled_from([0, 2, 3, 4, 0xFFFFFFFF]),
)
INHERITED = st.lists(st.tuples(ADDRESSES, st.integers(0, 99)), max_size=3, unique_by=lambda block: block[0])


def pages_of(events: list[Event]) -> list[Event]:
    """Mappings of a terabyte are too many pages for the slow twin."""
    return [replace(event, size=event.size % 20000) if event.kind >= 32 else event for event in events]


def check(core: CoreResults, heap: Heap, edges: list[int]) -> None:
    assert columns_of(core.totals) == expect_totals(heap)
    assert columns_of(core.peak) == expect_peak(heap)
    assert columns_of(core.stacks) == expect_stacks(heap)
    assert columns_of(core.threads) == expect_threads(heap)
    assert columns_of(core.timeline) == {"edges": edges, **expect_timeline(heap, edges)}


@each_kernel
@given(
    events=st.lists(EVENTS, max_size=40).map(pages_of),
    steps=st.lists(st.sampled_from([0, 0, 1, 3]), min_size=40, max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=3),
    inherited=INHERITED,
    n_bins=st.integers(1, 8),
    free_stacks=st.booleans(),
    share=st.booleans(),
)
def test_replay_equals_its_slow_twin(
    make: MakeReplay,
    events: list[Event],
    steps: list[int],
    cuts: list[int],
    inherited: list[tuple[int, int]],
    n_bins: int,
    free_stacks: bool,
    share: bool,
) -> None:
    """Whatever happens, fed in however many blocks."""
    times = np.cumsum([5, *steps])[: len(events)].tolist()
    edges = [4 + (30 * k) // n_bins for k in range(n_bins + 1)]
    heap = replay_slowly(events, times, inherited, fork_time=3, free_stacks=free_stacks)
    replay = make(np.array(edges, np.uint64), make_inheritance(inherited, 3))
    ended: list[tuple[Any, ...]] = []
    bounds = sorted({0, len(events), *(cut for cut in cuts if cut < len(events))})
    for begin, end in pairwise(bounds):
        block = make_block(events[begin:end], times[begin:end], free_stacks=free_stacks, share=share)
        batch = replay.feed(block, ended=True)
        assert batch is not None
        ended += rows_of(batch)
        live = replay.take_live_set(times[end - 1])
        expected = heap.moments[end - 1].live
        assert live.addresses.tolist() == [each.address for each in expected]
        assert live.sizes.tolist() == [each.size for each in expected]
        assert live.start_times.tolist() == [each.start for each in expected]
        so_far = replay_slowly(events[:end], times[:end], inherited, fork_time=3, free_stacks=free_stacks)
        check(replay.take_results(), so_far, edges)
    assert ended == expect_batch(heap.ended)
    assert sorted(rows_of(replay.take_live_batch())) == sorted(expect_batch(heap.live()))
    check(replay.take_results(), heap, edges)


@each_kernel
@given(
    events=st.lists(EVENTS, min_size=1, max_size=30).map(pages_of),
    at=st.integers(0, 30),
    inherited=INHERITED,
    free_stacks=st.booleans(),
)
def test_a_copy_goes_on_alone(
    make: MakeReplay, events: list[Event], at: int, inherited: list[tuple[int, int]], free_stacks: bool
) -> None:
    times, edges = [5 + k for k in range(len(events))], [0, 10, 20, 50]
    at = min(at, len(events))

    def feed(replay: Replay, begin: int, end: int) -> None:
        if begin < end:
            replay.feed(make_block(events[begin:end], times[begin:end], free_stacks=free_stacks))

    def expect(n: int) -> Heap:
        return replay_slowly(events[:n], times[:n], inherited, fork_time=3, free_stacks=free_stacks)

    replay = make(np.array(edges, np.uint64), make_inheritance(inherited, 3))
    feed(replay, 0, at)
    copies = [replay.copy(), replay.copy().copy()]
    feed(copies[0], at, len(events))
    check(replay.take_results(), expect(at), edges)
    feed(replay, at, len(events))
    check(copies[1].take_results(), expect(at), edges)
    for each in (replay, copies[0]):
        check(each.take_results(), expect(len(events)), edges)
    del replay
    feed(copies[1], at, len(events))
    check(copies[1].take_results(), expect(len(events)), edges)
    assert sorted(rows_of(copies[1].take_live_batch())) == sorted(expect_batch(expect(len(events)).live()))


@each_kernel
def test_a_copy_of_many_blocks(make: MakeReplay) -> None:
    replay = make(np.array([0, 100], np.uint64), make_inheritance([]))
    blocks = [malloc(16 * k, k, stack=2 + k % 1000, thread=k % 100, time=k) for k in range(1, 50_001)]
    replay.feed(make_block(blocks, [1] * len(blocks)))
    small, large = make(np.array([0, 100], np.uint64)).n_bytes, replay.n_bytes
    assert large > small + 50_000 * 16
    twin = replay.copy()
    assert twin.n_bytes > small + 50_000 * 16
    frees = [free(block.address, thread=block.thread) for block in blocks]
    twin.feed(make_block(frees, [2] * len(frees)))
    assert twin.take_results().totals.live_blocks == 0
    assert replay.take_results().totals.live_blocks == 50_000


@given(st.lists(EVENTS, min_size=2, max_size=20), st.data())
def test_a_block_falls_into_two(events: list[Event], data: st.DataObject) -> None:
    times = sorted(data.draw(st.lists(st.integers(0, 9), min_size=len(events), max_size=len(events))))
    block = make_block(events, times, free_stacks=True)
    at = data.draw(st.integers(1, len(events) - 1))
    whole, parts = block.expand(), [part.expand() for part in block.split(at)]
    for name in type(whole).__slots__:
        assert [*getattr(parts[0], name), *getattr(parts[1], name)] == getattr(whole, name).tolist(), name
    for time in range(-1, 11):
        if time >= 0:
            assert block.find_row(time) == sum(each <= time for each in times)


@each_kernel
def test_a_reallocation_is_one_alloc_and_one_free(make: MakeReplay) -> None:
    totals = run(make, malloc(A, 10), release(A), move(B, 30), free(B))
    assert (totals.allocs, totals.frees, totals.bytes_allocated, totals.live_blocks) == (2, 2, 40, 0)
    assert totals.n_unmatched_frees == 0


@each_kernel
def test_another_thread_gets_the_address_before_the_second_half(make: MakeReplay) -> None:
    totals = run(make, malloc(A, 10), release(A), malloc(A, 7, thread=1), move(B, 30), free(A, thread=1))
    assert (totals.live_bytes, totals.live_blocks) == (30, 1)
    assert (totals.n_unmatched_frees, totals.n_duplicates) == (0, 0)


@each_kernel
@pytest.mark.parametrize("events", [(), (undo(A),)])
def test_a_reallocation_that_failed_or_never_ended_leaves_the_block(
    make: MakeReplay, events: tuple[Event, ...]
) -> None:
    totals = run(make, malloc(A, 10), release(A), *events)
    assert (totals.allocs, totals.frees, totals.live_bytes) == (1, 0, 10)
    assert totals.n_unmatched_frees == 0


@each_kernel
def test_killed_in_a_reallocation_after_another_got_the_address(make: MakeReplay) -> None:
    """The old block counts on, as the format has it; that its address was given to another is no anomaly."""
    totals = run(make, malloc(A, 10), release(A), malloc(A, 7, thread=1))
    assert (totals.live_bytes, totals.live_blocks, totals.n_duplicates) == (17, 2, 0)


@each_kernel
def test_a_reallocation_to_nothing_is_a_free(make: MakeReplay) -> None:
    totals = run(make, malloc(A, 10), release(A), done(A))
    assert (totals.allocs, totals.frees, totals.live_blocks) == (1, 1, 0)


@each_kernel
def test_nested_reallocations_tie_innermost_first(make: MakeReplay) -> None:
    totals = run(make, malloc(A, 1), malloc(B, 2), release(A), release(B), undo(B), move(C, 5))
    assert (totals.live_bytes, totals.live_blocks) == (7, 2)
    assert totals.n_unmatched_frees == 0


@each_kernel
@pytest.mark.parametrize(
    ("events", "n_temporary"),
    [
        ((malloc(A, 1), release(A), undo(A), free(A)), 1),
        ((malloc(A, 1), release(A), malloc(B, 1), undo(A), free(A)), 0),
        ((malloc(A, 1), release(A), malloc(A, 1, thread=1), free(A), undo(A), free(A)), 2),
        ((malloc(A, 1), release(A), malloc(A, 1), free(A), undo(A), free(A)), 1),
        ((malloc(A, 1), release(A), malloc(A, 1), malloc(A, 1, thread=1), free(A), undo(A), free(A)), 1),
        ((malloc(A, 1), malloc(A, 1), free(A), free(A)), 1),
    ],
)
def test_temporary_is_what_its_thread_allocated_last(
    make: MakeReplay, events: tuple[Event, ...], n_temporary: int
) -> None:
    """A block that comes back to its address is still the last, if its thread allocated nothing meanwhile."""
    assert run(make, *events).n_temporary == n_temporary


@each_kernel
def test_freeing_an_inherited_block_is_no_anomaly(make: MakeReplay) -> None:
    totals = run(make, free(A), malloc(A, 5), inherited=[(A, 100), (B, 50)])
    assert totals.n_unmatched_frees == 0
    assert (totals.frees, totals.live_bytes, totals.inherited_bytes, totals.inherited_blocks) == (1, 5, 50, 1)


@each_kernel
def test_mappings_are_not_heap(make: MakeReplay) -> None:
    totals = run(make, Event(32, A, 8192), malloc(A, 1), Event(40, A, 4096))
    assert (totals.allocs, totals.frees, totals.bytes_allocated) == (1, 0, 1)
    assert (totals.mapped_bytes, totals.peak_mapped_bytes, totals.n_unmatched_frees) == (4096, 8192, 0)


@each_kernel
def test_unmatched_and_doubled_are_counted(make: MakeReplay) -> None:
    totals = run(make, free(A), malloc(B, 1), malloc(B, 2), move(C, 3))
    assert (totals.n_unmatched_frees, totals.n_duplicates) == (2, 1)


@each_kernel
def test_sizes_beyond_four_gigabytes_add_up(make: MakeReplay) -> None:
    assert run(make, malloc(A, 1 << 45), malloc(B, 1 << 45)).bytes_allocated == 1 << 46


@each_kernel
def test_nothing_happened(make: MakeReplay) -> None:
    totals = run(make)
    assert (totals.n_events, totals.allocs, totals.live_blocks) == (0, 0, 0)


@each_kernel
def test_a_reallocation_outlasts_a_hundred_thousand_others(make: MakeReplay) -> None:
    """The table of addresses is rebuilt several times in between, and the block comes back all the same."""
    replay = make(np.array([0, 100], np.uint64), make_inheritance([]))
    replay.feed(make_block([malloc(A, 10), release(A)], [0, 0]))
    for k in range(10):
        addresses = range(16 * 10_000 * (k + 1), 16 * 10_000 * (k + 2), 16)
        others = [event for address in addresses for event in (malloc(1 << 40 | address, 1), free(1 << 40 | address))]
        replay.feed(make_block(others, [1] * len(others)))
    replay.feed(make_block([undo(A), malloc(A + 16, 1), free(A)], [2, 2, 2]))
    totals = replay.take_results().totals
    assert (totals.live_bytes, totals.n_duplicates, totals.n_unmatched_frees) == (1, 0, 0)
    assert totals.allocs == 100_002
