"""The program's own mappings, one after the other: they are few, and overlap as they like."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

PAGE_BYTES = 4096
_END = 1 << 64


class Mappings:
    """The address ranges that mmap gave and munmap did not take back yet, in whole pages."""

    def __init__(self) -> None:
        """Begins with none."""
        self.mapped_bytes = 0
        self.peak_bytes = 0
        self._starts: list[int] = []  # of disjoint ranges, increasing
        self._ends: list[int] = []

    def map(self, address: int, size: int) -> None:
        """Adds a range; what was mapped there is replaced."""
        start, end = _round(address, size)
        self._remove(start, end)
        if start < end:
            at = bisect_left(self._starts, start)
            self._starts.insert(at, start)
            self._ends.insert(at, end)
            self.mapped_bytes += end - start
            self.peak_bytes = max(self.peak_bytes, self.mapped_bytes)

    def unmap(self, address: int, size: int) -> None:
        """Takes a range away, as far as it was mapped."""
        self._remove(*_round(address, size))

    def _remove(self, start: int, end: int) -> None:
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        if first >= last or start >= end:
            return
        old_start, old_end = self._starts[first], self._ends[last - 1]
        removed = zip(self._starts[first:last], self._ends[first:last], strict=True)
        self.mapped_bytes -= sum(stop - begin for begin, stop in removed)
        kept = [(old_start, start)] * (old_start < start) + [(end, old_end)] * (end < old_end)
        self._starts[first:last] = [begin for begin, _ in kept]
        self._ends[first:last] = [stop for _, stop in kept]
        self.mapped_bytes += sum(stop - begin for begin, stop in kept)


def _round(address: int, size: int) -> tuple[int, int]:
    """Returns the pages that a range touches; none where it has no bytes or leaves the address space."""
    if size == 0 or address + size > _END - PAGE_BYTES:
        return 0, 0
    return address // PAGE_BYTES * PAGE_BYTES, -(-(address + size) // PAGE_BYTES) * PAGE_BYTES
