"""A slow, obvious twin of the streaming replay: one event after the other, in dicts, all of them in memory.

It shares nothing with kernels, reader or model but the numbers of kinds. What it counts is compared with CoreResults,
field by field, and the blocks with those of BlockBatch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from builders import Event

from vizreport.trace.format import KINDS, KindClass

NEVER = 2**64 - 1
PAGE = 4096


@dataclass(eq=False)
class Block:
    """A block from its start on; what is None is not known yet."""

    address: int
    size: int
    start: int
    thread: int = 0
    stack: int = 0
    own: bool = True
    number: int = 0
    end: int = NEVER
    end_thread: int = 0
    end_stack: int = 0
    temporary: bool = False
    freed: bool = False


@dataclass
class Moment:
    """After an event: its time, what is live, and what was counted so far."""

    time: int
    live: list[Block]
    allocs: int
    frees: int
    bytes_allocated: int

    @property
    def own(self) -> list[Block]:
        return [block for block in self.live if block.own]

    @property
    def bytes(self) -> int:
        return sum(block.size for block in self.own)


@dataclass
class Heap:
    """Everything that happened.

    Attributes:
        moments: After each event.
        ended: Blocks in the order in which they ended.
    """

    inherited: list[Block]
    free_stacks: bool
    at: dict[int, Block] = field(default_factory=dict)
    pending: dict[int, list[tuple[Block | None, Event]]] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    ended: list[Block] = field(default_factory=list)
    started: list[Block] = field(default_factory=list)
    allocs_of: Counter[int] = field(default_factory=Counter)
    bytes_of: Counter[int] = field(default_factory=Counter)
    frees_of: Counter[int] = field(default_factory=Counter)
    walks: Counter[int] = field(default_factory=Counter)
    pages: set[int] = field(default_factory=set)
    peak_pages: int = 0
    unmatched: int = 0
    duplicates: int = 0

    def live(self) -> list[Block]:
        """A block whose reallocation is under way is live; at one address it comes before the one that has it now."""
        under_way = [block for halves in self.pending.values() for block, _ in halves if block is not None]
        return sorted(
            [*under_way, *self.at.values()],
            key=lambda block: (block.address, block in self.at.values(), block.start, block.size),
        )

    def play(self, event: Event, time: int) -> None:
        kind = KINDS[event.kind][1]
        if kind == KindClass.FREE:
            self.free(event, time)
        elif kind == KindClass.RELEASE:
            block = self.at.pop(event.address, None)
            if block is not None:
                block.temporary = self.is_last(block)
            self.pending.setdefault(event.thread, []).append((block, event))
        elif kind in (KindClass.MOVE, KindClass.DONE, KindClass.UNDO):
            halves = self.pending.get(event.thread, [])
            block, first_half = halves.pop() if halves else (None, None)
            if kind == KindClass.UNDO:
                self.undo(block, event, time)
            else:
                self.frees_of[event.thread] += 1
                self.unmatched += block is None
                if block is not None and first_half is not None:
                    self.end(block, event, time, freed=True, stack=first_half.stack)
        if kind in (KindClass.ALLOC, KindClass.MOVE):
            self.allocate(event, time)
        if kind in (KindClass.MAP, KindClass.UNMAP):
            self.map(event, kind)
        if kind in (KindClass.ALLOC, KindClass.MOVE, KindClass.MAP) or (
            self.free_stacks and kind in (KindClass.FREE, KindClass.RELEASE)
        ):
            self.walks[event.stack] += 1
        self.moments.append(
            Moment(time, self.live(), self.allocs_of.total(), self.frees_of.total(), self.bytes_of.total())
        )

    def allocate(self, event: Event, time: int) -> None:
        self.allocs_of[event.thread] += 1
        self.bytes_of[event.thread] += event.size
        self.displace(event, time)
        block = Block(event.address, event.size, time, event.thread, event.stack, number=self.allocs_of[event.thread])
        self.at[event.address] = block
        self.started.append(block)

    def free(self, event: Event, time: int) -> None:
        self.frees_of[event.thread] += 1
        block = self.at.pop(event.address, None)
        self.unmatched += block is None
        if block is not None:
            block.temporary = self.is_last(block)
            self.end(block, event, time, freed=True, stack=event.stack)

    def undo(self, block: Block | None, event: Event, time: int) -> None:
        if block is None:
            return
        block.temporary = False
        if block.address in self.at:
            self.duplicates += 1
            self.end(block, event, time, freed=False)
        else:
            self.at[block.address] = block

    def displace(self, event: Event, time: int) -> None:
        block = self.at.pop(event.address, None)
        if block is not None:
            self.duplicates += 1
            self.end(block, event, time, freed=False)

    def end(self, block: Block, event: Event, time: int, *, freed: bool, stack: int = 0) -> None:
        block.end, block.end_thread, block.freed = time, event.thread, freed
        block.end_stack = stack if self.free_stacks else 0
        self.ended.append(block)

    def is_last(self, block: Block) -> bool:
        return block.own and block.number == self.allocs_of[block.thread]

    def map(self, event: Event, kind: KindClass) -> None:
        end = event.address + event.size
        pages = set(range(event.address // PAGE, -(-end // PAGE))) if event.size else set()
        self.pages = self.pages | pages if kind == KindClass.MAP else self.pages - pages
        self.peak_pages = max(self.peak_pages, len(self.pages))

    def peak(self) -> int:
        """The event that reached the peak, or -1."""
        levels = [moment.bytes for moment in self.moments]
        return levels.index(max(levels)) if max(levels, default=0) else -1


def replay(
    events: Sequence[Event],
    times: Sequence[int],
    inherited: Sequence[tuple[int, int]] = (),
    *,
    fork_time: int = 0,
    free_stacks: bool = False,
) -> Heap:
    """Replays events, from inherited (address, size)."""
    blocks = [Block(address, size, fork_time, own=False) for address, size in inherited]
    heap = Heap(blocks, free_stacks, at={block.address: block for block in blocks})
    for event, time in zip(events, times, strict=True):
        heap.play(event, time)
    for block in heap.live():
        block.temporary = False  # what is pending at the end has not ended
    return heap


def expect_totals(heap: Heap) -> dict[str, int]:
    live = heap.live()
    own, inherited = [block for block in live if block.own], [block for block in live if not block.own]
    return {
        "n_events": len(heap.moments),
        "allocs": heap.allocs_of.total(),
        "frees": heap.frees_of.total(),
        "bytes_allocated": heap.bytes_of.total(),
        "live_bytes": sum(block.size for block in own),
        "live_blocks": len(own),
        "inherited_bytes": sum(block.size for block in inherited),
        "inherited_blocks": len(inherited),
        "n_unmatched_frees": heap.unmatched,
        "n_duplicates": heap.duplicates,
        "n_temporary": sum(block.temporary for block in heap.ended),
        "mapped_bytes": len(heap.pages) * PAGE,
        "peak_mapped_bytes": heap.peak_pages * PAGE,
    }


def expect_peak(heap: Heap) -> dict[str, int]:
    row = heap.peak()
    if row < 0:
        return {"bytes": 0, "blocks": 0, "time_ns": 0, "row": -1}
    moment = heap.moments[row]
    return {"bytes": moment.bytes, "blocks": len(moment.own), "time_ns": moment.time, "row": row}


def expect_stacks(heap: Heap) -> dict[str, list[int]]:
    """The columns of StackTable."""
    row = heap.peak()
    at_peak = heap.moments[row].own if row >= 0 else []
    at_end = [block for block in heap.live() if block.own]
    started, ended = heap.started, [block for block in heap.ended if block.own]
    stacks = sorted({*heap.walks, *(block.stack for block in started)})

    def of(blocks: list[Block], stack: int) -> list[Block]:
        return [block for block in blocks if block.stack == stack]

    return {
        "stacks": stacks,
        "allocs": [len(of(started, s)) for s in stacks],
        "bytes_allocated": [sum(b.size for b in of(started, s)) for s in stacks],
        "frees": [sum(b.freed for b in of(ended, s)) for s in stacks],
        "live_bytes": [sum(b.size for b in of(at_end, s)) for s in stacks],
        "live_blocks": [len(of(at_end, s)) for s in stacks],
        "peak_bytes": [sum(b.size for b in of(at_peak, s)) for s in stacks],
        "peak_blocks": [len(of(at_peak, s)) for s in stacks],
        "temporary": [sum(b.temporary for b in of(ended, s)) for s in stacks],
        "lifetime_ns": [sum(b.end - b.start for b in of(ended, s) if b.freed) for s in stacks],
        "walks": [heap.walks[s] for s in stacks],
    }


def expect_threads(heap: Heap) -> dict[str, list[int]]:
    """The columns of ThreadTable."""
    freed = [block for block in heap.ended if block.freed and block.own]
    threads = sorted({*heap.allocs_of, *heap.frees_of})
    pairs = sorted({(block.thread, block.end_thread) for block in freed})
    sizes = [[b.size for b in freed if (b.thread, b.end_thread) == pair] for pair in pairs]
    return {
        "threads": threads,
        "allocs": [heap.allocs_of[t] for t in threads],
        "bytes_allocated": [heap.bytes_of[t] for t in threads],
        "frees": [heap.frees_of[t] for t in threads],
        "foreign_frees": [sum(b.end_thread == t != b.thread for b in freed) for t in threads],
        "pair_starts": [start for start, _ in pairs],
        "pair_ends": [end for _, end in pairs],
        "pair_blocks": [len(each) for each in sizes],
        "pair_bytes": [sum(each) for each in sizes],
    }


def expect_timeline(heap: Heap, edges: Sequence[int]) -> dict[str, list[int]]:
    """The columns of Timeline but for its edges."""
    columns: dict[str, list[int]] = {}
    before = Moment(0, [], 0, 0, 0)
    last_bin = len(edges) - 2
    bins = [max([0, *(k for k in range(last_bin + 1) if edges[k] <= moment.time)]) for moment in heap.moments]
    for k in range(last_bin + 1):
        inside = [moment for moment, at in zip(heap.moments, bins, strict=True) if at == k]
        over = [before, *inside]
        n_bytes, n_blocks = [moment.bytes for moment in over], [len(moment.own) for moment in over]
        for name, value in (
            ("min_bytes", min(n_bytes)),
            ("max_bytes", max(n_bytes)),
            ("last_bytes", n_bytes[-1]),
            ("min_blocks", min(n_blocks)),
            ("max_blocks", max(n_blocks)),
            ("last_blocks", n_blocks[-1]),
            ("allocs", over[-1].allocs - before.allocs),
            ("frees", over[-1].frees - before.frees),
            ("bytes_allocated", over[-1].bytes_allocated - before.bytes_allocated),
        ):
            columns.setdefault(name, []).append(value)
        before = over[-1]
    return columns


def expect_batch(blocks: Sequence[Block]) -> list[tuple[int | bool, ...]]:
    """Rows of BlockBatch."""
    return [
        (
            block.address,
            block.size,
            block.start,
            block.end,
            block.stack,
            block.end_stack,
            block.thread,
            block.end_thread,
            block.temporary,
            not block.own,
        )
        for block in blocks
    ]
