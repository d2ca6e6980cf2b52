"""Blocks as a test writes them, and the columns that analyses take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from vizreport.model.block_batch import NEVER, BlockBatch
from vizreport.model.live_set import LiveSet


@dataclass(frozen=True, slots=True)
class Block:
    """One block; end is None while it is live."""

    address: int
    size: int
    start: int = 0
    end: int | None = None
    stack: int = 3
    thread: int = 0
    inherited: bool = False


def make_batch(blocks: Sequence[Block]) -> BlockBatch:
    n = len(blocks)
    return BlockBatch(
        addresses=np.array([block.address for block in blocks], np.uint64),
        sizes=np.array([block.size for block in blocks], np.uint64),
        start_times=np.array([block.start for block in blocks], np.uint64),
        end_times=np.array([NEVER if block.end is None else block.end for block in blocks], np.uint64),
        start_stacks=np.array([block.stack for block in blocks], np.uint32),
        end_stacks=np.zeros(n, np.uint32),
        start_threads=np.array([block.thread for block in blocks], np.uint32),
        end_threads=np.zeros(n, np.uint32),
        temporary=np.zeros(n, np.bool_),
        inherited=np.array([block.inherited for block in blocks], np.bool_),
    )


def make_live_set(blocks: Sequence[Block], time_ns: int = 0) -> LiveSet:
    blocks = sorted(blocks, key=lambda block: block.address)
    return LiveSet(
        time_ns=time_ns,
        addresses=np.array([block.address for block in blocks], np.uint64),
        sizes=np.array([block.size for block in blocks], np.uint64),
        start_times=np.array([block.start for block in blocks], np.uint64),
        stacks=np.array([block.stack for block in blocks], np.uint32),
        threads=np.array([block.thread for block in blocks], np.uint32),
    )


def split(blocks: Sequence[Block], n: int) -> list[BlockBatch]:
    """Cuts blocks into batches of n."""
    return [make_batch(blocks[k : k + n]) for k in range(0, len(blocks), n)]


@st.composite
def blocks_in_time(draw: st.DrawFn, *, last: int = 1000, max_size: int = 30_000) -> list[Block]:
    """Blocks at a few far and near places, which may overlap; times in [0, last]."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from([0x5000, 0x5555_0000_0000, 0x7FFF_0000_0000]),
                st.integers(0, 40_000),
                st.integers(0, max_size) | st.integers(0, 64),
                st.integers(0, last),
                st.none() | st.integers(0, last),
                st.integers(1, 6),
                st.booleans(),
            ),
            max_size=12,
        )
    )
    return [
        Block(base + offset, size, start, None if length is None else min(start + length, last), stack, 0, inherited)
        for base, offset, size, start, length, stack, inherited in rows
    ]


@st.composite
def live_blocks(draw: st.DrawFn, *, n: int = 12) -> list[Block]:
    """Blocks that live side by side, not overlapping, with gaps small and large."""
    address = draw(st.sampled_from([0, 0x5000, 0x5555_0000_0010]))
    blocks: list[Block] = []
    for gap, size, stack, start in draw(
        st.lists(
            st.tuples(
                st.integers(0, 64) | st.integers(0, 300_000),
                st.integers(0, 200) | st.integers(0, 20_000),
                st.integers(1, 4),
                st.integers(0, 100),
            ),
            max_size=n,
        )
    ):
        address += gap + (blocks[-1].size == 0 if blocks else 0)  # no two blocks at one address
        blocks.append(Block(address, size, start, stack=stack))
        address += size
    return [replace(block, thread=block.stack % 2) for block in blocks]
