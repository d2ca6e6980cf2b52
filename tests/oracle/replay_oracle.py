"""Slow, obvious twins of vizreport's replay and of the analyses on it: one event after the other, in dicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from builders import Event

from vizreport.trace.format import KINDS, KindClass


@dataclass
class Block:
    size: int
    thread: int
    own: bool
    stack: int = 0
    allocs_of_thread: int = 0


@dataclass
class Heap:
    """Everything that a summary counts."""

    live: dict[int, Block] = field(default_factory=dict)
    allocs: int = 0
    frees: int = 0
    bytes_allocated: int = 0
    peak: tuple[int, int, int] = (0, 0, 0)
    temporary: int = 0
    unmatched_frees: int = 0
    duplicates: int = 0

    def in_use(self, *, own: bool = True) -> tuple[int, int]:
        blocks = [block for block in self.live.values() if block.own == own]
        return sum(block.size for block in blocks), len(blocks)


def replay(events: Sequence[Event], inherited: Sequence[tuple[int, int]] = ()) -> Heap:
    """Replays events; times are their numbers.

    A block whose reallocation is pending has given its address back but counts as live until the second half.
    """
    heap = Heap(live={address: Block(size, -1, own=False) for address, size in inherited})
    pending: dict[int, list[tuple[int, Block | None]]] = {}
    undone = _find_undone(events)
    n_allocs: dict[int, int] = {}
    releasing: list[Block] = []

    for number, event in enumerate(events):
        kind = KINDS[event.kind][1]
        if kind == KindClass.FREE:
            heap.frees += 1
            _end(heap, heap.live.pop(event.address, None), n_allocs)
        elif kind == KindClass.RELEASE:
            old = None
            if number not in undone:
                old = heap.live.pop(event.address, None)
                _end(heap, old, n_allocs)
                if old is not None:
                    releasing.append(old)
            pending.setdefault(event.thread, []).append((number, old))
        elif kind in (KindClass.UNDO, KindClass.MOVE, KindClass.DONE):
            stack = pending.get(event.thread, [])
            old = None
            if stack:
                _, old = stack.pop()
            elif kind != KindClass.UNDO:
                heap.unmatched_frees += 1
            if old is not None:
                releasing.remove(old)
            heap.frees += kind != KindClass.UNDO
        if kind in (KindClass.ALLOC, KindClass.MOVE):
            heap.allocs += 1
            heap.bytes_allocated += event.size
            n_allocs[event.thread] = n_allocs.get(event.thread, 0) + 1
            heap.duplicates += event.address in heap.live
            heap.live[event.address] = Block(event.size, event.thread, True, event.stack, n_allocs[event.thread])
        size, count = heap.in_use()
        size += sum(block.size for block in releasing if block.own)
        count += sum(block.own for block in releasing)
        if size > heap.peak[0]:
            heap.peak = (size, count, number)
    return heap


def _end(heap: Heap, block: Block | None, n_allocs: dict[int, int]) -> None:
    if block is None:
        heap.unmatched_frees += 1
    elif block.own:
        heap.temporary += n_allocs[block.thread] == block.allocs_of_thread


def _find_undone(events: Sequence[Event]) -> set[int]:
    """Returns the numbers of the RELEASE events that were taken back or never completed."""
    undone: set[int] = set()
    pending: dict[int, list[int]] = {}
    for number, event in enumerate(events):
        kind = KINDS[event.kind][1]
        stack = pending.setdefault(event.thread, [])
        if kind == KindClass.RELEASE:
            stack.append(number)
        elif kind in (KindClass.UNDO, KindClass.MOVE, KindClass.DONE) and stack:
            first_half = stack.pop()
            if kind == KindClass.UNDO:
                undone.add(first_half)
    return undone.union(*pending.values())
