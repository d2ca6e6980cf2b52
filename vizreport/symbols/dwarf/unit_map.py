"""Which compile unit an address belongs to.

By .debug_aranges where a unit is in it, else by what the unit's own DIE covers. Where several claim an address the one
that stands first in .debug_info counts.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from vizreport.symbols.dwarf.constants import UnitType
from vizreport.symbols.dwarf.debug_info import DebugInfo
from vizreport.symbols.dwarf.ranges import Range, read_ranges
from vizreport.symbols.dwarf.unit import Unit


class UnitMap:
    """Finds units by address."""

    def __init__(self, info: DebugInfo) -> None:
        """Reads what all units cover."""
        self._units = {unit.offset: unit for unit in info.units}
        claims = _read_aranges(info)
        for unit in info.units:
            if unit.offset not in claims and unit.kind in (UnitType.COMPILE, UnitType.SKELETON):
                claims[unit.offset] = read_ranges(unit, unit.root)
        self._starts, self._owners = _flatten(claims)

    def find(self, address: int) -> Unit | None:
        """Returns the unit that covers an address."""
        at = bisect_right(self._starts, address) - 1
        return self._units.get(self._owners[at]) if at >= 0 else None


def _flatten(claims: dict[int, list[Range]]) -> tuple[list[int], list[int]]:
    """Returns addresses where the owner changes, increasing, and the owners from there on; -1: none."""
    rows = sorted((low, high, owner) for owner, ranges in claims.items() for low, high in ranges)
    points = np.unique(np.array([(low, high) for low, high, _ in rows], dtype=np.uint64))
    owners = np.full(len(points), -1, dtype=np.int64)
    # Painted from the last unit to the first, so that the first stays on top.
    rows.sort(key=lambda row: row[2], reverse=True)
    lows = np.searchsorted(points, np.array([row[0] for row in rows], dtype=np.uint64)).tolist()
    highs = np.searchsorted(points, np.array([row[1] for row in rows], dtype=np.uint64)).tolist()
    for (_, _, owner), first, last in zip(rows, lows, highs, strict=True):
        owners[first:last] = owner
    return points.tolist(), owners.tolist()


def _read_aranges(info: DebugInfo) -> dict[int, list[Range]]:
    """Returns the ranges of each unit in .debug_aranges, by the unit's offset (DWARF 5, section 6.1.2)."""
    claims: dict[int, list[Range]] = {}
    data, order = info.sections.aranges, info.order
    at = 0
    while at < len(data):
        start = at
        length, offset_bytes, at = order.read_length(data, at)
        end = at + length
        unit = order.read(data, at + 2, offset_bytes)
        size, segment = data[at + 2 + offset_bytes], data[at + 3 + offset_bytes]
        if size not in (4, 8) or segment or end > len(data):
            raise ValueError("a set of .debug_aranges is damaged")
        at += 4 + offset_bytes
        at += -(at - start) % (2 * size)
        n = (end - at) // (2 * size)
        pairs = np.frombuffer(data, f"{'<' if order.little else '>'}u{size}", 2 * n, at).astype(np.uint64).reshape(n, 2)
        # 0: code that the linker discarded; and the terminator.
        pairs = pairs[(pairs[:, 0] > 0) & (pairs[:, 1] > 0)]
        claims.setdefault(unit, []).extend((low, low + length) for low, length in pairs.tolist())
        at = end
    return claims
