"""Measures the replay kernels alone, on made-up events with a million live blocks throughout.

Prints CPU nanoseconds per event, in C and in numpy. `.venv/bin/python bench/replay.py`
"""

import argparse
import statistics
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vizreport.kernels import Replay
from vizreport.kernels.native import NativeReplay, load_library
from vizreport.kernels.reference import ReferenceReplay
from vizreport.trace.event_block import EventBlock
from vizreport.trace.format import MAX_EVENTS

MALLOC, FREE = 1, 16
N_STACKS = 10_000
EDGES = np.linspace(0, 1e12, 1001).astype(np.uint64)


def make_block(
    kinds: NDArray[np.uint8], slots: NDArray[np.int64], start_ns: int, random: np.random.Generator
) -> EventBlock:
    """Returns events at addresses that are 64 bytes apart, 20 to each microsecond."""
    n, n_allocs = len(kinds), int(np.count_nonzero(kinds == MALLOC))
    run_ends = np.append(np.arange(20, n, 20), n).astype(np.uint32)
    return EventBlock(
        kinds=kinds,
        threads=np.zeros(n, np.uint32),
        run_times=(start_ns + np.arange(len(run_ends)) * 1000).astype(np.uint64),
        run_ends=run_ends,
        addresses=(0x5555_0000_0000 + slots * 64).astype(np.uint64),
        ordinals=np.arange(n, dtype=np.uint32),
        sizes=random.integers(1, 200, n_allocs).astype(np.uint64),
        stacks=random.integers(3, 3 + N_STACKS, n_allocs).astype(np.uint32),
        free_stacks=False,
    )


def fill(n_live: int, random: np.random.Generator) -> Iterator[EventBlock]:
    """Yields the allocations of the blocks that live first."""
    for begin in range(0, n_live, MAX_EVENTS):
        slots = np.arange(begin, min(begin + MAX_EVENTS, n_live))
        yield make_block(np.full(len(slots), MALLOC, np.uint8), slots, 0, random)


def churn(n_live: int, n_blocks: int, random: np.random.Generator) -> Iterator[EventBlock]:
    """Yields frees of blocks at random, each followed by an allocation elsewhere."""
    half = min(MAX_EVENTS // 2, n_live)
    live, spare = np.arange(n_live), np.arange(n_live, n_live + half)
    kinds = np.tile(np.array([FREE, MALLOC], np.uint8), half)
    for k in range(n_blocks):
        chosen = random.choice(n_live, half, replace=False)
        freed, taken = live[chosen].copy(), random.permutation(spare)
        live[chosen], spare = taken, freed
        yield make_block(kinds, np.stack([freed, taken], axis=1).ravel(), 10**6 * (k + 1), random)


def measure(replay: Replay, n_live: int, n_blocks: int) -> float:
    """Returns the median of CPU nanoseconds per event over the blocks of churn."""
    random = np.random.default_rng(1)
    for block in fill(n_live, random):
        replay.feed(block)
    seconds: list[float] = []
    for block in churn(n_live, n_blocks, random):
        started = time.thread_time()
        replay.feed(block)
        seconds.append((time.thread_time() - started) / len(block))
    assert replay.take_results().totals.live_blocks == n_live
    return statistics.median(seconds) * 1e9


def main() -> None:
    """Prints a line for each kernel."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--live", type=int, default=1_000_000, help="live blocks (default 1000000)")
    parser.add_argument("--blocks", type=int, default=200, help="of 65536 events each (default 200)")
    options = parser.parse_args()
    native = measure(NativeReplay(load_library(), EDGES), options.live, options.blocks)
    print(f"C:     {native:8.1f} ns of CPU per event")
    numpy = measure(ReferenceReplay(EDGES), options.live, max(options.blocks // 40, 3))
    print(f"numpy: {numpy:8.1f} ns of CPU per event, {numpy / native:.0f} times as many")


if __name__ == "__main__":
    main()
